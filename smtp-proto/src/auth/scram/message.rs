//! The five messages of SCRAM (RFC 5802 §7), read strictly: attributes come in their order, `m=` is
//! always an error, and what may follow is passed over (C-39).

use alloc::string::String;

use super::super::{Base64, Secret, saslname};

/// What the client says of channel binding (gs2-cbind-flag).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flag<'m> {
    /// `n`: the client cannot.
    Unable,
    /// `y`: the client could, and thinks that the server cannot.
    ServerUnable,
    /// `p=`: with data of this kind.
    Bound(&'m str),
}

/// ```text
/// client-first-message      = gs2-header client-first-message-bare
/// gs2-header                = gs2-cbind-flag "," [ "a=" saslname ] ","
/// client-first-message-bare = [ reserved-mext "," ] username "," nonce [ "," extensions ]
/// ```
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientFirst<'m> {
    pub(crate) header: &'m str,
    pub(crate) bare: &'m str,
    pub(crate) flag: Flag<'m>,
    /// Empty when there is none.
    pub(crate) authzid: String,
    pub(crate) user: String,
    pub(crate) nonce: &'m str,
}

impl<'m> ClientFirst<'m> {
    pub(crate) fn parse(message: &'m [u8]) -> Option<Self> {
        let message = core::str::from_utf8(message).ok()?;
        let (flag, rest) = message.split_once(',')?;
        let flag = match flag {
            "n" => Flag::Unable,
            "y" => Flag::ServerUnable,
            other => Flag::Bound(other.strip_prefix("p=").filter(|name| is_binding_name(name))?),
        };
        let (authzid, bare) = rest.split_once(',')?;
        let authzid = match authzid {
            "" => String::new(),
            named => saslname::read(named.strip_prefix("a=")?)?,
        };
        let header = message.strip_suffix(bare)?;
        let (user, rest) = bare.strip_prefix("n=")?.split_once(',')?;
        let (nonce, extensions) = cut(rest.strip_prefix("r=")?);
        check_extensions(extensions)?;
        let user = saslname::read(user)?;
        is_nonce(nonce).then_some(Self { header, bare, flag, authzid, user, nonce })
    }
}

/// ```text
/// server-first-message = [ reserved-mext "," ] nonce "," salt "," iteration-count [ "," extensions ]
/// ```
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ServerFirst<'m> {
    pub(crate) nonce: &'m str,
    pub(crate) salt: Secret,
    pub(crate) iterations: u32,
}

impl<'m> ServerFirst<'m> {
    pub(crate) fn parse(message: &'m [u8]) -> Option<Self> {
        let message = core::str::from_utf8(message).ok()?;
        let (nonce, rest) = message.strip_prefix("r=")?.split_once(',')?;
        let (salt, rest) = rest.strip_prefix("s=")?.split_once(',')?;
        let (iterations, extensions) = cut(rest.strip_prefix("i=")?);
        check_extensions(extensions)?;
        // posit-number = %x31-39 *DIGIT
        let wellformed =
            iterations.bytes().all(|octet| octet.is_ascii_digit()) && !iterations.starts_with('0');
        let iterations = iterations.parse().ok().filter(|_| wellformed)?;
        is_nonce(nonce).then_some(Self { nonce, salt: decode(salt)?, iterations })
    }
}

/// ```text
/// client-final-message = channel-binding "," nonce [ "," extensions ] "," proof
/// ```
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientFinal<'m> {
    pub(crate) without_proof: &'m str,
    /// The GS2 header of the first message, and the channel binding data.
    pub(crate) binding: Secret,
    pub(crate) nonce: &'m str,
    pub(crate) proof: Secret,
}

impl<'m> ClientFinal<'m> {
    pub(crate) fn parse(message: &'m [u8]) -> Option<Self> {
        let message = core::str::from_utf8(message).ok()?;
        let (without_proof, proof) = message.rsplit_once(",p=")?;
        let (binding, rest) = without_proof.strip_prefix("c=")?.split_once(',')?;
        let (nonce, extensions) = cut(rest.strip_prefix("r=")?);
        check_extensions(extensions)?;
        let (binding, proof) = (decode(binding)?, decode(proof)?);
        is_nonce(nonce).then_some(Self { without_proof, binding, nonce, proof })
    }
}

/// ```text
/// server-final-message = (server-error / verifier) [ "," extensions ]
/// ```
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ServerFinal {
    Error,
    Signature(Secret),
}

impl ServerFinal {
    pub(crate) fn parse(message: &[u8]) -> Option<Self> {
        let message = core::str::from_utf8(message).ok()?;
        let (first, extensions) = cut(message);
        check_extensions(extensions)?;
        if first.strip_prefix("e=").is_some_and(|error| !error.is_empty()) {
            return Some(Self::Error);
        }
        decode(first.strip_prefix("v=")?).map(Self::Signature)
    }
}

/// Up to the first comma, and what is behind it.
fn cut(text: &str) -> (&str, Option<&str>) {
    text.split_once(',').map_or((text, None), |(value, rest)| (value, Some(rest)))
}

/// `extensions = attr-val *("," attr-val)`, none of them mandatory.
fn check_extensions(extensions: Option<&str>) -> Option<()> {
    let Some(extensions) = extensions else {
        return Some(());
    };
    let good = |extension: &str| {
        let mut chars = extension.chars();
        let name = chars.next();
        name.is_some_and(|name| name.is_ascii_alphabetic() && name != 'm')
            && chars.next() == Some('=')
            && chars.next().is_some()
            && !extension.contains('\0')
    };
    extensions.split(',').all(good).then_some(())
}

/// `cb-name = 1*(ALPHA / DIGIT / "." / "-")`
fn is_binding_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-'))
}

/// `c-nonce = printable`, without a comma by what was split at.
fn is_nonce(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic() && octet != b',')
}

/// A base64 value that is not empty.
fn decode(text: &str) -> Option<Secret> {
    let mut octets = Secret::new();
    Base64::parse(text.as_bytes()).ok()?.decode_into(&mut octets);
    Some(octets)
}
