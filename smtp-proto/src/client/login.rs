//! How a client authenticates: which mechanisms, and which of them first.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;
#[cfg(feature = "sasl")]
use core::ops::RangeInclusive;

use super::Client;
use crate::auth::client::Mechanism;
#[cfg(feature = "sasl")]
use crate::auth::{
    Known, MAX_ITERATIONS, MIN_ITERATIONS, Nonce,
    client::{Credentials, Surroundings},
};

/// How to authenticate.
///
/// Mechanisms that are given one by one ([`with`](Self::with)) come first, in their order; then those
/// that can be made of credentials (`choose`, with the feature `sasl`). The first one that the server
/// offers, and that may be used on this connection, is tried; when the server does not want that
/// mechanism after all (504, 534, 538), the next. After "wrong credentials" none is.
#[derive(Default)]
pub struct Login {
    mechanisms: Vec<Box<dyn Mechanism>>,
    pub(super) plaintext_allowed: bool,
    pub(super) long_initial_response: bool,
    pub(super) hello_after: bool,
    #[cfg(feature = "sasl")]
    choice: Option<Box<Choice>>,
}

/// Credentials, and the mechanisms that may be made of them.
#[cfg(feature = "sasl")]
struct Choice {
    credentials: Credentials,
    nonce: Nonce,
    iterations: RangeInclusive<u32>,
    /// Those that were not tried, most wanted first.
    wanted: Vec<Known>,
    tried: usize,
    /// A mechanism that is bound to the channel was tried, and the server did not want it.
    binding_refused: bool,
}

impl Login {
    /// No mechanism yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With credentials, of which the best is made that the server takes (C-19): SCRAM-SHA-256-PLUS,
    /// SCRAM-SHA-1-PLUS, SCRAM-SHA-256, SCRAM-SHA-1, OAUTHBEARER, XOAUTH2, EXTERNAL, PLAIN, LOGIN, as
    /// far as there is a password, a token or a certificate for them. `nonce` must be new.
    #[cfg(feature = "sasl")]
    pub fn choose(credentials: Credentials, nonce: Nonce) -> Self {
        let wanted = Known::ALL.into_iter().filter(|known| !known.is_by_name_only());
        let choice = Choice {
            credentials,
            nonce,
            iterations: MIN_ITERATIONS..=MAX_ITERATIONS,
            wanted: wanted.collect(),
            tried: 0,
            binding_refused: false,
        };
        Self { choice: Some(Box::new(choice)), ..Self::default() }
    }

    /// Makes these mechanisms of the credentials and no others, first come first: also those that are
    /// used by name only, CRAM-MD5 and ANONYMOUS.
    #[cfg(feature = "sasl")]
    #[must_use]
    pub fn only(mut self, mechanisms: impl IntoIterator<Item = Known>) -> Self {
        if let Some(choice) = &mut self.choice {
            choice.wanted = mechanisms.into_iter().collect();
        }
        self
    }

    /// How many iterations of SCRAM are done for a server that asks for them; 4096 to 1,000,000 by
    /// default (C-41).
    #[cfg(feature = "sasl")]
    #[must_use]
    pub fn iterations(mut self, iterations: RangeInclusive<u32>) -> Self {
        if let Some(choice) = &mut self.choice {
            choice.iterations = iterations;
        }
        self
    }

    /// Adds a mechanism behind those that were added, and before those made of credentials.
    #[must_use]
    pub fn with(mut self, mechanism: impl Mechanism + 'static) -> Self {
        self.mechanisms.push(Box::new(mechanism));
        self
    }

    /// Lets plaintext mechanisms (PLAIN, LOGIN, those of tokens) show the password outside TLS: for tests
    /// on the loopback interface.
    #[must_use]
    pub fn allow_plaintext(mut self, allowed: bool) -> Self {
        self.plaintext_allowed = allowed;
        self
    }

    /// Sends an initial response with the AUTH command even if that makes a line of more than 512 octets,
    /// which not every server takes. Some services want tokens so (C-21).
    #[must_use]
    pub fn long_initial_response(mut self, allowed: bool) -> Self {
        self.long_initial_response = allowed;
        self
    }

    /// Says EHLO again once authenticated, for servers that then offer something else (C-26).
    #[must_use]
    pub fn hello_after(mut self, again: bool) -> Self {
        self.hello_after = again;
        self
    }

    /// The next mechanism to try in this session. It will not be told again.
    pub(super) fn next(&mut self, client: &Client) -> Option<Box<dyn Mechanism>> {
        let in_clear = client.is_tls() || self.plaintext_allowed;
        let capabilities = client.capabilities()?;
        let usable = |mechanism: &dyn Mechanism| {
            (in_clear || !mechanism.plaintext()) && capabilities.offers_mechanism(mechanism.name())
        };
        if let Some(at) = self.mechanisms.iter().position(|mechanism| usable(&**mechanism)) {
            return Some(self.mechanisms.remove(at));
        }
        #[cfg(feature = "sasl")]
        if let Some(choice) = &mut self.choice {
            let bound = Known::ALL.into_iter().filter(|known| known.is_bound());
            let offered =
                bound.into_iter().any(|known| capabilities.offers_mechanism(known.as_str()));
            let mut at = 0;
            while let Some(&known) = choice.wanted.get(at) {
                let may = capabilities.offers_mechanism(known.as_str())
                    && (in_clear || !known.is_plaintext());
                if !may {
                    at += 1;
                    continue;
                }
                choice.wanted.remove(at);
                let around = Surroundings {
                    nonce: choice.nonce.numbered(choice.tried),
                    channel: client.channel(),
                    binding_offered: offered && !choice.binding_refused,
                    iterations: choice.iterations.clone(),
                };
                if let Some(mechanism) = choice.credentials.mechanism(known, around) {
                    choice.tried += 1;
                    // Whoever refuses a binding has to stand by it.
                    choice.binding_refused |= known.is_bound();
                    return Some(mechanism);
                }
            }
        }
        None
    }

    /// The server wants the password in plain text once, to make of it what another mechanism needs (432,
    /// RFC 4954 section 6): no other mechanism than PLAIN is left.
    pub(super) fn only_plain(&mut self) {
        self.mechanisms.retain(|mechanism| mechanism.name() == "PLAIN");
        #[cfg(feature = "sasl")]
        if let Some(choice) = &mut self.choice {
            choice.wanted.retain(|known| *known == Known::Plain);
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        list.entries(self.mechanisms.iter().map(|mechanism| mechanism.name()));
        #[cfg(feature = "sasl")]
        if let Some(choice) = &self.choice {
            list.entries(choice.wanted.iter().map(|known| known.as_str()));
        }
        list.finish()
    }
}
