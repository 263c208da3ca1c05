//! The options of `smtp serve`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use smtp_frontend::{Network, Rate};

use super::{Profile, Runtime};

const SERVE_EXAMPLES: &str = "\
Examples:
  Take every message for every address, into ./mail/ADDRESS/new:
    smtp serve --maildir ./mail
  A mail server for one domain, with logins for those who send elsewhere, which are in a file:
    smtp serve --listen 0.0.0.0:2525 --domain example.org --users logins --maildir ./mail
  Local delivery by LMTP on a Unix socket:
    smtp serve --listen-lmtp unix:/run/smtp/lmtp.sock --maildir ./mail
  Submission by its authors, on the ports they know:
    smtp serve --submission --listen 0.0.0.0:587 --listen-tls 0.0.0.0:465 --users logins \\
         --tls-cert chain.pem --tls-key key.pem --maildir ./mail
  A mail server on the Internet, with a certificate for each of its names, and limits for each
  client; `kill -HUP` has it read the certificates anew when they have been renewed:
    smtp serve --listen 0.0.0.0:25 --domain example.org,example.net --maildir ./mail \\
         --tls-cert org.pem --tls-key org.key --tls-cert net.pem --tls-key net.key \\
         --max-per-address 20 --rate-per-address 60 --rate 1000/10 --exempt 192.0.2.0/24 \\
         --summary
  Old scanners and printers on a network of one's own:
    smtp serve --listen 10.0.0.1:25 --profile lenient --maildir ./mail
  Behind a proxy on this host, which says who its clients are:
    smtp serve --xclient 127.0.0.1,::1 --maildir ./mail
  A sink for load tests:
    smtp serve --discard --no-tls
  A server to test a client with, to the letter, without chunks and with delivery reports:
    smtp serve --discard --profile strict --withhold CHUNKING --offer DSN --offer DELIVERBY=60

When ready, one line per listener is printed: `listening smtp 127.0.0.1:2525`.
SIGINT and SIGTERM end it: transactions under way may finish within the time of --grace, and do
not when it is asked a second time.
Exit codes: 0 it was asked to end; 64 usage; 65 a certificate, key or login cannot be read; 69 a
certificate cannot be used; 73 a socket, the store or a transcript cannot be made, or the output
not be written; 75 the system lets nothing be begun.
";

