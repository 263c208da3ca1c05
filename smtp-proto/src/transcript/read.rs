//! Reading the file form.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::str::FromStr;

use super::{
    Answer, Body, Call, ChannelFacts, Entry, Speaker, Spoken, Transcript,
    mask::{ILL, WELL},
    write::{TITLE, is_code},
};
use crate::{
    auth::Binding,
    profile::Leniency,
    reply::{Reply, ReplyBuf},
    status::{Code, EnhancedCode},
};

/// A file that is no transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct FormError {
    line: usize,
    problem: Problem,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The first line is not `smtp-transcript 1 client` or `… server`.
    #[error("not the first line of a transcript that can be read here")]
    Title,
    /// The line begins with no word that is known.
    #[error("not a line of a transcript")]
    Word,
    /// An escape is none.
    #[error("malformed escape")]
    Escape,
    /// A number is none, or too large.
    #[error("malformed number")]
    Number,
    /// A code, or an enhanced code of another class.
    #[error("malformed code")]
    Code,
    /// Text that is not UTF-8 where it must be.
    #[error("not UTF-8")]
    Text,
    /// A kind of channel binding or a leniency that is not known.
    #[error("not a name that is known here")]
    Name,
    /// A line of a reply is none, or the reply has no end.
    #[error("malformed reply")]
    Reply,
}

impl FormError {
    /// The line, counted from 1.
    pub const fn line(&self) -> usize {
        self.line
    }

    /// What is wrong with it.
    pub const fn problem(&self) -> Problem {
        self.problem
    }
}

/// Lines of a reply that is not whole yet.
#[derive(Default)]
struct Unfinished {
    octets: Vec<u8>,
    masked: bool,
    line: usize,
}

impl FromStr for Transcript {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        let mut lines = (1..).zip(text.lines());
        let title = lines.next().and_then(|(_, line)| line.strip_prefix(TITLE));
        let role = match title {
            Some(" client") => Speaker::Client,
            Some(" server") => Speaker::Server,
            _ => return Err(FormError { line: 1, problem: Problem::Title }),
        };
        let mut transcript = Self::new(role);
        let mut reply = Unfinished::default();
        let mut last = 1;
        for (number, line) in lines {
            last = number;
            let failed = |problem| FormError { line: number, problem };
            if line.is_empty() {
                continue;
            }
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            if let Some(masked) = spoken_by_server(word) {
                if reply.octets.is_empty() {
                    reply = Unfinished { octets: Vec::new(), masked, line: number };
                }
                if reply.masked != masked || (matches!(word, "S>" | "S+") && rest.is_empty()) {
                    return Err(failed(Problem::Reply));
                }
                if let Some(whole) = reply.add(word, rest).map_err(failed)? {
                    transcript.push_at(whole, reply.line);
                    reply = Unfinished::default();
                }
                continue;
            }
            if !reply.octets.is_empty() {
                return Err(failed(Problem::Reply));
            }
            if word == "dropped" {
                transcript.dropped = number_of(rest).map_err(failed)?;
                continue;
            }
            transcript.push_at(entry(word, rest).map_err(failed)?, number);
        }
        if !reply.octets.is_empty() {
            return Err(FormError { line: last, problem: Problem::Reply });
        }
        transcript.end_at(last + 1);
        Ok(transcript)
    }
}

/// Whether a line is one of a reply, and if so whether secrets are masked in it.
fn spoken_by_server(word: &str) -> Option<bool> {
    match word {
        "S:" | "S>" => Some(false),
        "S*" | "S+" => Some(true),
        _ => None,
    }
}

