//! Writing the file form.

use core::fmt::{self, Write as _};

use super::{
    Answer, Body, Call, Entry, Speaker, Spoken, Transcript,
    mask::{ILL, WELL},
};
use crate::reply::ReplyBuf;

/// The first word of a file, and the version of its form.
pub(super) const TITLE: &str = "smtp-transcript 1";

impl Transcript {
    /// The first line of the file form of a session of this side, for those who write entry by entry.
    pub fn title(role: Speaker) -> &'static str {
        match role {
            Speaker::Client => "smtp-transcript 1 client\n",
            Speaker::Server => "smtp-transcript 1 server\n",
        }
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::title(self.role()))?;
        if self.dropped > 0 {
            writeln!(f, "dropped {}", self.dropped)?;
        }
        self.entries().iter().try_for_each(|entry| entry.lines().fmt(f))
    }
}

/// An entry in the file form; see [`Entry::lines`].
#[derive(Debug, Clone, Copy)]
pub struct Lines<'e>(&'e Entry);

impl Entry {
    /// The lines of the [file form](super#the-file-form), each with its line end.
    pub fn lines(&self) -> Lines<'_> {
        Lines(self)
    }

    /// How many lines those are.
    pub(super) fn line_count(&self) -> usize {
        struct Count(usize);
        impl fmt::Write for Count {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0 += text.bytes().filter(|octet| *octet == b'\n').count();
                Ok(())
            }
        }
        let mut count = Count(0);
        let _ = write!(count, "{}", self.lines());
        count.0
    }
}

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Entry::Command(line) => {
                f.write_str(if line.is_masked() { "C* " } else { "C: " })?;
                write_spoken(line, line.raw(), f)?;
                f.write_char('\n')
            }
            Entry::Greeting(reply) | Entry::Reply(reply) => write_reply(reply, f),
            Entry::Content(body) => write_body('C', body, f),
            Entry::Chunk(body) => write_body('B', body, f),
            Entry::EndOfData => f.write_str("C.\n"),
            Entry::OverLong { verb, octets } => {
                write!(f, "C~ {octets} ")?;
                write_text(verb.as_bytes(), f)?;
                f.write_char('\n')
            }
            Entry::Foreign { speaker, octets } => {
                f.write_char(letter(*speaker))?;
                f.write_str(if octets.is_masked() { "# " } else { "? " })?;
                write_spoken(octets, octets.raw(), f)?;
                f.write_char('\n')
            }
            Entry::Unread { speaker, octets } => writeln!(f, "{}^ {octets}", letter(*speaker)),
            Entry::Tls => f.write_str("tls\n"),
            Entry::Expired { unread: false } => f.write_str("expire\n"),
            Entry::Expired { unread: true } => f.write_str("expire unread\n"),
            Entry::Closed => f.write_str("eof\n"),
            Entry::Answer(answer) => write_answer(answer, f),
            Entry::Call(Call::ShutDown(reply)) => write_call("shutdown", reply, f),
            Entry::Call(Call::Abort(reply)) => write_call("abort", reply, f),
            Entry::Call(Call::Refuse(reply)) => write_call("refuse", reply, f),
            Entry::Call(Call::TlsTooWeak) => f.write_str("weak\n"),
            Entry::Proxy(addresses) => {
                f.write_str("proxy ")?;
                write_text(addresses.as_bytes(), f)?;
                f.write_char('\n')
            }
            Entry::Channel(known) => {
                f.write_str("channel")?;
                for binding in known.bindings() {
                    write!(f, " {}", binding.as_str())?;
                }
                f.write_str(if known.client_certificate { " certificate\n" } else { "\n" })
            }
            Entry::Leniency(leniency) => writeln!(f, "forgiven {}", leniency.switch()),
            Entry::Remark(text) => {
                f.write_str("# ")?;
                write_text(text.as_bytes(), f)?;
                f.write_char('\n')
            }
        }
    }
}

const fn letter(speaker: Speaker) -> char {
    match speaker {
        Speaker::Client => 'C',
        Speaker::Server => 'S',
    }
}

/// A line of its own for each line of the reply. One that does not end with CRLF is written whole.
fn write_reply(reply: &Spoken, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for line in reply.raw().split_inclusive(|&octet| octet == b'\n') {
        let (mark, text) = match (line.strip_suffix(b"\r\n"), reply.is_masked()) {
            (Some(text), false) => ("S: ", text),
            (Some(text), true) => ("S* ", text),
            (None, false) => ("S> ", line),
            (None, true) => ("S+ ", line),
        };
        f.write_str(mark)?;
        write_spoken(reply, text, f)?;
        f.write_char('\n')?;
    }
    Ok(())
}

