//! The options of `smtp send`.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use clap::{ArgGroup, Args, ValueEnum};

use super::Session;

const SEND_EXAMPLES: &str = concat!(
    "\
Examples:
  smtp send --server 127.0.0.1:2525 --tls none \\
       --from a@example.org --to b@example.net --body 'Hello'
  smtp send --server mail.example.org:587 --user alice --from alice@example.org \\
       --to bob@example.net --subject 'Figures' --body 'See attached.' --attach figures.pdf
  smtp send --server mx.example.net:25 \\
       --from a@example.org --to b@example.net --message mail.eml
  smtp send --server unix:/run/dovecot/lmtp --lmtp --from a@example.org \\
       --to b@example.net --message - < mail.eml
  To whom the message says, as with sendmail -t:
    smtp send --server mail.example.org --user alice -t --message - < mail.eml
  To the hosts that take mail for the recipients' domains:
    smtp send --mx --hello host.example.org \\
         --from a@example.org --to b@example.net --body 'Hello'
  A report when the message has arrived, with the header only:
    smtp send --server mail.example.org --user alice --from alice@example.org \\
         --to bob@example.net --body 'Hello' --dsn-notify success,failure --dsn-ret hdrs
  A reminder, released in two hours, of no use after four:
    smtp send --server mail.example.org --user alice --from alice@example.org \\
         --to bob@example.net --body 'Lunch?' \\
         --hold-for 7200 --deliver-by 14400 --if-late return
  What a server behind a proxy makes of a client:
    smtp send --server 127.0.0.1:2525 --proxy-protocol v2 --proxy-source 192.0.2.1:1234 \\
         --from a@example.org --to b@example.net --body 'Hello'
  What a server makes of a client that a proxy or filter speaks for:
    smtp send --server 127.0.0.1:2525 --xclient ADDR=192.0.2.1 HELO=client.example \\
         --from a@example.org --to b@example.net --body 'Hello'
  Whether a server holds to the letter of the RFCs, with all that is said:
    smtp send --server 127.0.0.1:2525 --profile strict --trace \\
         --from a@example.org --to b@example.net --message mail.eml

The password may come from the environment variable SMTP_PASSWORD, a token from SMTP_TOKEN.
One line per recipient is printed. What the server does not offer is not left out in silence:
nothing is sent then, and the exit code is 69.
",
    exit_codes!()
);

/// When the sender is to be told what became of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NotifyOn {
    /// Whatever happens, no report.
    Never,
    /// It was delivered.
    Success,
    /// It cannot be delivered.
    Failure,
    /// It takes longer than usual.
    Delay,
}

/// How much of the message a report brings back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DsnRet {
    /// All of it.
    Full,
    /// The header.
    Hdrs,
}

/// What becomes of a message that is late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IfLate {
    /// The sender is told.
    Notify,
    /// The message is given back.
    Return,
}

/// The version of a PROXY header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProxyVersion {
    /// One line of text.
    V1,
    /// Binary.
    V2,
}

/// Reads an address, with a port or without.
fn name_server(text: &str) -> Result<SocketAddr, String> {
    let bare = |_| text.parse::<IpAddr>().map(|address| SocketAddr::new(address, 53));
    text.parse().or_else(bare).map_err(|_| "no IP address, nor one with a port".to_owned())
}

