//! EXTERNAL and ANONYMOUS, the server's side.

use alloc::string::String;

use super::{Answer, Identity, Mechanism, Question, Step};
use crate::auth::client::is_trace;

/// EXTERNAL (RFC 4422 appendix A): TLS has said who the client is; it may say for whom it acts (C-35).
#[derive(Debug, Clone, Default)]
pub struct External {
    prompted: bool,
    asked: Option<Identity>,
}

impl External {
    /// At the start of an exchange.
    pub const fn new() -> Self {
        Self { prompted: false, asked: None }
    }
}

impl Mechanism for External {
    fn name(&self) -> &str {
        "EXTERNAL"
    }

    fn step(&mut self, response: Option<&[u8]>) -> Step {
        let Some(response) = response else {
            return Step::prompt(&mut self.prompted);
        };
        // extern-resp = *( UTF8-char-no-nul )
        match core::str::from_utf8(response) {
            Ok(authzid) if !authzid.contains('\0') => {
                self.asked = Some(Identity::new(authzid));
                let named = (!authzid.is_empty()).then(|| String::from(authzid));
                Step::Ask(Question::External(named))
            }
            _ => Step::Failed,
        }
    }

    fn answer(&mut self, answer: Answer) -> Step {
        match self.asked.take() {
            // Somebody has to say who it is.
            Some(nobody) if nobody.authcid().is_empty() && answer == Answer::Accept => Step::Failed,
            Some(identity) => Step::verdict(answer, identity),
            None => Step::Failed,
        }
    }
}

/// ANONYMOUS (RFC 4505): nobody in particular, who may leave a trace (C-36).
#[derive(Debug, Clone, Default)]
pub struct Anonymous {
    prompted: bool,
    asked: bool,
}

impl Anonymous {
    /// At the start of an exchange.
    pub const fn new() -> Self {
        Self { prompted: false, asked: false }
    }
}

impl Mechanism for Anonymous {
    fn name(&self) -> &str {
        "ANONYMOUS"
    }

    fn step(&mut self, response: Option<&[u8]>) -> Step {
        let Some(response) = response else {
            return Step::prompt(&mut self.prompted);
        };
        match core::str::from_utf8(response) {
            Ok(trace) if is_trace(trace) => {
                self.asked = true;
                Step::Ask(Question::Anonymous(trace.into()))
            }
            _ => Step::Failed,
        }
    }

    fn answer(&mut self, answer: Answer) -> Step {
        if !core::mem::take(&mut self.asked) {
            return Step::Failed;
        }
        Step::verdict(answer, Identity::new("anonymous"))
    }
}
