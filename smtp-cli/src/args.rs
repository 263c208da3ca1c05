//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Receives mail into a Maildir.
    Serve(Box<Serve>),
    /// Sends a message.
    Send(Box<Send>),
    /// Starts a server on a free port of the loopback interface and sends it a message with an
    /// attachment, through STARTTLS and AUTH.
    Demo(Demo),
}

/// The async runtime to run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runtime {
    Tokio,
}

const SERVE_EXAMPLES: &str = "\
Examples:
  Take every message for every address, into ./mail/ADDRESS/new:
    smtp serve --maildir ./mail
  A mail server for one domain, with a login for those who send elsewhere:
    smtp serve --listen 0.0.0.0:2525 --domain example.org --user alice:secret --maildir ./mail
  Local delivery by LMTP on a Unix socket:
    smtp serve --listen-lmtp unix:/run/smtp/lmtp.sock --maildir ./mail
  A sink for load tests:
    smtp serve --discard --no-tls

When ready, one line per listener is printed: `listening smtp 127.0.0.1:2525`.
SIGINT and SIGTERM end it: transactions under way may finish within 30 seconds.
";

#[derive(Debug, Clone, Args)]
#[command(after_help = SERVE_EXAMPLES)]
pub(crate) struct Serve {
    /// The async runtime to run on.
    #[arg(long, value_enum, default_value = "tokio")]
    pub(crate) runtime: Runtime,
    /// Listens for SMTP; port 0 lets the system choose. Default 127.0.0.1:2525 when nothing else is
    /// listened on.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Vec<String>,
    /// Listens for SMTP inside TLS from the first octet.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen_tls: Vec<String>,
    /// Listens for LMTP, on an address or on a Unix socket.
    #[arg(long, value_name = "ADDR|unix:PATH")]
    pub(crate) listen_lmtp: Vec<String>,
    /// The name of this host in greetings and Received lines. Default: the system's name, or
    /// localhost if that is no domain.
    #[arg(long, value_name = "NAME")]
    pub(crate) hostname: Option<String>,
    /// Puts each message into DIR/ADDRESS/new, in Maildir form. Default ./maildir.
    #[arg(long, value_name = "DIR", conflicts_with = "discard")]
    pub(crate) maildir: Option<PathBuf>,
    /// Accepts messages and drops them.
    #[arg(long)]
    pub(crate) discard: bool,
    /// Takes mail for this domain only; for others when the client has authenticated. Without it
    /// every domain is local.
    #[arg(long, value_name = "NAME")]
    pub(crate) domain: Vec<String>,
    /// A login for AUTH PLAIN and AUTH LOGIN.
    #[arg(long, value_name = "NAME:PASSWORD")]
    pub(crate) user: Vec<String>,
    /// Takes mail only from clients that have authenticated.
    #[arg(long, requires = "user")]
    pub(crate) require_auth: bool,
    /// Offers AUTH PLAIN and LOGIN outside TLS too.
    #[arg(long)]
    pub(crate) allow_plaintext_auth: bool,
    /// The certificate chain, as PEM. Without it a self-signed certificate is made at every start.
    #[arg(long, value_name = "PEM", requires = "tls_key", conflicts_with = "no_tls")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key, as PEM.
    #[arg(long, value_name = "PEM", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Does not offer TLS.
    #[arg(long, conflicts_with = "listen_tls")]
    pub(crate) no_tls: bool,
    /// Refuses messages of more octets.
    #[arg(long, value_name = "BYTES", default_value_t = 52_428_800)]
    pub(crate) max_message_size: u64,
    /// Refuses more recipients than this in one transaction; mail servers must take 100.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_recipients: u32,
    /// Turns clients away with 421 above so many connections.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) max_connections: usize,
    /// How long a client may take for a command or a block of content.
    #[arg(long, value_name = "SECS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: u64,
    /// Expects a PROXY protocol header (version 1 or 2) from every client. Only for servers that
    /// nobody but the proxy can reach.
    #[arg(long)]
    pub(crate) proxy_protocol: bool,
    /// Prints what is said on stderr; secrets are masked.
    #[arg(long)]
    pub(crate) trace: bool,
}

/// Where TLS comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tls {
    /// Never.
    None,
    /// By STARTTLS, and only so.
    Starttls,
    /// From the first octet.
    Implicit,
}

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
    /// Prints what is said on stderr; secrets are masked.
    #[arg(long)]
    pub(crate) trace: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Demo {
    /// The async runtime to run on.
    #[arg(long, value_enum, default_value = "tokio")]
    pub(crate) runtime: Runtime,
}
