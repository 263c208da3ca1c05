//! SCRAM, the server's side.

use alloc::{boxed::Box, format, string::String};
use core::fmt;

use super::{Answer, Identity, Mechanism, Question, Setting, Step, authorization, prepared};
use crate::auth::{
    Binding, Channel, Nonce, ScramHash, Secret, Verifier,
    saslprep::prepare_name,
    scram::{ClientFinal, ClientFirst, Flag, base64, xor},
};

/// SCRAM (RFC 5802, RFC 7677): both sides prove that they know the password, or what the server keeps
/// of it, and neither shows it (C-37 … C-41).
pub struct Scram {
    hash: ScramHash,
    bound: bool,
    offers_bound: bool,
    channel: Channel,
    nonce: Nonce,
    decoy: Secret,
    decoy_iterations: u32,
    state: State,
}

enum State {
    Begun,
    Prompted,
    /// The application is asked for the verifier.
    Asked(Box<Opened>),
    /// The server has named salt and iterations.
    Challenged(Box<Opened>, Verifier, Welcome),
    /// The proof was right; the server has shown its own.
    Proven(Identity),
    Over,
}

/// Whether the right proof is enough: not of a user that does not exist, nor of one that is denied.
#[derive(Clone, Copy)]
struct Welcome(bool);

/// What the client's first message settled.
struct Opened {
    identity: Identity,
    /// The GS2 header, and the channel binding data, as the client has to repeat them.
    binding: Secret,
    /// Of both sides.
    nonce: String,
    /// The messages so far, which both sides sign.
    said: String,
}

impl Scram {
    /// At the start of an exchange; `bound` is for the -PLUS form.
    pub fn new(hash: ScramHash, bound: bool, setting: &Setting<'_>) -> Self {
        Self {
            hash,
            bound,
            offers_bound: setting.offers_bound(),
            channel: setting.bindings().cloned().unwrap_or_default(),
            nonce: setting.nonce().clone(),
            decoy: setting.decoy().clone(),
            decoy_iterations: setting.decoy_iterations(),
            state: State::Begun,
        }
    }

    fn open(&mut self, message: &[u8]) -> Option<Step> {
        let first = ClientFirst::parse(message)?;
        let data = match first.flag {
            Flag::Bound(name) if self.bound => self.channel.data(Binding::of(name)?)?,
            Flag::Bound(_) => return None,
            _ if self.bound => return None,
            // The client was not shown what this server offers (RFC 5802 §6).
            Flag::ServerUnable if self.offers_bound => return None,
            Flag::ServerUnable | Flag::Unable => &[],
        };
        let mut binding = Secret::from(first.header);
        binding.extend_from_slice(data);
        let authzid = authorization(&first.authzid, prepared)?;
        let identity = Identity::new(prepare_name(&first.user).ok()?).acting_for(authzid);
        let nonce = format!("{}{}", first.nonce, self.nonce.as_str());
        let question = Question::Verifier { identity: identity.clone(), hash: self.hash };
        let opened = Opened { identity, binding, nonce, said: first.bare.into() };
        self.state = State::Asked(Box::new(opened));
        Some(Step::Ask(question))
    }

    fn challenge(&mut self, mut opened: Box<Opened>, verifier: Verifier, welcome: Welcome) -> Step {
        let salt = base64(verifier.salt());
        let salt = salt.as_str().unwrap_or_default();
        let message = format!("r={},s={salt},i={}", opened.nonce, verifier.iterations());
        opened.said.push(',');
        opened.said.push_str(&message);
        self.state = State::Challenged(opened, verifier, welcome);
        Step::Challenge(message.into())
    }

    /// The server's signature, when the client's proof is right.
    fn prove(
        &self,
        opened: &Opened,
        verifier: &Verifier,
        welcome: Welcome,
        message: &[u8],
    ) -> Option<Step> {
        let last = ClientFinal::parse(message)?;
        let whole = last.nonce == opened.nonce && last.binding == opened.binding;
        let said: [&[u8]; 3] = [opened.said.as_bytes(), b",", last.without_proof.as_bytes()];
        let signature = self.hash.hmac(verifier.stored_key().as_slice(), &said);
        let client_key = xor(&signature, &last.proof);
        let right = self.hash.hash(client_key.as_slice()) == *verifier.stored_key();
        let server_signature = self.hash.hmac(verifier.server_key().as_slice(), &said);
        // One way out, whatever is wrong.
        if !(whole & right & welcome.0 & (last.proof.len() == self.hash.octets())) {
            return None;
        }
        let mut proof = Secret::from("v=");
        proof.extend_from_slice(base64(server_signature.as_slice()).as_slice());
        Some(Step::Challenge(proof))
    }
}

impl Mechanism for Scram {
    fn name(&self) -> &str {
        self.hash.mechanism(self.bound).as_str()
    }

    fn step(&mut self, response: Option<&[u8]>) -> Step {
        match (core::mem::replace(&mut self.state, State::Over), response) {
            (State::Begun, None) => {
                self.state = State::Prompted;
                Step::Challenge(Secret::new())
            }
            (State::Begun | State::Prompted, Some(message)) => {
                self.open(message).unwrap_or(Step::Failed)
            }
            (State::Challenged(opened, verifier, welcome), Some(message)) => {
                match self.prove(&opened, &verifier, welcome, message) {
                    Some(step) => {
                        self.state = State::Proven(opened.identity);
                        step
                    }
                    None => Step::Failed,
                }
            }
            // The client has nothing to say to the server's proof (RFC 4954 §4).
            (State::Proven(identity), Some([])) => Step::Accept(identity),
            _ => Step::Failed,
        }
    }

    fn answer(&mut self, answer: Answer) -> Step {
        let State::Asked(opened) = core::mem::replace(&mut self.state, State::Over) else {
            return Step::Failed;
        };
        match answer {
            Answer::Verifier(verifier) if verifier.hash() == self.hash => {
                self.challenge(opened, verifier, Welcome(true))
            }
            Answer::DenyVerifier(verifier) if verifier.hash() == self.hash => {
                self.challenge(opened, verifier, Welcome(false))
            }
            Answer::Reject(rejection) => Step::Refuse(rejection),
            _ => {
                let user = opened.identity.authcid();
                let decoy = Verifier::decoy(self.hash, user, &self.decoy, self.decoy_iterations);
                self.challenge(opened, decoy, Welcome(false))
            }
        }
    }
}

impl fmt::Debug for Scram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scram").field("name", &Mechanism::name(self)).finish_non_exhaustive()
    }
}
