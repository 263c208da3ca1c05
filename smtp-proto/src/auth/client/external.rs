//! EXTERNAL and ANONYMOUS, the client's side.

use super::{InvalidCredentials, Mechanism, Refused};
use crate::auth::Secret;

/// EXTERNAL (RFC 4422 appendix A): the TLS client certificate says who it is (C-35).
#[derive(Debug)]
pub struct External {
    authzid: Option<Secret>,
}

impl External {
    /// To act for `authzid`, or if that is empty for whom the certificate is. Text that is not ASCII is to
    /// be prepared by SASLprep (RFC 4954 §4) by the caller.
    ///
    /// # Errors
    /// When it has an octet 0.
    pub fn new(authzid: &str) -> Result<Self, InvalidCredentials> {
        if authzid.contains('\0') {
            return Err(InvalidCredentials::Nul);
        }
        Ok(Self { authzid: Some(authzid.into()) })
    }
}

impl Mechanism for External {
    fn name(&self) -> &str {
        "EXTERNAL"
    }

    fn initial_response(&mut self) -> Option<Secret> {
        self.authzid.take()
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Secret, Refused> {
        match self.authzid.take() {
            Some(authzid) if challenge.is_empty() => Ok(authzid),
            _ => Err(Refused::new("EXTERNAL knows no challenge")),
        }
    }
}

/// ANONYMOUS (RFC 4505): nobody in particular, who may leave a trace (C-36).
#[derive(Debug)]
pub struct Anonymous {
    trace: Option<Secret>,
}

impl Anonymous {
    /// `trace` is an address or a text for the server's log, or empty.
    ///
    /// # Errors
    /// [`InvalidCredentials::Trace`].
    pub fn new(trace: &str) -> Result<Self, InvalidCredentials> {
        if !is_trace(trace) {
            return Err(InvalidCredentials::Trace);
        }
        Ok(Self { trace: Some(trace.into()) })
    }
}

/// At most 255 characters, none of them controls (RFC 4505 §2, §3).
pub(in crate::auth) fn is_trace(text: &str) -> bool {
    text.chars().count() <= 255 && !text.contains(char::is_control)
}

impl Mechanism for Anonymous {
    fn name(&self) -> &str {
        "ANONYMOUS"
    }

    fn initial_response(&mut self) -> Option<Secret> {
        self.trace.take()
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Secret, Refused> {
        match self.trace.take() {
            Some(trace) if challenge.is_empty() => Ok(trace),
            _ => Err(Refused::new("ANONYMOUS knows no challenge")),
        }
    }
}
