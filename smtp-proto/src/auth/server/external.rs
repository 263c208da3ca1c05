//! EXTERNAL and ANONYMOUS, the server's side.

use super::{Answer, Identity, Mechanism, Preparation, Question, Step, authorization, unprepared};
use crate::auth::client::is_trace;

/// EXTERNAL (RFC 4422 appendix A): TLS has said who the client is; it may say for whom it acts (C-35).
#[derive(Debug, Clone)]
pub struct External {
    prompted: bool,
    prepare: Preparation,
    asked: Option<Identity>,
}

impl Default for External {
    fn default() -> Self {
        Self::new()
    }
}

impl External {
    /// At the start of an exchange. The name is handed on as it comes.
    pub const fn new() -> Self {
        Self { prompted: false, prepare: unprepared, asked: None }
    }

    /// Prepares the name by SASLprep before the application sees it (RFC 4954 §4; C-42).
    #[cfg(feature = "sasl")]
    #[must_use]
    pub fn prepared(mut self) -> Self {
        self.prepare = super::prepared;
        self
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
        let text = core::str::from_utf8(response).ok().filter(|text| !text.contains('\0'));
        match text.and_then(|text| authorization(text, self.prepare)) {
            Some(authzid) => {
                self.asked = Some(Identity::new(authzid.as_str()));
                Step::Ask(Question::External(Some(authzid).filter(|named| !named.is_empty())))
            }
            None => Step::Failed,
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
