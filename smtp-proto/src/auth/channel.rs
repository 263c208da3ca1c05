//! What the channel below an exchange brings to it: TLS, as a rule (RFC 5056, RFC 5929, RFC 9266).

use core::fmt;

use super::Secret;

/// A kind of channel binding data, by which both sides see that they are at the two ends of the same
/// TLS session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Binding {
    /// Keying material exported from TLS 1.3, label `EXPORTER-Channel-Binding`, empty context, 32
    /// octets (RFC 9266 §2).
    TlsExporter,
    /// The first Finished message of the handshake. For TLS 1.2 and older, and only with the extended
    /// master secret or without resumption (RFC 5929 §3).
    TlsUnique,
    /// A hash of the server's certificate (RFC 5929 §4).
    TlsServerEndPoint,
}

impl Binding {
    /// Most wanted first.
    pub const ALL: [Self; 3] = [Self::TlsExporter, Self::TlsUnique, Self::TlsServerEndPoint];

    /// Its registered name (cb-name).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TlsExporter => "tls-exporter",
            Self::TlsUnique => "tls-unique",
            Self::TlsServerEndPoint => "tls-server-end-point",
        }
    }

    /// The kind with this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|binding| binding.as_str() == name)
    }
}

/// What an adapter knows of the channel: binding data, and whether the client has shown a certificate.
///
/// Outside of TLS there is nothing to know, which is the default.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Channel {
    exporter: Option<Secret>,
    unique: Option<Secret>,
    end_point: Option<Secret>,
    client_certificate: bool,
    server_verified: bool,
}

impl Channel {
    /// A channel of which nothing is known.
    pub const fn new() -> Self {
        Self {
            exporter: None,
            unique: None,
            end_point: None,
            client_certificate: false,
            server_verified: false,
        }
    }

    /// With binding data of this kind. None are taken that have no octets.
    #[must_use]
    pub fn with(mut self, binding: Binding, data: Secret) -> Self {
        let place = match binding {
            Binding::TlsExporter => &mut self.exporter,
            Binding::TlsUnique => &mut self.unique,
            Binding::TlsServerEndPoint => &mut self.end_point,
        };
        *place = Some(data).filter(|data| !data.is_empty());
        self
    }

    /// Whether the client has authenticated to the channel, by a certificate: then EXTERNAL makes
    /// sense (RFC 4422 appendix A).
    #[must_use]
    pub fn client_certificate(mut self, shown: bool) -> Self {
        self.client_certificate = shown;
        self
    }

    /// Whether the server's certificate was found to be that of the host meant, by its name or by DANE
    /// (RFC 8689 section 4.2.1 asks for it).
    #[must_use]
    pub const fn server_verified(mut self, verified: bool) -> Self {
        self.server_verified = verified;
        self
    }

    /// Whether the server is known to be the host meant.
    pub const fn is_server_verified(&self) -> bool {
        self.server_verified
    }

    /// Whether the client has shown a certificate.
    pub const fn has_client_certificate(&self) -> bool {
        self.client_certificate
    }

    /// The binding data of this kind.
    pub fn data(&self, binding: Binding) -> Option<&[u8]> {
        match binding {
            Binding::TlsExporter => &self.exporter,
            Binding::TlsUnique => &self.unique,
            Binding::TlsServerEndPoint => &self.end_point,
        }
        .as_ref()
        .map(Secret::as_slice)
    }

    /// The most wanted kind there is data of (C-40).
    pub fn best(&self) -> Option<Binding> {
        Binding::ALL.into_iter().find(|binding| self.data(*binding).is_some())
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = Binding::ALL.into_iter().filter(|binding| self.data(*binding).is_some());
        f.debug_struct("Channel")
            .field("bindings", &kinds.collect::<alloc::vec::Vec<_>>())
            .field("client_certificate", &self.client_certificate)
            .finish()
    }
}

/// The data of [`Binding::TlsServerEndPoint`]: the hash of the server's certificate, in DER, by the hash
/// of its signature, or SHA-256 in place of MD5 and SHA-1 (RFC 5929 §4.1). None for signatures that are
/// not made of one hash (RSASSA-PSS, Ed25519), for which nothing is defined.
#[cfg(feature = "sasl")]
pub fn server_end_point(certificate: &[u8]) -> Option<Secret> {
    use sha2::{Digest as _, Sha256, Sha384, Sha512};

    // Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OID, .. }, .. }
    let (whole, _) = der(0x30, certificate)?;
    let (_, behind) = der(0x30, whole)?;
    let (algorithm, _) = der(0x30, behind)?;
    let (oid, _) = der(0x06, algorithm)?;
    Some(match oid {
        // 1.2.840.113549.1.1.{4, 5, 11, 12, 13}: RSA; 1.2.840.10045.4.{1, 3.2, 3.3, 3.4}: ECDSA.
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04"
        | b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"
        | b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"
        | b"\x2a\x86\x48\xce\x3d\x04\x01"
        | b"\x2a\x86\x48\xce\x3d\x04\x03\x02" => {
            Secret::from(Sha256::digest(certificate).as_slice())
        }
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c" | b"\x2a\x86\x48\xce\x3d\x04\x03\x03" => {
            Secret::from(Sha384::digest(certificate).as_slice())
        }
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d" | b"\x2a\x86\x48\xce\x3d\x04\x03\x04" => {
            Secret::from(Sha512::digest(certificate).as_slice())
        }
        _ => return None,
    })
}

/// The contents of the DER value of this tag at the front, and what is behind it.
#[cfg(feature = "sasl")]
fn der(tag: u8, octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = octets.split_first()?;
    let (&short, rest) = rest.split_first()?;
    let (length, rest) = if short < 0x80 {
        (usize::from(short), rest)
    } else {
        let (length, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
        // No certificate needs more than three octets for its length.
        let length = length.iter().try_fold(0usize, |sum, octet| {
            (sum < 1 << 16).then_some(sum << 8 | usize::from(*octet))
        })?;
        (length, rest)
    };
    rest.split_at_checked(length).filter(|_| first == tag)
}