fn write_body(letter: char, body: &Body, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for line in body.kept().split_inclusive(|&octet| octet == b'\n') {
        f.write_char(letter)?;
        match line.strip_suffix(b"\r\n") {
            Some(text) => {
                f.write_str("| ")?;
                write_text(text, f)?;
            }
            None => {
                f.write_str("+ ")?;
                write_text(line, f)?;
            }
        }
        f.write_char('\n')?;
    }
    match body.elided() {
        0 => Ok(()),
        elided => writeln!(f, "{letter}- {elided}"),
    }
}

fn write_answer(answer: &Answer, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match answer {
        Answer::Accept { code, enhanced, text } => {
            f.write_str("accept")?;
            let mistakable = text.split(' ').next().is_some_and(is_code);
            if code.is_some() || enhanced.is_some() || mistakable {
                match code {
                    Some(code) => write!(f, " {code}")?,
                    None => f.write_str(" -")?,
                }
                match enhanced {
                    Some(enhanced) => write!(f, " {enhanced}")?,
                    None => f.write_str(" -")?,
                }
            }
            if !text.is_empty() {
                f.write_char(' ')?;
                write_text(text.as_bytes(), f)?;
            }
            f.write_char('\n')
        }
        Answer::Reject(reply) => write_call("reject", reply, f),
        Answer::With { keyword, value } => {
            f.write_str("with ")?;
            write_text(keyword.as_bytes(), f)?;
            if !value.is_empty() {
                f.write_char(' ')?;
                write_text(value.as_bytes(), f)?;
            }
            f.write_char('\n')
        }
        Answer::Challenge(octets) => writeln!(f, "challenge {octets}"),
    }
}

/// Whether a word stands for a code, or for none.
pub(super) fn is_code(word: &str) -> bool {
    word == "-" || (word.len() == 3 && word.bytes().all(|octet| octet.is_ascii_digit()))
}

/// `reject 550 5.1.1 text`, the text's lines separated by an escaped LF.
fn write_call(word: &str, reply: &ReplyBuf, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let reply = reply.as_reply();
    write!(f, "{word} {}", reply.code())?;
    if let Some(enhanced) = reply.enhanced() {
        write!(f, " {enhanced}")?;
    }
    f.write_char(' ')?;
    let mut last = &[][..];
    for (index, text) in reply.texts().enumerate() {
        f.write_str(if index == 0 { "" } else { "\\n" })?;
        write_text(text, f)?;
        last = text;
    }
    if last.is_empty() {
        // What ends in a line end has no line behind it, and a text of no octets would be replaced by a
        // usual one.
        f.write_str("\\n")?;
    }
    f.write_char('\n')
}

/// Octets of a line in which secrets may be masked: then `*` and `#` stand for them, and themselves
/// are escaped.
fn write_spoken(spoken: &Spoken, part: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if !spoken.is_masked() {
        return write_text(part, f);
    }
    let (part, blank) = without_blank(part);
    for run in part.chunk_by(|a, b| is_special(*a) == is_special(*b)) {
        if !run.first().is_some_and(|octet| is_special(*octet)) {
            write_part(run, f)?;
            continue;
        }
        for octet in run {
            f.write_str(match *octet {
                WELL => "*",
                ILL => "#",
                b'*' => "\\*",
                _ => "\\#",
            })?;
        }
    }
    f.write_str(blank)
}

const fn is_special(octet: u8) -> bool {
    matches!(octet, WELL | ILL | b'*' | b'#')
}

/// Octets as text of one line: what could end it, hide in it or be stripped from its end is escaped.
fn write_text(octets: &[u8], f: &mut impl fmt::Write) -> fmt::Result {
    let (octets, blank) = without_blank(octets);
    write_part(octets, f)?;
    f.write_str(blank)
}

/// A blank at the end, escaped, apart from what is before it.
fn without_blank(octets: &[u8]) -> (&[u8], &'static str) {
    match octets {
        [head @ .., b' '] => (head, "\\x20"),
        _ => (octets, ""),
    }
}

fn write_part(octets: &[u8], f: &mut impl fmt::Write) -> fmt::Result {
    for chunk in octets.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => f.write_str("\\\\")?,
                '\r' => f.write_str("\\r")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                '\0' => f.write_str("\\0")?,
                _ if character.is_control() || is_invisible(character) => {
                    let mut room = [0; 4];
                    write_octets(character.encode_utf8(&mut room).as_bytes(), f)?;
                }
                _ => f.write_char(character)?,
            }
        }
        write_octets(chunk.invalid(), f)?;
    }
    Ok(())
}

fn write_octets(octets: &[u8], f: &mut impl fmt::Write) -> fmt::Result {
    octets.iter().try_for_each(|octet| write!(f, "\\x{octet:02x}"))
}

/// Characters by which a line can show what never was said: line and paragraph separators, what has
/// no width, and what turns the direction.
const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}