#[derive(Debug, Clone, Args)]
#[command(after_help = SERVE_EXAMPLES)]
#[group(skip)]
#[command(group(ArgGroup::new("logins").args(["user", "users", "token", "tokens"]).multiple(true)))]
pub(crate) struct Serve {
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
    /// Puts each message into DIR/ADDRESS/new, in Maildir form; no other user may read what is made
    /// there. Default ./maildir.
    #[arg(long, value_name = "DIR", conflicts_with = "discard")]
    pub(crate) maildir: Option<PathBuf>,
    /// Accepts messages and drops them.
    #[arg(long)]
    pub(crate) discard: bool,
    /// Takes mail for this domain, or several with commas, only; for others when the client has
    /// authenticated. Without it every domain is local.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) domain: Vec<String>,
    /// Takes messages from their authors (RFC 6409): only from clients that have authenticated, only
    /// with qualified domains, and whatever name they say hello with.
    #[arg(long, requires = "logins", conflicts_with = "listen_lmtp")]
    pub(crate) submission: bool,
    /// How strictly commands are read and content is taken. What a client is forgiven is shown by
    /// --trace.
    #[arg(long, value_enum, default_value = "internet")]
    pub(crate) profile: Profile,
    /// What to run on. Default: what SMTP_RUNTIME says, or else tokio.
    #[arg(long, value_enum)]
    pub(crate) runtime: Option<Runtime>,
    /// The certificate chain, as PEM. Without it a self-signed certificate is made at every start. May
    /// be given again: a client is shown that which has the name it asks for, or else the first. At
    /// SIGHUP the files are read anew.
    #[arg(
        long,
        value_name = "PEM",
        requires = "tls_key",
        conflicts_with = "no_tls",
        help_heading = "TLS"
    )]
    pub(crate) tls_cert: Vec<PathBuf>,
    /// The private key, as PEM; one for each certificate chain, in the same order.
    #[arg(long, value_name = "PEM", requires = "tls_cert", help_heading = "TLS")]
    pub(crate) tls_key: Vec<PathBuf>,
    /// Does not offer TLS.
    #[arg(long, conflicts_with = "listen_tls", help_heading = "TLS")]
    pub(crate) no_tls: bool,
    /// A login for AUTH. Others on this machine may see it; rather use --users.
    #[arg(long, value_name = "NAME:PASSWORD", help_heading = "Authentication")]
    pub(crate) user: Vec<String>,
    /// The same from a file, one NAME:PASSWORD in each line. Empty lines, and those that begin with #, are
    /// none.
    #[arg(long, value_name = "FILE", help_heading = "Authentication")]
    pub(crate) users: Option<PathBuf>,
    /// A bearer token for AUTH, and whose it is; a user may have several, and needs no password. Others
    /// on this machine may see it; rather use --tokens.
    #[arg(long, value_name = "NAME:TOKEN", help_heading = "Authentication")]
    pub(crate) token: Vec<String>,
    /// The same from a file, one NAME:TOKEN in each line.
    #[arg(long, value_name = "FILE", help_heading = "Authentication")]
    pub(crate) tokens: Option<PathBuf>,
    /// The AUTH mechanisms offered, most wanted first: SCRAM-SHA-256-PLUS, SCRAM-SHA-1-PLUS,
    /// SCRAM-SHA-256, SCRAM-SHA-1, PLAIN and LOGIN by default, OAUTHBEARER and XOAUTH2 if there are
    /// tokens; CRAM-MD5 only when it is named.
    #[arg(
        long,
        value_name = "MECHANISM",
        value_delimiter = ',',
        requires = "logins",
        help_heading = "Authentication"
    )]
    pub(crate) auth: Vec<String>,
    /// Takes mail only from clients that have authenticated.
    #[arg(long, requires = "logins", help_heading = "Authentication")]
    pub(crate) require_auth: bool,
    /// Offers PLAIN, LOGIN, OAUTHBEARER and XOAUTH2 outside TLS too.
    #[arg(long, help_heading = "Authentication")]
    pub(crate) allow_plaintext_auth: bool,
    /// Offers an extension that is off by default: DSN, BINARYMIME, EXPN, REQUIRETLS, RRVS, MTRK,
    /// DELIVERBY[=SECS], FUTURERELEASE=SECS, MT-PRIORITY[=PROFILE] or NO-SOLICITING[=CLASS,...]. What
    /// clients ask for by it is checked and taken, and not carried out: for tests of clients.
    #[arg(long, value_name = "KEYWORD[=VALUE]", help_heading = "Extensions")]
    pub(crate) offer: Vec<String>,
    /// Does not offer an extension that is on by default.
    #[arg(long, value_name = "KEYWORD", help_heading = "Extensions")]
    pub(crate) withhold: Vec<String>,
    /// Refuses messages of more octets.
    #[arg(long, value_name = "BYTES", default_value_t = 52_428_800, help_heading = "Limits")]
    pub(crate) max_message_size: u64,
    /// Refuses more recipients than this in one transaction; mail servers must take 100.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Limits")]
    pub(crate) max_recipients: u32,
    /// Refuses recipients of more domains than this in one session, and says so by LIMITS.
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=999_999),
        help_heading = "Limits"
    )]
    pub(crate) max_recipient_domains: Option<u32>,
    /// Refuses more transactions than this in one session, and says so by LIMITS.
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=999_999),
        help_heading = "Limits"
    )]
    pub(crate) max_mails: Option<u32>,
    /// Turns clients away with 421 above so many connections.
    #[arg(long, value_name = "N", default_value_t = 10_000, help_heading = "Limits")]
    pub(crate) max_connections: usize,
    /// Turns clients away above so many connections of one address; the IPv6 addresses of a subnet
    /// (/64) count as one.
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub(crate) max_per_address: Option<usize>,
    /// Turns clients away above so many new connections in a minute, or in so many seconds.
    #[arg(long, value_name = "N[/SECS]", help_heading = "Limits")]
    pub(crate) rate: Option<Rate>,
    /// The same for each address, as --max-per-address takes it.
    #[arg(long, value_name = "N[/SECS]", help_heading = "Limits")]
    pub(crate) rate_per_address: Option<Rate>,
    /// The limits of each address are not for these hosts.
    #[arg(long, value_name = "IP[/PREFIX]", value_delimiter = ',', help_heading = "Limits")]
    pub(crate) exempt: Vec<Network>,
    /// How long a client may take for a command or a block of content.
    #[arg(long, value_name = "SECS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Limits")]
    pub(crate) timeout: u64,
    /// How long a client may take for 16 KiB of content, if not as long as for a command: with 60, who
    /// is slower than 274 octets a second is dropped.
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Limits")]
    pub(crate) content_timeout: Option<u64>,
    /// How long transactions under way may go on when the server is to end.
    #[arg(long, value_name = "SECS", default_value_t = 30, help_heading = "Limits")]
    pub(crate) grace: u64,
    /// Expects a PROXY protocol header (version 1 or 2) from every client. Only for servers that
    /// nobody but the proxy can reach.
    #[arg(long, help_heading = "Proxies")]
    pub(crate) proxy_protocol: bool,
    /// Lets these hosts use XCLIENT, by which they can be anybody: proxies that let nobody else use it.
    #[arg(long, value_name = "IP[/PREFIX]", value_delimiter = ',', help_heading = "Proxies")]
    pub(crate) xclient: Vec<String>,
    /// Lets these hosts say by XFORWARD of whom a message comes: a trace names it.
    #[arg(long, value_name = "IP[/PREFIX]", value_delimiter = ',', help_heading = "Proxies")]
    pub(crate) xforward: Vec<String>,
    /// Prints what is said on stderr, with the seconds since the start; secrets are masked.
    #[arg(long, help_heading = "Record")]
    pub(crate) trace: bool,
    /// Writes what is said to transcripts, a file in DIR for each session, as `smtp replay` reads
    /// them; secrets are masked.
    #[arg(long, value_name = "DIR", help_heading = "Record")]
    pub(crate) transcript: Option<PathBuf>,
    /// Prints at the end how much was served, and how long it took.
    #[arg(long, help_heading = "Record")]
    pub(crate) summary: bool,
    /// Keeps content in the transcripts, up to so many octets of each message.
    #[arg(long, value_name = "BYTES", requires = "transcript", help_heading = "Record")]
    pub(crate) keep_content: Option<usize>,
}
