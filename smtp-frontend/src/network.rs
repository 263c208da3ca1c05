//! Sets of addresses.

use std::{fmt, net::IpAddr, str::FromStr};

/// The addresses that begin with the same bits: those of one host, or of a network.
///
/// ```
/// # use smtp_frontend::Network;
/// let network: Network = "192.0.2.0/24".parse()?;
/// assert!(network.contains([192, 0, 2, 7].into()) && !network.contains([192, 0, 3, 7].into()));
/// assert_eq!("::1".parse::<Network>()?.to_string(), "::1/128");
/// assert!("192.0.2.0/33".parse::<Network>().is_err());
/// # Ok::<(), smtp_frontend::NotANetwork>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Neither an address nor an address, a slash and a number of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address, or an address and the length of its prefix")]
pub struct NotANetwork;

impl Network {
    /// The addresses whose first `prefix` bits are those of `address`.
    ///
    /// # Errors
    /// [`NotANetwork`] for more bits than there are: 32 of IPv4, 128 of IPv6.
    pub fn new(address: IpAddr, prefix: u8) -> Result<Self, NotANetwork> {
        let network = Self { address, prefix };
        if prefix > network.bits() { Err(NotANetwork) } else { Ok(network) }
    }

    /// Whether `address` is one of them. An IPv4 address that is mapped into IPv6 is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let behind = u32::from(self.bits() - self.prefix);
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(mine), IpAddr::V4(other)) => {
                (mine.to_bits() ^ other.to_bits()).checked_shr(behind).unwrap_or_default() == 0
            }
            (IpAddr::V6(mine), IpAddr::V6(other)) => {
                (mine.to_bits() ^ other.to_bits()).checked_shr(behind).unwrap_or_default() == 0
            }
            _ => false,
        }
    }

    const fn bits(&self) -> u8 {
        match self.address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        }
    }
}

/// One host.
impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        let host = Self { address, prefix: 0 };
        Self { prefix: host.bits(), ..host }
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let address = |text: &str| text.parse::<IpAddr>().map_err(|_| NotANetwork);
        match text.split_once('/') {
            None => address(text).map(Self::from),
            Some((start, prefix)) => {
                Self::new(address(start)?, prefix.parse().map_err(|_| NotANetwork)?)
            }
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_belongs() {
        for (network, address, belongs) in [
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("192.0.2.7", "::ffff:192.0.2.7", true),
            ("192.0.2.0/25", "192.0.2.127", true),
            ("192.0.2.0/25", "192.0.2.128", false),
            ("192.0.2.99/24", "192.0.2.1", true),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
        ] {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), belongs, "{network} {address}");
            assert_eq!(network.to_string().parse(), Ok(network));
        }
        for text in ["", "/8", "192.0.2.0/", "192.0.2.0/-1", "::/129", "mx.example", "192.0.2.0/33"]
        {
            assert_eq!(text.parse::<Network>(), Err(NotANetwork), "{text}");
        }
    }
}
