//! The options of those who open a session with a server and send by it.

use std::{net::IpAddr, path::PathBuf};

use clap::{Args, ValueEnum};

use super::{Profile, Runtime, Tls};

/// Whether content goes out by BDAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChunkingUse {
    /// If the server offers CHUNKING.
    Auto,
    /// By DATA.
    Never,
    /// Not by DATA: a server without CHUNKING fails.
    Always,
}

/// Whether commands go out in groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PipeliningUse {
    /// If the server offers PIPELINING.
    Auto,
    /// One by one.
    Never,
}

/// Who logs in.
#[derive(Debug, Clone, Args)]
pub(crate) struct Login {
    /// Authenticates as this user.
    #[arg(long, value_name = "NAME", help_heading = "Authentication")]
    pub(crate) user: Option<String>,
    /// The user's password. Others on this machine may see it; rather set SMTP_PASSWORD.
    #[arg(long, value_name = "PASS", requires = "user", help_heading = "Authentication")]
    pub(crate) password: Option<String>,
}

/// Which server, and how the session with it is.
#[derive(Debug, Clone, Args)]
pub(crate) struct Session {
    /// The server. The port is 465 with --tls implicit, 24 with --lmtp and else 587 when it is left
    /// out.
    #[arg(long, value_name = "HOST:PORT|unix:PATH")]
    pub(crate) server: Option<String>,
    /// Speaks LMTP.
    #[arg(long, help_heading = "Session")]
    pub(crate) lmtp: bool,
    /// The name this client gives itself. Default: the address literal of its side of the connection.
    #[arg(long, value_name = "NAME", help_heading = "Session")]
    pub(crate) hello: Option<String>,
    /// How strictly replies are read, and what a message may be.
    #[arg(long, value_enum, default_value = "internet", help_heading = "Session")]
    pub(crate) profile: Profile,
    /// How long the server may take in each phase. Default: by phase, as RFC 5321 has it.
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Session")]
    pub(crate) timeout: Option<u64>,
    /// Connects through this proxy, which looks the server up: socks5://HOST:PORT or http://HOST:PORT,
    /// with NAME:PASSWORD@ in front of the host if it wants them; others on this machine may see that,
    /// rather set SMTP_PROXY.
    #[arg(long, value_name = "URL", help_heading = "Session")]
    pub(crate) proxy: Option<String>,
    /// Connects from this address of this host; twice for one of each family.
    #[arg(long, value_name = "IP", help_heading = "Session")]
    pub(crate) bind: Vec<IpAddr>,
    /// What to run on. Default: what SMTP_RUNTIME says, or else tokio.
    #[arg(long, value_enum, help_heading = "Session")]
    pub(crate) runtime: Option<Runtime>,
    /// Where TLS comes in. Default: implicit for port 465, none for LMTP and for loopback
    /// addresses when neither a user nor a proxy is given, else starttls.
    #[arg(long, value_enum, help_heading = "TLS")]
    pub(crate) tls: Option<Tls>,
    /// Trusts the certificates in this file instead of the system's.
    #[arg(long, value_name = "PEM", conflicts_with = "insecure", help_heading = "TLS")]
    pub(crate) ca: Option<PathBuf>,
    /// Does not verify the server's certificate: anybody can pose as the server.
    #[arg(long, help_heading = "TLS")]
    pub(crate) insecure: bool,
    #[command(flatten)]
    pub(crate) login: Login,
    /// Authenticates by this bearer token. Others on this machine may see it; rather set SMTP_TOKEN.
    #[arg(long, value_name = "TOKEN", requires = "user", help_heading = "Authentication")]
    pub(crate) token: Option<String>,
    /// The AUTH mechanisms that may be used, most wanted first. Default: of those the server offers
    /// SCRAM, then those of a token, then PLAIN and LOGIN.
    #[arg(long, value_name = "MECHANISM", value_delimiter = ',', help_heading = "Authentication")]
    pub(crate) auth: Vec<String>,
    /// Shows the password or the token outside TLS too.
    #[arg(long, help_heading = "Authentication")]
    pub(crate) allow_plaintext_auth: bool,
    /// Whether content is sent by BDAT instead of DATA.
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Transaction"
    )]
    pub(crate) chunking: ChunkingUse,
    /// Whether commands are sent in groups.
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Transaction"
    )]
    pub(crate) pipelining: PipeliningUse,
}
