//! All that somebody can show to log in.

use alloc::{boxed::Box, string::String};
use core::{fmt, ops::RangeInclusive};

use super::{
    Anonymous, CramMd5, External, InvalidCredentials, Login, Mechanism, OAuthBearer, Plain, Scram,
    XOAuth2, check_fields,
};
use crate::auth::{Channel, Known, Nonce, ScramHash, Secret, saslprep, saslprep::prepare_name};

/// What somebody has to log in with: a password, a token, a TLS client certificate, or nothing at all.
/// [`client::Login::choose`](crate::client::Login::choose) makes of it what the server takes.
#[derive(Clone, Default)]
pub struct Credentials {
    user: String,
    authzid: String,
    password: Option<Secret>,
    token: Option<Secret>,
    external: bool,
    trace: Option<String>,
    server: Option<(String, u16)>,
}

impl Credentials {
    /// A name and a password, which are prepared by SASLprep (RFC 4013; C-42).
    ///
    /// # Errors
    /// [`InvalidCredentials`].
    pub fn password(user: &str, password: &str) -> Result<Self, InvalidCredentials> {
        check_fields("", user, password)?;
        let password = saslprep(password).map_err(|_| InvalidCredentials::Prohibited)?;
        Ok(Self { user: prepared(user)?, password: Some(password), ..Self::default() })
    }

    /// A name, which is prepared by SASLprep (C-42), and a bearer token. The name may be empty where the
    /// token says who it is, except with XOAUTH2.
    ///
    /// # Errors
    /// [`InvalidCredentials`].
    pub fn token(user: &str, token: &str) -> Result<Self, InvalidCredentials> {
        OAuthBearer::new(user, token, None)?;
        Self { user: prepared(user)?, ..Self::default() }.with_token(token)
    }

    /// The TLS client certificate, to act for `authzid`, or if that is empty for whom it is for.
    ///
    /// # Errors
    /// [`InvalidCredentials`].
    pub fn external(authzid: &str) -> Result<Self, InvalidCredentials> {
        Self::default().with_external().acting_for(authzid)
    }

    /// Nothing, but for an address or a text that the server may log. ANONYMOUS is used only when it is
    /// named ([`Login::only`](crate::client::Login::only)).
    ///
    /// # Errors
    /// [`InvalidCredentials`].
    pub fn anonymous(trace: &str) -> Result<Self, InvalidCredentials> {
        Anonymous::new(trace)?;
        Ok(Self { trace: Some(trace.into()), ..Self::default() })
    }

    /// With a bearer token, too, which is preferred to sending the password.
    ///
    /// # Errors
    /// [`InvalidCredentials`].
    pub fn with_token(mut self, token: &str) -> Result<Self, InvalidCredentials> {
        OAuthBearer::new(&self.user, token, None)?;
        self.token = Some(token.into());
        Ok(self)
    }

    /// With the TLS client certificate, too.
    #[must_use]
    pub fn with_external(mut self) -> Self {
        self.external = true;
        self
    }

    /// Acts for somebody else, where the mechanism can say so. The name is prepared by SASLprep (RFC 4954
    /// §4; C-42).
    ///
    /// # Errors
    /// When it has an octet 0, or SASLprep does not allow it.
    pub fn acting_for(mut self, authzid: &str) -> Result<Self, InvalidCredentials> {
        External::new(authzid)?;
        self.authzid = prepared(authzid)?;
        Ok(self)
    }

    /// The host and the port connected to, which OAUTHBEARER tells the server (RFC 7628 §3.1).
    ///
    /// # Errors
    /// When the host has a control character.
    pub fn server(mut self, host: &str, port: u16) -> Result<Self, InvalidCredentials> {
        if host.contains(char::is_control) {
            return Err(InvalidCredentials::Control);
        }
        self.server = Some((host.into(), port));
        Ok(self)
    }

    /// The mechanism, played with these credentials, if they are such as it needs.
    pub(crate) fn mechanism(
        &self,
        known: Known,
        around: Surroundings<'_>,
    ) -> Option<Box<dyn Mechanism>> {
        let password = self.password.as_ref().and_then(Secret::as_str);
        let token = self.token.as_ref().and_then(Secret::as_str);
        let user = self.user.as_str();
        let scram = |hash| Scram::new(hash, user, password?, around.nonce.clone()).ok();
        Some(match known {
            Known::ScramSha256Plus => self.scram(scram(ScramHash::Sha256)?, true, &around)?,
            Known::ScramSha1Plus => self.scram(scram(ScramHash::Sha1)?, true, &around)?,
            Known::ScramSha256 => self.scram(scram(ScramHash::Sha256)?, false, &around)?,
            Known::ScramSha1 => self.scram(scram(ScramHash::Sha1)?, false, &around)?,
            Known::OAuthBearer => {
                // The token says who it is, the message for whom (RFC 7628 §3.1).
                let whom = if self.authzid.is_empty() { user } else { self.authzid.as_str() };
                let server = self.server.as_ref().map(|(host, port)| (host.as_str(), *port));
                Box::new(OAuthBearer::new(whom, token?, server).ok()?)
            }
            Known::External if self.external => Box::new(External::new(&self.authzid).ok()?),
            Known::Plain => Box::new(Plain::new(&self.authzid, user, password?).ok()?),
            // These cannot say for whom they act.
            Known::XOAuth2 if self.authzid.is_empty() => Box::new(XOAuth2::new(user, token?).ok()?),
            Known::Login if self.authzid.is_empty() => Box::new(Login::new(user, password?).ok()?),
            Known::CramMd5 if self.authzid.is_empty() => {
                Box::new(CramMd5::new(user, password?).ok()?)
            }
            Known::Anonymous => Box::new(Anonymous::new(self.trace.as_deref()?).ok()?),
            _ => return None,
        })
    }

    fn scram(
        &self,
        scram: Scram,
        bound: bool,
        around: &Surroundings<'_>,
    ) -> Option<Box<dyn Mechanism>> {
        let scram = scram.iterations(around.iterations.clone()).acting_for(&self.authzid).ok()?;
        Some(Box::new(if bound {
            scram.bound_to(around.channel?).ok()?
        } else if around.channel.is_some_and(|channel| channel.best().is_some())
            && !around.binding_offered
        {
            scram.not_offered_binding()
        } else {
            scram
        }))
    }
}

/// A name as both sides compare it, or none.
fn prepared(name: &str) -> Result<String, InvalidCredentials> {
    if name.is_empty() {
        return Ok(String::new());
    }
    prepare_name(name).map_err(|_| InvalidCredentials::Prohibited)
}

/// What a mechanism needs to know of the session.
#[derive(Debug)]
pub(crate) struct Surroundings<'s> {
    pub(crate) nonce: Nonce,
    pub(crate) channel: Option<&'s Channel>,
    /// The server offers mechanisms that are bound to the channel, and has not refused them.
    pub(crate) binding_offered: bool,
    pub(crate) iterations: RangeInclusive<u32>,
}

/// The secrets are not shown.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .field("authzid", &self.authzid)
            .field("password", &self.password)
            .field("token", &self.token)
            .field("external", &self.external)
            .finish_non_exhaustive()
    }
}
