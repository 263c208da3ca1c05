//! The PROXY protocol header that a client says as a proxy does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use smtp_proto::proxy::{Header, ProxyError, Version};

/// The header for a connection to `destination`, on behalf of `source` or of the proxy itself.
pub(super) fn header(
    version: Version,
    source: Option<SocketAddr>,
    destination: Option<SocketAddr>,
) -> Result<Vec<u8>, ProxyError> {
    let header = match source {
        None => Header::LOCAL,
        Some(source) => {
            let unspecified: IpAddr = match source {
                SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
            };
            Header::new(source, destination.unwrap_or(SocketAddr::new(unspecified, 0)))
        }
    };
    let mut octets = Vec::new();
    match version {
        Version::V1 => header.write_v1(&mut octets),
        Version::V2 | Version::Any => header.write_v2(&mut octets)?,
    }
    Ok(octets)
}
