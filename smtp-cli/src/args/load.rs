//! The options of `smtp load`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::Session;

const LOAD_EXAMPLES: &str = concat!(
    "\
Examples:
  What a server takes, for ten seconds on ten connections:
    smtp load --server 127.0.0.1:2525
  100,000 messages of 10 KiB to two recipients each, as JSON:
    smtp load --server 127.0.0.1:2525 --messages 100000 --size 10240 --recipients 2 --json
  How long a message takes at 500 a second, waiting for a free connection included:
    smtp load --server 127.0.0.1:2525 --connections 50 --rate 500 --duration 60
  A session for each message, with TLS and a login:
    smtp load --server mail.example.org:587 --insecure --user alice --per-session 1
  The same without groups and without chunks, as older clients send:
    smtp load --server 127.0.0.1:2525 --pipelining never --chunking never
  What 10,000 idle sessions cost the server:
    smtp load --server 127.0.0.1:2525 --idle --connections 10000 --duration 60

Latencies: a phase counts from when its command was sent to its reply; commands sent in a group
count from the start of the group. content is from the reply to DATA, or from the start of a
group with BDAT in it, to the final reply; message is all of it, of messages that were accepted.
With --rate it counts from the time the message was due.

Ctrl-C ends the run; the figures so far are printed.
",
    exit_codes!()
);

#[derive(Debug, Clone, Args)]
#[command(after_help = LOAD_EXAMPLES, group = ArgGroup::new("where").arg("server").required(true))]
pub(crate) struct Load {
    #[command(flatten)]
    pub(crate) session: Session,
    /// How many sessions at a time.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) connections: u32,
    /// Sends so many messages.
    #[arg(long, value_name = "N", conflicts_with = "duration", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) messages: Option<u64>,
    /// Sends for so many seconds. Default 10.
    #[arg(long, value_name = "SECS", value_parser = seconds)]
    pub(crate) duration: Option<f64>,
    /// Sends no more than so many messages per second, on all connections together. Default: as many
    /// as the server takes.
    #[arg(long, value_name = "PER_SEC", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Ends each session with QUIT after so many messages and opens another. Default: never.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) per_session: Option<u64>,
    /// Sends nothing: opens the sessions and keeps them until the time is over.
    #[arg(long, conflicts_with_all = ["messages", "rate", "per_session"])]
    pub(crate) idle: bool,
    /// The sender.
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "sender@example.org",
        help_heading = "Transaction"
    )]
    pub(crate) from: String,
    /// The recipient. With more than one they are recipient+1@example.net and so on.
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "recipient@example.net",
        help_heading = "Transaction"
    )]
    pub(crate) to: String,
    /// How many recipients each message has.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=100_000),
        help_heading = "Transaction"
    )]
    pub(crate) recipients: u32,
    /// The size of each message, header included.
    #[arg(long, value_name = "BYTES", default_value_t = 1024, help_heading = "Transaction")]
    pub(crate) size: usize,
    /// Sends the message in this file instead. Lines that end with LF alone are sent with CRLF.
    #[arg(long, value_name = "FILE", conflicts_with = "size", help_heading = "Transaction")]
    pub(crate) message: Option<PathBuf>,
    /// Prints one JSON object instead of tables; times are in milliseconds.
    #[arg(long)]
    pub(crate) json: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    positive(text).filter(|seconds| *seconds <= 1e9).ok_or_else(|| "no number of seconds".into())
}

fn rate(text: &str) -> Result<f64, String> {
    positive(text)
        .filter(|rate| (1e-9..=1e9).contains(rate))
        .ok_or_else(|| "no number per second".into())
}

fn positive(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
}
