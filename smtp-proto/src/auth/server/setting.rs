//! What a mechanism needs of the session it is played in.

use alloc::boxed::Box;

use super::{Anonymous, CramMd5, External, Login, Mechanism, OAuthBearer, Plain, Scram, XOAuth2};
use crate::auth::{Channel, DEFAULT_ITERATIONS, Known, Nonce, ScramHash, Secret};

/// What the mechanisms of this crate need of the session, and of the application, they are played in.
/// A session says its part: [`server::Auth::setting`](crate::server::Auth::setting).
#[derive(Debug, Clone)]
pub struct Setting<'s> {
    nonce: Nonce,
    host: &'s str,
    channel: Option<&'s Channel>,
    offers_bound: bool,
    decoy: &'s Secret,
    iterations: u32,
}

impl<'s> Setting<'s> {
    /// With a nonce for this exchange, and the secret by which users that do not exist are made to look
    /// like others: at least 16 random octets, best the same after a restart and on all hosts that serve
    /// the same users.
    pub const fn new(nonce: Nonce, decoy: &'s Secret) -> Self {
        Self {
            nonce,
            host: "localhost",
            channel: None,
            offers_bound: false,
            decoy,
            iterations: DEFAULT_ITERATIONS,
        }
    }

    /// Below which channel the exchange takes place, and whether mechanisms that are bound to it are
    /// offered, so that a client that says it was not offered any has been deceived (C-40).
    #[must_use]
    pub const fn channel(mut self, channel: Option<&'s Channel>, offers_bound: bool) -> Self {
        self.channel = channel;
        self.offers_bound = offers_bound;
        self
    }

    /// The name of the server, which a CRAM-MD5 challenge shows.
    #[must_use]
    pub const fn named(mut self, host: &'s str) -> Self {
        self.host = host;
        self
    }

    /// How many iterations users that do not exist seem to have: what users that do exist have.
    #[must_use]
    pub const fn iterations(mut self, iterations: u32) -> Self {
        self.iterations = iterations;
        self
    }

    pub(super) const fn nonce(&self) -> &Nonce {
        &self.nonce
    }

    pub(super) const fn host(&self) -> &str {
        self.host
    }

    pub(super) const fn bindings(&self) -> Option<&Channel> {
        self.channel
    }

    pub(super) const fn offers_bound(&self) -> bool {
        self.offers_bound
    }

    pub(super) const fn decoy(&self) -> &Secret {
        self.decoy
    }

    pub(super) const fn decoy_iterations(&self) -> u32 {
        self.iterations
    }
}

impl Known {
    /// The server's side of the mechanism, at the start of an exchange. Names and passwords are
    /// prepared by SASLprep (C-42).
    pub fn server(self, setting: &Setting<'_>) -> Box<dyn Mechanism> {
        match self {
            Self::ScramSha256Plus => Box::new(Scram::new(ScramHash::Sha256, true, setting)),
            Self::ScramSha1Plus => Box::new(Scram::new(ScramHash::Sha1, true, setting)),
            Self::ScramSha256 => Box::new(Scram::new(ScramHash::Sha256, false, setting)),
            Self::ScramSha1 => Box::new(Scram::new(ScramHash::Sha1, false, setting)),
            Self::OAuthBearer => Box::new(OAuthBearer::new().prepared()),
            Self::XOAuth2 => Box::new(XOAuth2::new().prepared()),
            Self::External => Box::new(External::new().prepared()),
            Self::Plain => Box::new(Plain::new().prepared()),
            Self::Login => Box::new(Login::new().prepared()),
            Self::CramMd5 => Box::new(CramMd5::new(setting)),
            Self::Anonymous => Box::new(Anonymous::new()),
        }
    }
}