impl Unfinished {
    /// Adds a line; the reply, when it was the last of it.
    fn add(&mut self, word: &str, text: &str) -> Result<Option<Entry>, Problem> {
        let start = self.octets.len();
        self.octets.extend(unescape(text, self.masked)?);
        let ended = matches!(word, "S:" | "S*");
        let line = self.octets.get(start..).unwrap_or_default();
        // What was escaped must not bring in lines of its own.
        let inner = if ended { line } else { line.strip_suffix(b"\n").ok_or(Problem::Reply)? };
        if inner.contains(&b'\n') || (!ended && inner.ends_with(b"\r")) {
            return Err(Problem::Reply);
        }
        let digits: Option<&[u8; 3]> = line.first_chunk();
        if digits.and_then(|digits| Code::from_digits(*digits)).is_none() {
            return Err(Problem::Reply);
        }
        let more = line.get(3) == Some(&b'-');
        if ended {
            self.octets.extend_from_slice(b"\r\n");
        }
        if more {
            return Ok(None);
        }
        let octets = core::mem::take(&mut self.octets);
        if Reply::found(&octets).is_none() {
            return Err(Problem::Reply);
        }
        Ok(Some(Entry::Reply(spoken(octets, self.masked))))
    }
}

fn spoken(octets: Vec<u8>, masked: bool) -> Spoken {
    if masked { Spoken::masked(octets) } else { Spoken::plain(&octets) }
}

fn entry(word: &str, rest: &str) -> Result<Entry, Problem> {
    Ok(match word {
        "C:" => Entry::Command(spoken(line_of(rest, false)?, false)),
        "C*" => Entry::Command(spoken(line_of(rest, true)?, true)),
        "C|" => Entry::Content(kept(rest, true)?),
        "C+" => Entry::Content(kept(rest, false)?),
        "C-" => Entry::Content(elided(rest)?),
        "B|" => Entry::Chunk(kept(rest, true)?),
        "B+" => Entry::Chunk(kept(rest, false)?),
        "B-" => Entry::Chunk(elided(rest)?),
        "C." => Entry::EndOfData,
        "C~" => {
            let (octets, verb) = rest.split_once(' ').unwrap_or((rest, ""));
            Entry::OverLong { octets: number_of(octets)?, verb: text_of(verb)? }
        }
        "C?" => foreign(Speaker::Client, rest, false)?,
        "C#" => foreign(Speaker::Client, rest, true)?,
        "S?" => foreign(Speaker::Server, rest, false)?,
        "S#" => foreign(Speaker::Server, rest, true)?,
        "C^" => Entry::Unread { speaker: Speaker::Client, octets: number_of(rest)? },
        "S^" => Entry::Unread { speaker: Speaker::Server, octets: number_of(rest)? },
        "tls" => Entry::Tls,
        "expire" if rest.is_empty() => Entry::Expired { unread: false },
        "expire" if rest == "unread" => Entry::Expired { unread: true },
        "eof" => Entry::Closed,
        "accept" => Entry::Answer(acceptance(rest)?),
        "reject" => Entry::Answer(Answer::Reject(refusal(rest)?)),
        "challenge" => {
            let octets = usize::try_from(number_of(rest)?).map_err(|_| Problem::Number)?;
            Entry::Answer(Answer::Challenge(octets))
        }
        "with" => {
            let (keyword, value) = rest.split_once(' ').unwrap_or((rest, ""));
            let (keyword, value) = (text_of(keyword)?, text_of(value)?);
            if keyword.contains(' ') {
                return Err(Problem::Text);
            }
            Entry::Answer(Answer::With { keyword, value })
        }
        "shutdown" => Entry::Call(Call::ShutDown(refusal(rest)?)),
        "abort" => Entry::Call(Call::Abort(refusal(rest)?)),
        "refuse" => Entry::Call(Call::Refuse(refusal(rest)?)),
        "weak" => Entry::Call(Call::TlsTooWeak),
        "proxy" => Entry::Proxy(text_of(rest)?),
        "channel" => Entry::Channel(channel(rest)?),
        "forgiven" => {
            let mut all = Leniency::ALL.into_iter();
            Entry::Leniency(all.find(|known| known.switch() == rest).ok_or(Problem::Name)?)
        }
        "#" => Entry::Remark(text_of(rest)?),
        _ => return Err(Problem::Word),
    })
}

fn channel(rest: &str) -> Result<ChannelFacts, Problem> {
    let mut known = ChannelFacts::default();
    for word in rest.split(' ').filter(|word| !word.is_empty()) {
        let place = match Binding::ALL.iter().position(|binding| binding.as_str() == word) {
            Some(place) => known.bindings.get_mut(place),
            None if word == "certificate" => Some(&mut known.client_certificate),
            None => None,
        };
        *place.ok_or(Problem::Name)? = true;
    }
    Ok(known)
}

