//! OAUTHBEARER and XOAUTH2, the server's side.

use alloc::string::String;

use super::{
    Answer, Identity, Mechanism, Preparation, Question, Step, Token, authorization, unprepared,
};
use crate::auth::{Secret, saslname};

/// OAUTHBEARER (RFC 7628): a bearer token in one message; when it is not good the client is told why,
/// answers with one octet, and is refused (C-34). A message without a token asks what the server would
/// say of one (§4.3).
#[derive(Debug, Clone)]
pub struct OAuthBearer(Exchange);

/// XOAUTH2, the older form of OAUTHBEARER (C-33).
#[derive(Debug, Clone)]
pub struct XOAuth2(Exchange);

#[derive(Debug, Clone)]
struct Exchange {
    form: &'static Form,
    prepare: Preparation,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Begun,
    Prompted,
    Asked(Identity, HasToken),
    /// The client was told why, or has said what cannot be.
    Over,
}

/// Whether the client has shown a token, good or bad.
#[derive(Debug, Clone, Copy)]
struct HasToken(bool);

/// What the two mechanisms do not have in common.
#[derive(Debug)]
struct Form {
    read: fn(&str) -> Option<Token>,
    /// What there is to say of a token that is not good when the application says no more (RFC 7628
    /// §3.2.2).
    invalid_token: &'static [u8],
    /// The same of a message that is none (RFC 6750 §3.1).
    invalid_request: &'static [u8],
}

const BEARER: Form = Form {
    read: read_bearer,
    invalid_token: br#"{"status":"invalid_token"}"#,
    invalid_request: br#"{"status":"invalid_request"}"#,
};

const OLD: Form = Form {
    read: read_old,
    invalid_token: br#"{"status":"401","schemes":"bearer"}"#,
    invalid_request: br#"{"status":"400","schemes":"bearer"}"#,
};

impl Exchange {
    const fn new(form: &'static Form) -> Self {
        Self { form, prepare: unprepared, state: State::Begun }
    }

    #[cfg(feature = "sasl")]
    fn prepared(mut self) -> Self {
        self.prepare = super::prepared;
        self
    }

    fn read(&self, message: &[u8]) -> Option<Token> {
        let mut token = (self.form.read)(core::str::from_utf8(message).ok()?)?;
        token.user = authorization(&token.user, self.prepare)?;
        Some(token)
    }

    fn step(&mut self, response: Option<&[u8]>) -> Step {
        match (core::mem::replace(&mut self.state, State::Over), response) {
            (State::Begun, None) => {
                self.state = State::Prompted;
                Step::Challenge(Secret::new())
            }
            (State::Begun | State::Prompted, Some(message)) => match self.read(message) {
                Some(token) => {
                    let has_token = HasToken(!token.token.is_empty());
                    self.state = State::Asked(Identity::new(token.user.as_str()), has_token);
                    Step::Ask(Question::Token(token))
                }
                // Nor does a message that is none end it before the client has heard why (RFC 7628 §3).
                None => Step::Challenge(self.form.invalid_request.into()),
            },
            _ => Step::Failed,
        }
    }

    fn answer(&mut self, answer: Answer) -> Step {
        let State::Asked(identity, has_token) = core::mem::replace(&mut self.state, State::Over)
        else {
            return Step::Failed;
        };
        match answer {
            Answer::DenyToken(why) => Step::Challenge(why.into()),
            Answer::Deny => Step::Challenge(self.form.invalid_token.into()),
            // Nobody gets in by asking.
            Answer::Accept | Answer::AcceptAs(_) if !has_token.0 => {
                Step::Challenge(self.form.invalid_token.into())
            }
            // Neither the client nor the application says who it is.
            Answer::Accept if identity.authcid().is_empty() => Step::Failed,
            answer => Step::verdict(answer, identity),
        }
    }
}

impl Default for OAuthBearer {
    fn default() -> Self {
        Self::new()
    }
}

impl OAuthBearer {
    /// At the start of an exchange. The name is handed on as it comes.
    pub const fn new() -> Self {
        Self(Exchange::new(&BEARER))
    }

    /// Prepares the name by SASLprep before the application sees it (RFC 4954 §4; C-42).
    #[cfg(feature = "sasl")]
    #[must_use]
    pub fn prepared(self) -> Self {
        Self(self.0.prepared())
    }
}

impl Default for XOAuth2 {
    fn default() -> Self {
        Self::new()
    }
}

impl XOAuth2 {
    /// At the start of an exchange. The name is handed on as it comes.
    pub const fn new() -> Self {
        Self(Exchange::new(&OLD))
    }

    /// Prepares the name by SASLprep before the application sees it (RFC 4954 §4; C-42).
    #[cfg(feature = "sasl")]
    #[must_use]
    pub fn prepared(self) -> Self {
        Self(self.0.prepared())
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
    let (mut shown, mut host, mut port) = (None, None, None);
    let pairs = pairs.strip_suffix('\x01')?;
    for pair in pairs.strip_suffix('\x01')?.split('\x01') {
        let (key, value) = pair.split_once('=')?;
        match key {
            // An empty value asks for the scope (RFC 7628 §4.3).
            "auth" if value.is_empty() => shown = Some(Secret::new()),
            "auth" => shown = Some(read_token(value)?),
            "host" => host = Some(value.into()),
            "port" => port = Some(read_port(value)?),
            _ => {}
        }
    }
    shown.map(|token| Token { user, token, host, port })
}

/// `user=` name ^A `auth=Bearer ` token ^A ^A
fn read_old(message: &str) -> Option<Token> {
    let (user, rest) = message.strip_prefix("user=")?.split_once('\x01')?;
    let token = read_token(rest.strip_prefix("auth=")?.strip_suffix("\x01\x01")?)?;
    let good = !user.is_empty() && !user.contains('\0');
    good.then(|| Token { user: user.into(), token, host: None, port: None })
}

/// A positive number without leading zeros (RFC 7628 §3.1).
fn read_port(value: &str) -> Option<u16> {
    value.parse().ok().filter(|_| value.starts_with(|c| matches!(c, '1'..='9')))
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
        self.0.step(response)
    }

    fn answer(&mut self, answer: Answer) -> Step {
        self.0.answer(answer)
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
        self.0.step(response)
    }

    fn answer(&mut self, answer: Answer) -> Step {
        self.0.answer(answer)
    }
}
