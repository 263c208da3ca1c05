//! The command line.

/// With which codes those end who send messages.
macro_rules! exit_codes {
    () => {
        "\
Exit codes: 0 all accepted; 75 temporary failure; 69 permanent failure; 77 authentication
refused; 76 protocol error; 64 usage; 65 bad message or address; 73 a file cannot be made or
written.
"
    };
}

mod environment;
mod load;
mod probe;
mod replay;
mod send;
mod serve;
mod session;
#[cfg(test)]
mod tests;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::{
    load::Load,
    probe::{Probe, ProbeTls},
    replay::Replay,
    send::{DsnRet, IfLate, NotifyOn, ProxyVersion, Send},
    serve::Serve,
    session::{ChunkingUse, Login, PipeliningUse, Session},
};

/// Serves, sends and tries out mail by SMTP and LMTP.
#[derive(Debug, Parser)]
#[command(name = "smtp", version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  smtp demo
  smtp serve --maildir ./mail --user alice:secret
  smtp send --server 127.0.0.1:2525 --from a@example.org --to b@example.net --body 'Hello'
  smtp probe mx.example.net
  smtp load --server 127.0.0.1:2525 --connections 10 --messages 10000
";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Receives mail into a Maildir.
    Serve(Box<Serve>),
    /// Sends a message.
    Send(Box<Send>),
    /// Sends as many messages as a server takes, or at a steady rate, and measures.
    Load(Box<Load>),
    /// Plays a recorded session once more, without a network, and prints its events or the first
    /// difference.
    Replay(Replay),
    /// Shows what a server offers: extensions, limits, TLS and certificates. Sends no message.
    Probe(Box<Probe>),
    /// Starts a server on a free port of the loopback interface and sends it a message with an
    /// attachment, through STARTTLS and AUTH.
    Demo(Demo),
}

/// What to run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runtime {
    /// The tokio runtime, on all processors.
    Tokio,
    /// The smol runtime, on as many threads as SMOL_THREADS says, or one.
    Smol,
    /// No runtime: a thread for each session, whose calls block.
    Blocking,
}

impl Command {
    /// What it is to run on.
    pub(crate) fn runtime(&self) -> Runtime {
        let named = match self {
            Self::Serve(serve) => serve.runtime,
            Self::Send(send) => send.session.runtime,
            Self::Load(load) => load.session.runtime,
            Self::Probe(probe) => probe.runtime,
            Self::Demo(demo) => demo.runtime,
            // It waits for nothing.
            Self::Replay(_) => Some(Runtime::Blocking),
        };
        named.unwrap_or(Runtime::Tokio)
    }
}

/// How strict a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// The RFCs to the letter: for tests of other programs.
    Strict,
    /// What mail from and to strangers needs.
    Internet,
    /// For old devices and programs on a network of one's own.
    Lenient,
}

impl From<Profile> for smtp_proto::profile::Profile {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Strict => Self::STRICT,
            Profile::Internet => Self::INTERNET,
            Profile::Lenient => Self::LENIENT,
        }
    }
}

/// Where TLS comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tls {
    /// Never.
    None,
    /// By STARTTLS, and only so.
    Starttls,
    /// By STARTTLS where the server offers it, whoever that is; without it in the clear.
    Opportunistic,
    /// From the first octet.
    Implicit,
}

const DEMO_NOTES: &str = "\
Exit codes: 0 the message was sent and delivered; 73 a file or a socket for it cannot be made,
or its output not be written; 64 usage; else those of `smtp send`: 75, 69, 77, 76 and 65.
";

#[derive(Debug, Clone, Args)]
#[command(after_help = DEMO_NOTES)]
pub(crate) struct Demo {
    /// What to run on. Default: what SMTP_RUNTIME says, or else tokio.
    #[arg(long, value_enum)]
    pub(crate) runtime: Option<Runtime>,
}