/// A command: it is one line.
fn line_of(text: &str, masked: bool) -> Result<Vec<u8>, Problem> {
    let line = unescape(text, masked)?;
    if line.windows(2).any(|pair| pair == b"\r\n") { Err(Problem::Escape) } else { Ok(line) }
}

fn kept(text: &str, ended: bool) -> Result<Body, Problem> {
    let mut kept = unescape(text, false)?;
    if ended {
        kept.extend_from_slice(b"\r\n");
    }
    Ok(Body { kept, elided: 0 })
}

fn elided(text: &str) -> Result<Body, Problem> {
    Ok(Body { kept: Vec::new(), elided: number_of(text)? })
}

fn foreign(speaker: Speaker, text: &str, masked: bool) -> Result<Entry, Problem> {
    Ok(Entry::Foreign { speaker, octets: spoken(unescape(text, masked)?, masked) })
}

/// Without signs and blanks.
fn number_of(text: &str) -> Result<u64, Problem> {
    if text.bytes().all(|octet| octet.is_ascii_digit()) {
        text.parse().map_err(|_| Problem::Number)
    } else {
        Err(Problem::Number)
    }
}

fn text_of(text: &str) -> Result<Box<str>, Problem> {
    let octets = unescape(text, false)?;
    Ok(String::from_utf8(octets).map_err(|_| Problem::Text)?.into_boxed_str())
}

fn code_of(word: &str) -> Result<Code, Problem> {
    word.parse().ok().and_then(Code::new).ok_or(Problem::Code)
}

fn enhanced_of(word: &str) -> Option<EnhancedCode> {
    EnhancedCode::parse(word.as_bytes()).filter(|(_, length)| *length == word.len()).map(|it| it.0)
}

fn acceptance(rest: &str) -> Result<Answer, Problem> {
    let (first, behind) = rest.split_once(' ').unwrap_or((rest, ""));
    if !is_code(first) {
        return Ok(Answer::Accept { code: None, enhanced: None, text: text_of(rest)? });
    }
    let code = if first == "-" { None } else { Some(code_of(first)?) };
    let (second, text) = behind.split_once(' ').unwrap_or((behind, ""));
    let enhanced = match second {
        "-" => None,
        word => Some(enhanced_of(word).ok_or(Problem::Code)?),
    };
    let positive = code.is_none_or(|code| code.value() / 100 == 2);
    if !positive || enhanced.is_some_and(|enhanced| enhanced.class() != 2) {
        return Err(Problem::Code);
    }
    Ok(Answer::Accept { code, enhanced, text: text_of(text)? })
}

/// `550 5.1.1 text`.
fn refusal(rest: &str) -> Result<ReplyBuf, Problem> {
    let (code, behind) = rest.split_once(' ').unwrap_or((rest, ""));
    let (enhanced, text) = behind.split_once(' ').unwrap_or((behind, ""));
    let (code, enhanced) = (code_of(code)?, enhanced_of(enhanced).ok_or(Problem::Code)?);
    if code.severity() != enhanced.severity() || code.severity().is_positive() {
        return Err(Problem::Code);
    }
    Ok(ReplyBuf::new(code, Some(enhanced), &text_of(text)?))
}

/// The octets a text stands for.
fn unescape(text: &str, masked: bool) -> Result<Vec<u8>, Problem> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'*' if masked => WELL,
            b'#' if masked => ILL,
            b'\\' => match rest.next() {
                Some(b'r') => b'\r',
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'0') => 0,
                Some(b'x') => {
                    let digit = |digit: Option<u8>| char::from(digit?).to_digit(16);
                    let value = match (digit(rest.next()), digit(rest.next())) {
                        (Some(high), Some(low)) => u8::try_from(high * 16 + low).ok(),
                        _ => None,
                    };
                    value.filter(|octet| !masked || *octet < ILL).ok_or(Problem::Escape)?
                }
                Some(octet @ (b'\\' | b'"')) => octet,
                Some(octet @ (b'*' | b'#')) if masked => octet,
                _ => return Err(Problem::Escape),
            },
            octet => octet,
        });
    }
    Ok(octets)
}
