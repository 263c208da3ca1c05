//! How a session fails through its peer or the network.

use crate::reply::{ReplyBuf, ReplyError};

/// The end of a session that is not the doing of this side's application.
///
/// A fault is a state: once it is there, the session does nothing but end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The peer closed the connection before the session was over.
    #[error("the peer closed the connection")]
    Closed,
    /// The peer took too long.
    #[error("timed out waiting for the peer")]
    Timeout,
    /// The server said 421 or refused the session; its reply is kept.
    #[error("the server ended the session: {0}")]
    ServiceNotAvailable(ReplyBuf),
    /// What the server sent is no reply.
    #[error("the server broke the protocol: {0}")]
    Garbled(#[from] ReplyError),
    /// A reply came that answers no command, or whose code makes no sense for the command.
    #[error("the server sent an unexpected reply: {0}")]
    UnexpectedReply(ReplyBuf),
    /// Octets came in plaintext behind the STARTTLS command or its reply: an attempt to inject them
    /// into the TLS session (RFC 3207 section 6).
    #[error("plaintext behind STARTTLS")]
    PlaintextBehindStartTls,
    /// Message content was sent without waiting for the reply to DATA.
    #[error("content sent before the reply to DATA")]
    EarlyData,
    /// A line without end.
    #[error("line without end")]
    EndlessLine,
    /// The size of a BDAT chunk cannot be read, or is absurd: what follows cannot be told from
    /// commands.
    #[error("unusable BDAT size")]
    ChunkSize,
    /// Too many commands in a row were refused.
    #[error("too many bad commands")]
    TooManyBadCommands,
    /// Too many AUTH attempts failed.
    #[error("too many failed AUTH attempts")]
    TooManyFailedAuth,
    /// The peer speaks HTTP or TLS where SMTP was expected.
    #[error("the peer speaks another protocol")]
    ForeignProtocol,
}
