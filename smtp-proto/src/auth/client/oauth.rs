//! OAUTHBEARER and XOAUTH2, the client's side.

use alloc::{format, string::String, vec::Vec};

use super::{InvalidCredentials, Mechanism, Refused};
use crate::auth::{Secret, saslname};

/// OAUTHBEARER (RFC 7628): a bearer token (C-34).
#[derive(Debug)]
pub struct OAuthBearer(Exchange);

/// XOAUTH2, the older form of OAUTHBEARER (C-33).
#[derive(Debug)]
pub struct XOAuth2(Exchange);

#[derive(Debug)]
struct Exchange {
    message: Option<Secret>,
    /// What the server said of a token it does not take.
    explanation: Option<Vec<u8>>,
}

/// The most octets of an explanation that are kept.
const EXPLANATION: usize = 4096;

impl Exchange {
    fn new(message: Secret) -> Self {
        Self { message: Some(message), explanation: None }
    }

    fn respond(&mut self, challenge: &[u8], acknowledgement: &[u8]) -> Result<Secret, Refused> {
        match self.message.take() {
            Some(message) if challenge.is_empty() => Ok(message),
            Some(_) => Err(Refused::new("a challenge where an empty one was due")),
            None if self.explanation.is_some() => Err(Refused::new("more than one explanation")),
            None => {
                let kept = challenge.get(..EXPLANATION).unwrap_or(challenge);
                self.explanation = Some(kept.into());
                Ok(acknowledgement.into())
            }
        }
    }
}

impl OAuthBearer {
    /// With the token of a user; the user may be empty when the token says who it is. `server` is the
    /// host and the port connected to, when the token is good for one service only. A name that is not
    /// ASCII is to be prepared by SASLprep (RFC 4954 §4) by the caller.
    ///
    /// # Errors
    /// [`InvalidCredentials`].
    pub fn new(
        user: &str,
        token: &str,
        server: Option<(&str, u16)>,
    ) -> Result<Self, InvalidCredentials> {
        check(user, token)?;
        let mut header = String::from("n,");
        if !user.is_empty() {
            header.push_str("a=");
            saslname::write(user, &mut header);
        }
        header.push_str(",\x01");
        if let Some((host, port)) = server {
            if host.contains(char::is_control) {
                return Err(InvalidCredentials::Control);
            }
            header.push_str(&format!("host={host}\x01port={port}\x01"));
        }
        Ok(Self(Exchange::new(message(&[&header, "auth=Bearer ", token, "\x01\x01"]))))
    }
}

impl XOAuth2 {
    /// With the token of a user. A name that is not ASCII is to be prepared by SASLprep by the caller.
    ///
    /// # Errors
    /// [`InvalidCredentials`].
    pub fn new(user: &str, token: &str) -> Result<Self, InvalidCredentials> {
        check(user, token)?;
        if user.is_empty() {
            return Err(InvalidCredentials::Empty);
        }
        let parts = ["user=", user, "\x01auth=Bearer ", token, "\x01\x01"];
        Ok(Self(Exchange::new(message(&parts))))
    }
}

fn check(user: &str, token: &str) -> Result<(), InvalidCredentials> {
    if user.contains(char::is_control) {
        return Err(InvalidCredentials::Control);
    }
    if is_token(token) { Ok(()) } else { Err(InvalidCredentials::Token) }
}

fn message(parts: &[&str]) -> Secret {
    let mut message = Secret::with_capacity(parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| message.extend_from_slice(part.as_bytes()));
    message
}

/// Printable ASCII, which is a little more than `b64token` (RFC 6750 §2.1).
pub(in crate::auth) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic())
}

impl Mechanism for OAuthBearer {
    fn name(&self) -> &str {
        "OAUTHBEARER"
    }

    fn plaintext(&self) -> bool {
        true
    }

    fn initial_response(&mut self) -> Option<Secret> {
        self.0.message.take()
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Secret, Refused> {
        // RFC 7628 §3.2.3
        self.0.respond(challenge, b"\x01")
    }

    fn explanation(&mut self) -> Option<Vec<u8>> {
        self.0.explanation.take()
    }
}

impl Mechanism for XOAuth2 {
    fn name(&self) -> &str {
        "XOAUTH2"
    }

    fn plaintext(&self) -> bool {
        true
    }

    fn initial_response(&mut self) -> Option<Secret> {
        self.0.message.take()
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Secret, Refused> {
        self.0.respond(challenge, b"")
    }

    fn explanation(&mut self) -> Option<Vec<u8>> {
        self.0.explanation.take()
    }
}