#[derive(Debug, Clone, Args)]
#[command(
    after_help = SEND_EXAMPLES,
    group = ArgGroup::new("where").args(["server", "mx"]).required(true),
)]
pub(crate) struct Send {
    #[command(flatten)]
    pub(crate) session: Session,
    /// Delivers to each recipient's domain, to the hosts that take its mail (MX), as a relay does, and
    /// not to a --server. TLS is used where it is offered, unless --tls says otherwise.
    #[arg(
        long,
        conflicts_with_all = ["lmtp", "user", "auth", "require_tls"]
    )]
    pub(crate) mx: bool,
    /// The port of these hosts, if it is not 25.
    #[arg(long, value_name = "PORT", default_value_t = 25, conflicts_with = "server")]
    pub(crate) mx_port: u16,
    /// The name server that is asked for them, in place of the system's.
    #[arg(
        long,
        value_name = "IP[:PORT]",
        conflicts_with = "server",
        value_parser = name_server
    )]
    pub(crate) name_server: Option<SocketAddr>,
    /// Validates by DNSSEC what is answered there, and goes by DANE (RFC 7672): TLS must be where a host's TLSA
    /// records want it, with a certificate that they are about.
    #[arg(long, conflicts_with = "server")]
    pub(crate) dnssec: bool,
    /// The sender: reverse-path, and From of a composed message. An empty one is the null
    /// reverse-path.
    #[arg(long, value_name = "ADDR", required_unless_present = "read_recipients")]
    pub(crate) from: Option<String>,
    /// A recipient.
    #[arg(long, value_name = "ADDR", required_unless_present = "read_recipients")]
    pub(crate) to: Vec<String>,
    /// Reads the recipients from the To, Cc and Bcc fields of the message, and the sender from Sender or
    /// From unless --from gives one; of a message that was resent, from its latest Resent- fields. The
    /// Bcc fields are not sent.
    #[arg(short = 't', long, conflicts_with = "to", requires = "message")]
    pub(crate) read_recipients: bool,
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
    /// Sends to all recipients or to none.
    #[arg(long, help_heading = "Transaction")]
    pub(crate) all_or_nothing: bool,
    /// A parameter of MAIL, of an extension that the server offers by the same keyword.
    #[arg(long, value_name = "KEYWORD[=VALUE]", help_heading = "Transaction")]
    pub(crate) param: Vec<String>,
    /// A parameter of each RCPT.
    #[arg(long, value_name = "KEYWORD[=VALUE]", help_heading = "Transaction")]
    pub(crate) rcpt_param: Vec<String>,
    /// When to report to the sender what became of the message: never, or one or more of the others.
    #[arg(
        long,
        value_enum,
        value_name = "never|success,failure,delay",
        value_delimiter = ',',
        hide_possible_values = true,
        help_heading = "Delivery reports (DSN)"
    )]
    pub(crate) dsn_notify: Vec<NotifyOn>,
    /// How much of the message a report of failure brings back.
    #[arg(long, value_enum, value_name = "HOW", help_heading = "Delivery reports (DSN)")]
    pub(crate) dsn_ret: Option<DsnRet>,
    /// A name for this transaction, which reports repeat.
    #[arg(long, value_name = "TEXT", help_heading = "Delivery reports (DSN)")]
    pub(crate) envid: Option<String>,
    /// The address that the message was for at first, when it is forwarded to one recipient. TYPE is
    /// rfc822 when it is left out.
    #[arg(long, value_name = "[TYPE;]ADDR", help_heading = "Delivery reports (DSN)")]
    pub(crate) orcpt: Option<String>,
    /// The message must go through TLS with a verified certificate on its whole way (REQUIRETLS).
    /// STARTTLS is used where no other TLS is chosen.
    #[arg(long, conflicts_with = "insecure", help_heading = "Delivery")]
    pub(crate) require_tls: bool,
    /// How urgent the message is, from -9 to 9 (MT-PRIORITY).
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(i8).range(-9..=9),
        help_heading = "Delivery"
    )]
    pub(crate) priority: Option<i8>,
    /// Releases the message so many seconds later (FUTURERELEASE).
    #[arg(
        long,
        value_name = "SECS",
        value_parser = clap::value_parser!(u32).range(1..=999_999_999),
        conflicts_with = "hold_until",
        help_heading = "Delivery"
    )]
    pub(crate) hold_for: Option<u32>,
    /// Releases the message at this time (FUTURERELEASE): 2026-12-24T18:00:00Z, or with an offset.
    #[arg(long, value_name = "TIME", help_heading = "Delivery")]
    pub(crate) hold_until: Option<String>,
    /// The message is to be delivered within so many seconds (DELIVERBY).
    #[arg(
        long,
        value_name = "SECS",
        value_parser = clap::value_parser!(i32).range(1..=999_999_999),
        help_heading = "Delivery"
    )]
    pub(crate) deliver_by: Option<i32>,
    /// What is done when the message is late: notify tells the sender and goes on trying, return gives
    /// it back.
    #[arg(
        long,
        value_enum,
        value_name = "notify|return",
        hide_possible_values = true,
        default_value = "notify",
        requires = "deliver_by",
        help_heading = "Delivery"
    )]
    pub(crate) if_late: IfLate,
    /// Reports too when the message is passed on to another server.
    #[arg(long, requires = "deliver_by", help_heading = "Delivery")]
    pub(crate) report_relays: bool,
    /// What the message solicits: the class of its Solicitation field, or several with commas
    /// (NO-SOLICITING).
    #[arg(long, value_name = "CLASS", help_heading = "Delivery")]
    pub(crate) solicit: Option<String>,
    /// Delivers only if the recipient has owned the address without a break since this time (RRVS).
    #[arg(long, value_name = "TIME", help_heading = "Delivery")]
    pub(crate) rrvs: Option<String>,
    /// Says a PROXY header in front of the session, as a proxy does.
    #[arg(long, value_enum, value_name = "VERSION", help_heading = "On behalf of others")]
    pub(crate) proxy_protocol: Option<ProxyVersion>,
    /// The client on whose behalf it is said. Without it the header says that the connection is the
    /// proxy's own.
    #[arg(
        long,
        value_name = "IP:PORT",
        requires = "proxy_protocol",
        help_heading = "On behalf of others"
    )]
    pub(crate) proxy_source: Option<SocketAddr>,
    /// Has the server take this client for another, if it trusts this host so far (XCLIENT): NAME,
    /// ADDR, PORT, PROTO, HELO, LOGIN, DESTADDR or DESTPORT. Where nothing is
    /// known VALUE is UNAVAILABLE in square brackets.
    #[arg(long, value_name = "NAME=VALUE", num_args = 1.., help_heading = "On behalf of others")]
    pub(crate) xclient: Vec<String>,
    /// Tells the server of the client that the message comes from, for its log (XFORWARD): NAME, ADDR,
    /// PORT, PROTO, HELO, IDENT or SOURCE.
    #[arg(long, value_name = "NAME=VALUE", num_args = 1.., help_heading = "On behalf of others")]
    pub(crate) xforward: Vec<String>,
    /// Prints what is said on stderr, with the seconds since the start; secrets are masked.
    #[arg(long, help_heading = "Record")]
    pub(crate) trace: bool,
    /// Writes what is said to a transcript, FILE, as `smtp replay` reads it; secrets are masked. Where
    /// more than one session is opened, the next goes to FILE.2, and so on.
    #[arg(long, value_name = "FILE", help_heading = "Record")]
    pub(crate) transcript: Option<PathBuf>,
    /// Keeps content in the transcript, up to so many octets of each message.
    #[arg(long, value_name = "BYTES", requires = "transcript", help_heading = "Record")]
    pub(crate) keep_content: Option<usize>,
}
