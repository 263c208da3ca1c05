//! The options of `smtp send`.

use std::path::PathBuf;

use clap::Args;

use super::{Runtime, Tls};

const SEND_EXAMPLES: &str = "\
Examples:
  smtp send --server 127.0.0.1:2525 --tls none --from a@example.org --to b@example.net --body 'Hello'
  smtp send --server mail.example.org:587 --user alice --from alice@example.org \\
       --to bob@example.net --subject 'Figures' --body 'See attached.' --attach figures.pdf
  smtp send --server mx.example.net:25 --from a@example.org --to b@example.net --message mail.eml
  smtp send --server unix:/run/dovecot/lmtp --lmtp --from a@example.org \\
       --to b@example.net --message - < mail.eml

The password may come from the environment variable SMTP_PASSWORD.
One line per recipient is printed. Exit codes: 0 all accepted; 75 temporary failure; 69 permanent
failure; 77 authentication refused; 76 protocol error; 64 usage; 65 bad message or address.
";

#[derive(Debug, Clone, Args)]
#[command(after_help = SEND_EXAMPLES)]
pub(crate) struct Send {
    /// The server. The port is 465 with --tls implicit, 24 with --lmtp and else 587 when it is left
    /// out.
    #[arg(long, value_name = "HOST:PORT|unix:PATH")]
    pub(crate) server: String,
    /// The async runtime to run on.
    #[arg(long, value_enum, default_value = "tokio")]
    pub(crate) runtime: Runtime,
    /// Where TLS comes in. Default: implicit for port 465, none for LMTP and for loopback
    /// addresses when no user is given, else starttls.
    #[arg(long, value_enum)]
    pub(crate) tls: Option<Tls>,
    /// Trusts the certificates in this file instead of the system's.
    #[arg(long, value_name = "PEM", conflicts_with = "insecure")]
    pub(crate) ca: Option<PathBuf>,
    /// Does not verify the server's certificate: anybody can pose as the server.
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Speaks LMTP.
    #[arg(long)]
    pub(crate) lmtp: bool,
    /// The name this client gives itself. Default: the address literal of its side of the connection.
    #[arg(long, value_name = "NAME")]
    pub(crate) hello: Option<String>,
    /// Authenticates as this user.
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// The user's password. Others on this machine may see it; rather set SMTP_PASSWORD.
    #[arg(long, value_name = "PASS", env = "SMTP_PASSWORD", hide_env_values = true)]
    pub(crate) password: Option<String>,
    /// The AUTH mechanism. Default: PLAIN, or LOGIN if that is all the server offers.
    #[arg(long, value_name = "MECHANISM", requires = "user")]
    pub(crate) auth: Option<String>,
    /// Shows the password outside TLS too.
    #[arg(long)]
    pub(crate) allow_plaintext_auth: bool,
    /// The sender: reverse-path, and From of a composed message. An empty one is the null
    /// reverse-path.
    #[arg(long, value_name = "ADDR")]
    pub(crate) from: String,
    /// A recipient.
    #[arg(long, value_name = "ADDR", required = true)]
    pub(crate) to: Vec<String>,
    /// The subject of the composed message.
    #[arg(long, value_name = "S", conflicts_with = "message")]
    pub(crate) subject: Option<String>,
    /// The text of the composed message.
    #[arg(long, value_name = "TEXT", conflicts_with = "message")]
    pub(crate) body: Option<String>,
    /// A file to attach to the composed message.
    #[arg(long, value_name = "FILE", conflicts_with = "message")]
    pub(crate) attach: Vec<PathBuf>,
    /// Sends a finished message from a file, or with - from the standard input. Lines that end with
    /// LF alone are sent with CRLF.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) message: Option<PathBuf>,
    /// How long the server may take in each phase. Default: by phase, as RFC 5321 has it.
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: Option<u64>,
    /// Prints what is said on stderr, with the seconds since the start; secrets are masked.
    #[arg(long)]
    pub(crate) trace: bool,
    /// Writes what is said to a transcript, FILE, as `smtp replay` reads it; secrets are masked.
    #[arg(long, value_name = "FILE")]
    pub(crate) transcript: Option<PathBuf>,
    /// Keeps content in the transcript, up to so many octets of each message.
    #[arg(long, value_name = "BYTES", requires = "transcript")]
    pub(crate) keep_content: Option<usize>,
}
