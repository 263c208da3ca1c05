//! Entries as people read them: a line for each that was said.

use core::fmt::{self, Write as _};

use super::{Answer, Call, ChannelFacts, Entry, Speaker, Spoken, entry::is_mask};
use crate::reply::display_text;

impl fmt::Debug for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        self.show(self.raw(), f)?;
        f.write_char('"')
    }
}

impl Spoken {
    /// Shows a part of it to people: a secret is `***`, whatever its length.
    fn show(&self, part: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_masked() {
            return display_text(part, f);
        }
        for run in part.chunk_by(|a, b| is_mask(*a) == is_mask(*b)) {
            if run.first().is_some_and(|octet| is_mask(*octet)) {
                f.write_str("***")?;
            } else {
                display_text(run, f)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "C:",
            Self::Server => "S:",
        })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(line) => {
                f.write_str("C: ")?;
                line.show(line.raw(), f)
            }
            Self::Greeting(reply) | Self::Reply(reply) => {
                let text = reply.raw();
                let text = text.strip_suffix(b"\n").unwrap_or(text);
                for (number, line) in text.split(|&octet| octet == b'\n').enumerate() {
                    f.write_str(if number == 0 { "S: " } else { "\nS: " })?;
                    reply.show(line.strip_suffix(b"\r").unwrap_or(line), f)?;
                }
                Ok(())
            }
            Self::Content(body) | Self::Chunk(body) => {
                write!(f, "C: [{} octets of content]", body.octets())
            }
            Self::EndOfData => f.write_str("C: ."),
            Self::OverLong { verb, octets } => {
                write!(f, "C: [{octets} octets in a line, too many]")?;
                if !verb.is_empty() {
                    f.write_char(' ')?;
                }
                display_text(verb.as_bytes(), f)
            }
            Self::Foreign { speaker, octets } => {
                write!(f, "{speaker} [{} octets that are no SMTP] ", octets.len())?;
                octets.show(octets.raw(), f)
            }
            Self::Unread { speaker, octets } => {
                write!(f, "{speaker} [{octets} octets not read]")
            }
            Self::Tls => f.write_str("-- TLS --"),
            Self::Expired { .. } => f.write_str("-- the time is up --"),
            Self::Closed => f.write_str("-- the peer closed --"),
            Self::Answer(answer) => write!(f, "-- {answer} --"),
            Self::Call(call) => write!(f, "-- {call} --"),
            Self::Proxy(addresses) => {
                f.write_str("-- PROXY ")?;
                display_text(addresses.as_bytes(), f)?;
                f.write_str(" --")
            }
            Self::Channel(known) => {
                f.write_str("-- channel:")?;
                if *known == ChannelFacts::default() {
                    f.write_str(" nothing to bind to")?;
                }
                for binding in known.bindings() {
                    write!(f, " {}", binding.as_str())?;
                }
                f.write_str(if known.client_certificate { " certificate --" } else { " --" })
            }
            Self::Leniency(leniency) => write!(f, "-- forgiven: {} --", leniency.switch()),
            Self::Remark(text) => {
                f.write_str("-- ")?;
                display_text(text.as_bytes(), f)?;
                f.write_str(" --")
            }
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept { code, enhanced, text } => {
                f.write_str("accept")?;
                if let Some(code) = code {
                    write!(f, " {code}")?;
                }
                if let Some(enhanced) = enhanced {
                    write!(f, " {enhanced}")?;
                }
                for line in text.lines() {
                    f.write_char(' ')?;
                    display_text(line.as_bytes(), f)?;
                }
                Ok(())
            }
            Self::Reject(reply) => write!(f, "reject {reply}"),
            Self::Challenge(octets) => write!(f, "challenge of {octets} octets"),
            Self::With { keyword, value } => {
                f.write_str("with ")?;
                display_text(keyword.as_bytes(), f)?;
                f.write_char(' ')?;
                display_text(value.as_bytes(), f)
            }
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShutDown(reply) => write!(f, "shut down {reply}"),
            Self::Abort(reply) => write!(f, "abort {reply}"),
            Self::Refuse(reply) => write!(f, "refuse {reply}"),
            Self::TlsTooWeak => f.write_str("TLS too weak"),
        }
    }
}
