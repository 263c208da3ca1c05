//! SCRAM, the client's side.

use alloc::{format, string::String};
use core::{fmt, ops::RangeInclusive};

use super::{InvalidCredentials, Mechanism, Refused, check_fields};
use crate::auth::{
    Channel, MAX_ITERATIONS, MIN_ITERATIONS, Nonce, ScramHash, Secret, saslname, saslprep,
    saslprep::prepare_name,
    scram::{ServerFinal, ServerFirst, base64, xor},
};

/// SCRAM (RFC 5802, RFC 7677): both sides prove that they know the password, or what the server keeps
/// of it, and neither shows it (C-37 … C-41).
pub struct Scram {
    hash: ScramHash,
    bound: bool,
    password: Secret,
    nonce: Nonce,
    iterations: RangeInclusive<u32>,
    /// `gs2-cbind-flag`
    flag: String,
    /// Empty when there is none.
    authzid: String,
    /// `client-first-message-bare`
    bare: String,
    /// Channel binding data.
    data: Secret,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The client's first message was not given away.
    Begun,
    /// It was.
    Opened,
    /// The client has shown its proof, and awaits this one.
    Shown {
        server_signature: Secret,
    },
    /// The server has shown its own.
    Proven,
    Over,
}

/// There is no channel binding data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the channel has no binding data")]
pub struct NoBinding;

impl Scram {
    /// With a name and a password, which are prepared by SASLprep.
    ///
    /// # Errors
    /// [`InvalidCredentials`].
    pub fn new(
        hash: ScramHash,
        user: &str,
        password: &str,
        nonce: Nonce,
    ) -> Result<Self, InvalidCredentials> {
        check_fields("", user, password)?;
        let prohibited = |_| InvalidCredentials::Prohibited;
        let mut bare = String::from("n=");
        saslname::write(&prepare_name(user).map_err(prohibited)?, &mut bare);
        bare.push_str(",r=");
        bare.push_str(nonce.as_str());
        Ok(Self {
            hash,
            bound: false,
            password: saslprep(password).map_err(prohibited)?,
            nonce,
            iterations: MIN_ITERATIONS..=MAX_ITERATIONS,
            flag: "n".into(),
            authzid: String::new(),
            bare,
            data: Secret::new(),
            state: State::Begun,
        })
    }

    /// Acts for somebody else, whose name is prepared by SASLprep (RFC 4954 §4), or if it is empty for
    /// oneself.
    ///
    /// # Errors
    /// When it has an octet 0, or SASLprep does not allow it.
    pub fn acting_for(mut self, authzid: &str) -> Result<Self, InvalidCredentials> {
        if authzid.contains('\0') {
            return Err(InvalidCredentials::Nul);
        }
        self.authzid.clear();
        if !authzid.is_empty() {
            let prepared = prepare_name(authzid).map_err(|_| InvalidCredentials::Prohibited)?;
            saslname::write(&prepared, &mut self.authzid);
        }
        Ok(self)
    }

    /// Binds the exchange to the channel, which makes it that of the -PLUS form.
    ///
    /// # Errors
    /// [`NoBinding`].
    pub fn bound_to(mut self, channel: &Channel) -> Result<Self, NoBinding> {
        let binding = channel.best().ok_or(NoBinding)?;
        self.data = channel.data(binding).ok_or(NoBinding)?.into();
        self.flag = format!("p={}", binding.as_str());
        self.bound = true;
        Ok(self)
    }

    /// Tells the server that the client could bind, and was not offered it: a server that did offer it
    /// sees that somebody meddles (RFC 5802 §6).
    #[must_use]
    pub fn not_offered_binding(mut self) -> Self {
        self.flag = "y".into();
        self.bound = false;
        self
    }

    /// How many iterations the server may ask for. Fewer make the password easy to guess for who listens,
    /// more keep the client busy; 4096 to 1,000,000 by default (C-41).
    #[must_use]
    pub fn iterations(mut self, iterations: RangeInclusive<u32>) -> Self {
        self.iterations = iterations;
        self
    }

    fn header(&self) -> String {
        let authzid = if self.authzid.is_empty() { "" } else { "a=" };
        format!("{},{authzid}{},", self.flag, self.authzid)
    }

    fn first(&mut self) -> Secret {
        self.state = State::Opened;
        let mut message = Secret::from(self.header());
        message.extend_from_slice(self.bare.as_bytes());
        message
    }

    /// The proof, in answer to salt and iterations.
    fn prove(&mut self, challenge: &[u8]) -> Result<Secret, Refused> {
        let malformed = Refused::new("malformed first message of SCRAM");
        let first = ServerFirst::parse(challenge).ok_or(malformed)?;
        let own = self.nonce.as_str();
        if !first.nonce.starts_with(own) || first.nonce.len() == own.len() {
            return Err(Refused::new("the server's nonce is none"));
        }
        if !self.iterations.contains(&first.iterations) {
            return Err(Refused::new("too few or too many iterations of SCRAM"));
        }
        let mut binding = Secret::from(self.header());
        binding.extend_from_slice(self.data.as_slice());
        let mut message = Secret::from("c=");
        message.extend_from_slice(base64(binding.as_slice()).as_slice());
        message.extend_from_slice(format!(",r={}", first.nonce).as_bytes());
        let said: [&[u8]; 5] = [self.bare.as_bytes(), b",", challenge, b",", message.as_slice()];

        let hash = self.hash;
        let salt = first.salt.as_slice();
        let salted = hash.salted_password(self.password.as_slice(), salt, first.iterations);
        self.password.clear();
        let client_key = hash.client_key(&salted);
        let stored_key = hash.hash(client_key.as_slice());
        let proof = xor(&client_key, &hash.hmac(stored_key.as_slice(), &said));
        let server_signature = hash.hmac(hash.server_key(&salted).as_slice(), &said);

        message.extend_from_slice(b",p=");
        message.extend_from_slice(base64(proof.as_slice()).as_slice());
        self.state = State::Shown { server_signature };
        Ok(message)
    }
}

impl Mechanism for Scram {
    fn name(&self) -> &str {
        self.hash.mechanism(self.bound).as_str()
    }

    fn initial_response(&mut self) -> Option<Secret> {
        Some(self.first())
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Secret, Refused> {
        match core::mem::replace(&mut self.state, State::Over) {
            State::Begun if challenge.is_empty() => Ok(self.first()),
            State::Opened => self.prove(challenge),
            State::Shown { server_signature } => match ServerFinal::parse(challenge) {
                Some(ServerFinal::Signature(signature)) if signature == server_signature => {
                    self.state = State::Proven;
                    // Nothing is left to say.
                    Ok(Secret::new())
                }
                Some(ServerFinal::Error) => Err(Refused::new("the server refused the proof")),
                _ => Err(Refused::NO_PROOF),
            },
            _ => Err(Refused::new("a challenge where none was due")),
        }
    }

    fn accepted(&mut self) -> Result<(), Refused> {
        match self.state {
            State::Proven => Ok(()),
            _ => Err(Refused::NO_PROOF),
        }
    }
}

impl fmt::Debug for Scram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scram").field("name", &Mechanism::name(self)).finish_non_exhaustive()
    }
}
