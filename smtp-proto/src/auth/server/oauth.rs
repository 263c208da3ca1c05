//! OAUTHBEARER and XOAUTH2, the server's side.

use alloc::string::String;

use super::{Answer, Identity, Mechanism, Question, Step, Token};
use crate::auth::{Secret, saslname};

/// What there is to say of a token that is not good when the application says no more (RFC 7628
/// §3.2.2).
const INVALID_TOKEN: &[u8] = br#"{"status":"invalid_token"}"#;
/// The same in the words of XOAUTH2.
const INVALID_TOKEN_OLD: &[u8] = br#"{"status":"401","schemes":"bearer"}"#;

/// OAUTHBEARER (RFC 7628): a bearer token in one message; when it is not good the client is told why,
/// answers with one octet, and is refused (C-34).
#[derive(Debug, Clone, Default)]
pub struct OAuthBearer(Exchange);

/// XOAUTH2, the older form of OAUTHBEARER (C-33).
#[derive(Debug, Clone, Default)]
pub struct XOAuth2(Exchange);

#[derive(Debug, Clone, Default)]
enum Exchange {
    #[default]
    Begun,
    Prompted,
    Asked(Identity),
    /// The client was told why, or has said what cannot be.
    Over,
}

impl Exchange {
    fn step(&mut self, response: Option<&[u8]>, read: fn(&str) -> Option<Token>) -> Step {
        match (core::mem::replace(self, Self::Over), response) {
            (Self::Begun, None) => {
                *self = Self::Prompted;
                Step::Challenge(Secret::new())
            }
            (Self::Begun | Self::Prompted, Some(message)) => {
                match core::str::from_utf8(message).ok().and_then(read) {
                    Some(token) => {
                        *self = Self::Asked(Identity::new(token.user.as_str()));
                        Step::Ask(Question::Token(token))
                    }
                    None => Step::Failed,
                }
            }
            _ => Step::Failed,
        }
    }

    fn answer(&mut self, answer: Answer, invalid_token: &[u8]) -> Step {
        let Self::Asked(identity) = core::mem::replace(self, Self::Over) else {
            return Step::Failed;
        };
        match answer {
            Answer::DenyToken(why) => Step::Challenge(why.into()),
            Answer::Deny => Step::Challenge(invalid_token.into()),
            // Neither the client nor the application says who it is.
            Answer::Accept if identity.authcid().is_empty() => Step::Failed,
            answer => Step::verdict(answer, identity),
        }
    }
}

impl OAuthBearer {
    /// At the start of an exchange.
    pub const fn new() -> Self {
        Self(Exchange::Begun)
    }
}

impl XOAuth2 {
    /// At the start of an exchange.
    pub const fn new() -> Self {
        Self(Exchange::Begun)
    }
}

/// ```text
/// client-resp = gs2-header kvsep *kvpair kvsep
/// kvpair      = key "=" value kvsep
/// ```
fn read_bearer(message: &str) -> Option<Token> {
    let (header, pairs) = message.split_once('\x01')?;
    // There is no channel binding here: p= is not for it (RFC 7628 §3.1).
    let rest = header.strip_prefix("n,").or_else(|| header.strip_prefix("y,"))?;
    let user = match rest.strip_suffix(',')? {
        "" => String::new(),
        named => saslname::read(named.strip_prefix("a=")?)?,
    };
    let mut token = Token { user, token: Secret::new(), host: None, port: None };
    let pairs = pairs.strip_suffix('\x01')?;
    for pair in pairs.strip_suffix('\x01')?.split('\x01') {
        let (key, value) = pair.split_once('=')?;
        match key {
            "auth" => token.token = read_token(value)?,
            "host" => token.host = Some(value.into()),
            "port" => token.port = Some(value.parse().ok()?),
            _ => {}
        }
    }
    (!token.token.is_empty()).then_some(token)
}

/// `user=` name ^A `auth=Bearer ` token ^A ^A
fn read_old(message: &str) -> Option<Token> {
    let (user, rest) = message.strip_prefix("user=")?.split_once('\x01')?;
    let token = read_token(rest.strip_prefix("auth=")?.strip_suffix("\x01\x01")?)?;
    let good = !user.is_empty() && !user.contains('\0');
    good.then(|| Token { user: user.into(), token, host: None, port: None })
}

/// `Bearer` 1*SP b64token (RFC 6750 §2.1)
fn read_token(value: &str) -> Option<Secret> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    let good = scheme.eq_ignore_ascii_case("Bearer") && crate::auth::client::is_token(token);
    good.then(|| token.into())
}

impl Mechanism for OAuthBearer {
    fn name(&self) -> &str {
        "OAUTHBEARER"
    }

    fn plaintext(&self) -> bool {
        true
    }

    fn step(&mut self, response: Option<&[u8]>) -> Step {
        self.0.step(response, read_bearer)
    }

    fn answer(&mut self, answer: Answer) -> Step {
        self.0.answer(answer, INVALID_TOKEN)
    }
}

impl Mechanism for XOAuth2 {
    fn name(&self) -> &str {
        "XOAUTH2"
    }

    fn plaintext(&self) -> bool {
        true
    }

    fn step(&mut self, response: Option<&[u8]>) -> Step {
        self.0.step(response, read_old)
    }

    fn answer(&mut self, answer: Answer) -> Step {
        self.0.answer(answer, INVALID_TOKEN_OLD)
    }
}
