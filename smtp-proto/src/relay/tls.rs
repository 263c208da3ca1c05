//! What is demanded of TLS to a host, all told (RFC 3207, RFC 7672, RFC 8461, RFC 8689).

use super::{Dane, HostName, StsMode, StsPolicy, Tlsa};
use crate::answer::Rejection;
use crate::client::TlsUse;

/// What TLS must be to a host, from the least on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsDemand {
    /// None.
    None,
    /// As the server offers; what goes wrong with it is no obstacle.
    Opportunistic,
    /// TLS, with whomever.
    Encrypt,
    /// TLS with a certificate that is trusted, valid now, and has the host's name.
    Verify,
    /// TLS with a certificate that these records are about.
    Dane(alloc::vec::Vec<Tlsa>),
}

impl TlsDemand {
    const fn rank(&self) -> u8 {
        match self {
            Self::None => 0,
            Self::Opportunistic => 1,
            Self::Encrypt => 2,
            Self::Verify => 3,
            Self::Dane(_) => 4,
        }
    }

    fn at_least(self, other: Self) -> Self {
        if self.rank() >= other.rank() { self } else { other }
    }

    /// What a client's opening must do. What must be known of the certificate is checked where the
    /// handshake is.
    #[must_use]
    pub const fn tls_use(&self) -> TlsUse {
        match self {
            Self::None => TlsUse::None,
            Self::Opportunistic => TlsUse::Opportunistic,
            Self::Encrypt | Self::Verify | Self::Dane(_) => TlsUse::Required,
        }
    }
}

/// All that is known about TLS to a host before it is connected to.
#[derive(Clone, Debug)]
pub struct TlsCase<'a> {
    /// The host.
    pub host: &'a HostName,
    /// The MX records led here: its name is only as sure as they are.
    pub by_mx: bool,
    /// DNSSEC vouches for those MX records.
    pub mx_is_secure: bool,
    /// What this side wants of its own.
    pub own: TlsDemand,
    /// What DANE demands.
    pub dane: Dane,
    /// The name whose TLSA records that is of, one of the [bases](super::Secured::tlsa_bases): the host's, or what
    /// it is an alias of.
    pub tlsa_base: &'a HostName,
    /// The policy of the next hop's domain, if it has one.
    pub sts: Option<&'a StsPolicy>,
    /// The message has REQUIRETLS.
    pub require_tls: bool,
    /// The message says `TLS-Required: No`; not looked at with REQUIRETLS (RFC 8689 section 4.1).
    pub tls_required_no: bool,
}

/// Why a host must not be used for a message now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TlsRefusal {
    /// What DANE demands could not be found out (RFC 7672 section 2.1.2).
    #[error("DNS does not say what the host's certificate must be")]
    DaneUnknown,
    /// The policy of the domain does not name the host (RFC 8461 section 5).
    #[error("the domain's policy does not name this host")]
    StsMismatch,
    /// With REQUIRETLS, nobody vouches for the MX records that led to the host (RFC 8689 section
    /// 4.2.1).
    #[error("nobody vouches for the name of this host")]
    NotVouchedFor,
}

impl TlsRefusal {
    /// What it means for the recipient, if no other host is better.
    #[must_use]
    pub const fn rejection(self) -> Rejection<'static> {
        match self {
            Self::DaneUnknown => Rejection::temporary(7, 5, "TLSA records cannot be looked up"),
            Self::StsMismatch => {
                Rejection::temporary(7, 5, "the domain's policy does not name this host")
            }
            Self::NotVouchedFor => {
                Rejection::permanent(7, 10, "REQUIRETLS, and the host's name is not sure")
            }
        }
    }
}

/// What TLS to a host must be, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsDecision {
    /// What it must be.
    pub demand: TlsDemand,
    /// The policy is for testing: what [`Verify`](TlsDemand::Verify) would have asked for is looked
    /// at and reported, and not demanded (RFC 8461 section 5.2).
    pub testing: bool,
    /// The name the client asks for in the handshake (SNI), which the certificate is to have: the host's, or
    /// with [`Dane`](TlsDemand::Dane) that of the records (RFC 7672 section 8.1).
    pub server_name: HostName,
}

impl TlsCase<'_> {
    /// What TLS to the host must be for this message (L-24 to L-26, C-76, C-77).
    ///
    /// REQUIRETLS comes first, and `TLS-Required: No` before what the recipient's domain demands. DANE
    /// is not overruled by MTA-STS (RFC 8461 section 2); where it cannot say whom TLS is with, the
    /// policy of MTA-STS still can.
    ///
    /// # Errors
    ///
    /// [`TlsRefusal`]: try the next host, and in the end defer the message or give it up.
    pub fn decide(self) -> Result<TlsDecision, TlsRefusal> {
        let decision = |demand, testing| {
            let name =
                if matches!(demand, TlsDemand::Dane(_)) { self.tlsa_base } else { self.host };
            Ok(TlsDecision { demand, testing, server_name: name.clone() })
        };
        let sts = self.sts.filter(|policy| policy.mode() != StsMode::None);
        if self.require_tls {
            let vouched = !self.by_mx
                || self.mx_is_secure
                || sts.is_some_and(|policy| policy.allows(self.host));
            if !vouched {
                return Err(TlsRefusal::NotVouchedFor);
            }
        } else if self.tls_required_no {
            return decision(self.own.at_least(TlsDemand::Opportunistic), false);
        }
        let mut demand =
            if self.require_tls { self.own.at_least(TlsDemand::Verify) } else { self.own };
        match self.dane {
            Dane::Skip => return Err(TlsRefusal::DaneUnknown),
            Dane::Match(records) => return decision(TlsDemand::Dane(records), false),
            Dane::Encrypt => demand = demand.at_least(TlsDemand::Encrypt),
            Dane::None => {}
        }
        match sts.map(|policy| (policy.mode(), policy.allows(self.host))) {
            Some((StsMode::Enforce, false)) => Err(TlsRefusal::StsMismatch),
            Some((StsMode::Enforce, true)) => decision(demand.at_least(TlsDemand::Verify), false),
            Some((StsMode::Testing, _)) => decision(demand, true),
            Some((StsMode::None, _)) | None => decision(demand, false),
        }
    }
}
