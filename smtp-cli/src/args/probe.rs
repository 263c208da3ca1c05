//! The options of `smtp probe`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Login, Profile, Runtime};

const EXAMPLES: &str = "\
Examples:
  What a mail exchanger offers, before and after STARTTLS, and its certificate:
    smtp probe mx.example.net
  A submission server, with a login:
    SMTP_PASSWORD=secret smtp probe mail.example.org:587 --user alice
  A server by its address, with the name its certificate should bear:
    smtp probe [2001:db8::25]:25 --server-name mx.example.net
  Delivery on this machine:
    smtp probe unix:/run/dovecot/lmtp --lmtp
  When does the certificate expire:
    smtp probe mail.example.org:465 --json | jq '.tls.certificates[0].days_left'

No message is sent. A certificate that cannot be verified does not end the probe, but with
--user nothing is said behind it, so that no password gets lost.
The page, or with --json one JSON object, is on the standard output. Text of the server is shown
with control characters and what is not UTF-8 escaped. TLS 1.2 and 1.3 are spoken; whether a
server also takes older versions cannot be told.
Exit codes: 0 the session could be opened as asked; 75 no connection, or a temporary failure;
69 permanent failure, among them no STARTTLS where it was asked for, a failed TLS handshake and,
unless --insecure, a certificate that is not verified; 77 authentication refused or not
possible; 76 protocol error; 64 usage; 65 unreadable --ca; 73 the output cannot be written.
";

/// Where TLS comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProbeTls {
    /// Never.
    None,
    /// By STARTTLS if the server offers it.
    Auto,
    /// By STARTTLS; a server that does not offer it fails.
    Starttls,
    /// From the first octet.
    Implicit,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Probe {
    /// The server. The port is 465 with --tls implicit, 24 with --lmtp and else 25 when it is left
    /// out.
    #[arg(value_name = "HOST[:PORT]|unix:PATH")]
    pub(crate) server: String,
    /// What to run on. Default: what SMTP_RUNTIME says, or else tokio.
    #[arg(long, value_enum)]
    pub(crate) runtime: Option<Runtime>,
    /// Prints one JSON object instead of a page.
    #[arg(long)]
    pub(crate) json: bool,
    /// Speaks LMTP.
    #[arg(long)]
    pub(crate) lmtp: bool,
    /// Where TLS comes in. Default: implicit for port 465, none for Unix sockets, else auto.
    #[arg(long, value_enum, help_heading = "TLS")]
    pub(crate) tls: Option<ProbeTls>,
    /// Trusts the certificates in this file instead of the system's.
    #[arg(long, value_name = "PEM", help_heading = "TLS")]
    pub(crate) ca: Option<PathBuf>,
    /// A certificate that cannot be verified is reported, but is no failure.
    #[arg(long, help_heading = "TLS")]
    pub(crate) insecure: bool,
    /// The name the certificate must be for, and that is asked for by SNI. Default: HOST.
    #[arg(long, value_name = "NAME", help_heading = "TLS")]
    pub(crate) server_name: Option<String>,
    #[command(flatten)]
    pub(crate) login: Login,
    /// How strictly replies are read. What the server is forgiven is among the warnings.
    #[arg(long, value_enum, default_value = "internet")]
    pub(crate) profile: Profile,
    /// The name this client gives itself. Default: the address literal of its side of the connection.
    #[arg(long, value_name = "NAME")]
    pub(crate) hello: Option<String>,
    /// How long to wait for each address, for the TLS handshake and for each reply.
    #[arg(long, value_name = "SECS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
    /// Prints what is said on stderr; secrets are masked.
    #[arg(long)]
    pub(crate) trace: bool,
}
