//! How the program ends: the codes of `sysexits.h`.

use std::{fmt, process::ExitCode};

/// A failure, with the exit code that says of what kind it is.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
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

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string() }
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
