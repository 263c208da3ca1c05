//! How the program ends: the codes of `sysexits.h`.

use std::{fmt, process::ExitCode};

use smtp_frontend::Error;
use smtp_proto::{
    client::{self, Cause, OpeningError, Outcome, Status},
    fault::Fault,
    status::Severity,
};

/// A failure, with the exit code that says of what kind it is.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
    /// What it was in a session, for who decides whether to go on elsewhere.
    pub(crate) error: Option<Box<Error>>,
}

/// The exit codes of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Code {
    /// Wrong use of the program.
    Usage = 64,
    /// The message or an address is malformed.
    Data = 65,
    /// Permanent failure.
    Unavailable = 69,
    /// Something here cannot be done: a file, a socket.
    CannotCreate = 73,
    /// Temporary failure.
    Temporary = 75,
    /// The peer broke the protocol.
    Protocol = 76,
    /// Authentication was refused.
    Permission = 77,
}

#[cfg(test)]
impl Code {
    pub(crate) const ALL: [Self; 7] = [
        Self::Usage,
        Self::Data,
        Self::Unavailable,
        Self::CannotCreate,
        Self::Temporary,
        Self::Protocol,
        Self::Permission,
    ];
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string(), error: None }
    }

    /// With the exit code that the error calls for.
    pub(crate) fn of(error: Error) -> Self {
        let code = match error.decisive() {
            Error::Misuse(client::Misuse::BareNewline) => Code::Data,
            Error::Misuse(_) => Code::Unavailable,
            Error::Fault(fault) | Error::Opening(OpeningError::Fault(fault)) => fault_code(fault),
            Error::Opening(
                OpeningError::AuthRefused(reply) | OpeningError::TokenRefused { reply, .. },
            ) if reply.severity() == Severity::PermanentNegative => Code::Permission,
            Error::Opening(OpeningError::AuthFailed(_) | OpeningError::NoMechanism) => {
                Code::Permission
            }
            Error::Opening(OpeningError::TlsNotOffered) | Error::Tls(_) => Code::Unavailable,
            _ if error.is_temporary() => Code::Temporary,
            _ => Code::Unavailable,
        };
        Self { code, message: error.to_string(), error: Some(error.into()) }
    }

    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Code::Usage, message)
    }

    pub(crate) fn data(message: impl fmt::Display) -> Self {
        Self::new(Code::Data, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The exit code that an outcome calls for; none if the message was taken.
pub(crate) fn code(outcome: &Outcome) -> Option<Code> {
    Some(match (outcome.status(), outcome.cause()) {
        (Status::Delivered, _) => return None,
        (_, Cause::Content(_)) => Code::Data,
        (_, Cause::Fault(fault)) => fault_code(fault),
        (Status::Rejected, _) => Code::Unavailable,
        _ => Code::Temporary,
    })
}

fn fault_code(fault: &Fault) -> Code {
    match fault {
        Fault::Garbled(_) | Fault::UnexpectedReply(_) | Fault::PlaintextBehindStartTls => {
            Code::Protocol
        }
        _ => Code::Temporary,
    }
}

/// Of two codes the one to end with: what no retry mends comes first.
pub(crate) fn worse(one: Code, other: Code) -> Code {
    let rank = |code: Code| match code {
        Code::Data => 4,
        Code::Unavailable | Code::Permission => 3,
        Code::Protocol => 2,
        _ => 1,
    };
    if rank(other) > rank(one) { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_outcome_decides_the_exit_code() {
        assert_eq!(worse(Code::Temporary, Code::Unavailable), Code::Unavailable);
        assert_eq!(worse(Code::Unavailable, Code::Temporary), Code::Unavailable);
        assert_eq!(worse(Code::Temporary, Code::Protocol), Code::Protocol);
    }
}
