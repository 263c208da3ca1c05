//! A finished message, from a file, a pipe or the standard input.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read, Seek},
    path::Path,
};

use bytes::Bytes;
use smtp_proto::{
    client::{Content, Survey},
    parameter::Body,
    trace::HeaderScanner,
};

use crate::exit::Failure;

/// How much of a stream is looked at before it is sent.
pub(crate) const PEEK: usize = 64 * 1024;
/// The same of a message that the recipients are read of: its header section is no longer.
pub(crate) const MAX_HEADER: usize = 1024 * 1024;

/// A finished message, ready to be read.
pub(crate) struct Source {
    name: String,
    reader: Reader,
    pub(crate) survey: Survey,
    /// Whether all of it was looked at.
    whole: bool,
    /// The octets it begins with, the header section among them unless that is too long.
    start: Bytes,
}

/// Where the octets come from.
pub(crate) enum Reader {
    File(File),
    /// All of them are here.
    Octets(Bytes),
    /// A stream, of which so much was read already. Cannot be read a second time.
    Stream(Cursor<Bytes>, Rest),
}

/// What is left of a stream.
pub(crate) enum Rest {
    Stdin,
    /// A pipe, a device or a socket, which has a name.
    File(File),
}

impl Rest {
    /// Reads it, by calls that block.
    pub(crate) fn blocking(self) -> Box<dyn Read + Send> {
        match self {
            Self::Stdin => Box::new(io::stdin()),
            Self::File(file) => Box::new(file),
        }
    }
}

impl Source {
    /// Opens a file, or the standard input for `-`. Of what can be read once only, so many octets are read at once.
    pub(crate) fn open(path: &Path, peek: usize) -> Result<Self, Failure> {
        let is_stdin = path == Path::new("-");
        let name = match is_stdin {
            true => "standard input".to_owned(),
            false => path.display().to_string(),
        };
        let opened = || {
            if is_stdin {
                return Self::of_stream(name.clone(), Rest::Stdin, peek);
            }
            let file = File::open(path)?;
            // Nothing else can be read again.
            match file.metadata()?.is_file() {
                true => Self::of_file(name.clone(), file),
                false => Self::of_stream(name.clone(), Rest::File(file), peek),
            }
        };
        opened().map_err(|error| unreadable(&name, &error))
    }

    fn of_stream(name: String, mut rest: Rest, peek: usize) -> io::Result<Self> {
        let mut start = Vec::new();
        let peek_octets = u64::try_from(peek).unwrap_or(u64::MAX);
        match &mut rest {
            Rest::Stdin => io::stdin().take(peek_octets).read_to_end(&mut start)?,
            Rest::File(file) => file.take(peek_octets).read_to_end(&mut start)?,
        };
        let mut survey = Survey::default();
        survey.read(&start);
        let whole = start.len() < peek;
        let start = Bytes::from(start);
        let reader = match whole {
            true => Reader::Octets(start.clone()),
            false => Reader::Stream(Cursor::new(start.clone()), rest),
        };
        Ok(Self { name, reader, survey, whole, start })
    }

    fn of_file(name: String, mut file: File) -> io::Result<Self> {
        let (survey, start, whole) = survey_file(&file)?;
        file.rewind()?;
        let reader = match whole {
            true => Reader::Octets(start.clone()),
            false => Reader::File(file),
        };
        Ok(Self { name, reader, survey, whole: true, start })
    }

    /// The header section, and perhaps some of what is behind it.
    pub(crate) fn header(&self) -> Result<&[u8], Failure> {
        let mut scanner = HeaderScanner::new();
        scanner.scan(&self.start);
        if !scanner.has_ended() && self.start.len() >= MAX_HEADER {
            return Err(Failure::data("the header section of the message is longer than 1 MiB"));
        }
        Ok(&self.start)
    }

    /// Where the octets come from, from their start; a stream can be had once.
    pub(crate) fn reader(&self) -> Result<Reader, Failure> {
        self.read_again().map_err(|error| unreadable(&self.name, &error))
    }

    fn read_again(&self) -> io::Result<Reader> {
        Ok(match &self.reader {
            Reader::File(file) => {
                let mut file = file.try_clone()?;
                file.rewind()?;
                Reader::File(file)
            }
            Reader::Octets(octets) => Reader::Octets(octets.clone()),
            Reader::Stream(start, rest) => {
                let rest = match rest {
                    Rest::Stdin => Rest::Stdin,
                    Rest::File(file) => Rest::File(file.try_clone()?),
                };
                Reader::Stream(start.clone(), rest)
            }
        })
    }

    /// What the transaction has to know. A stream of which only the start is known is taken for 8-bit
    /// where the server allows that.
    pub(crate) fn content(&self, server_takes_8bit: bool) -> Content {
        let mut content = self.survey.content();
        if !self.whole {
            content.size = None;
            if server_takes_8bit {
                content.body = Body::EightBitMime;
            }
        }
        content
    }
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::data(format!("{name}: {error}"))
}

/// Looks at a file, and keeps what it begins with; whether that is all of it.
fn survey_file(file: &File) -> io::Result<(Survey, Bytes, bool)> {
    let mut file = BufReader::with_capacity(64 * 1024, file);
    let mut survey = Survey::default();
    let mut header = HeaderScanner::new();
    let mut start = Vec::new();
    let mut whole = true;
    loop {
        let octets = file.fill_buf()?;
        if octets.is_empty() {
            return Ok((survey, start.into(), whole));
        }
        survey.read(octets);
        whole &= !header.has_ended() && start.len() < MAX_HEADER;
        if whole {
            header.scan(octets);
            start.extend_from_slice(octets);
        }
        let n = octets.len();
        file.consume(n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Code;

    #[test]
    fn a_file_is_surveyed_whole_and_read_from_its_start() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mail.eml");
        let long = "line\n".repeat(PEEK / 5);
        for (body, is_short) in [("line\n", true), (&long, false)] {
            let message = ["Subject: x\n\n", body].concat();
            std::fs::write(&path, &message).unwrap();
            let source = Source::open(&path, PEEK).unwrap();
            let content = source.content(true);
            assert_eq!(content.size, Some(message.replace('\n', "\r\n").len() as u64));
            assert_eq!(content.body, Body::SevenBit);
            assert!(source.header().unwrap().starts_with(b"Subject: x\n\n"));
            let mut octets = Vec::new();
            match source.reader {
                Reader::Octets(all) if is_short => octets.extend_from_slice(&all),
                Reader::File(mut file) if !is_short => {
                    file.read_to_end(&mut octets).unwrap();
                }
                _ => panic!("short: {is_short}"),
            }
            assert!(octets == message.as_bytes());
        }
        assert_eq!(Source::open(Path::new("/no/such"), PEEK).err().unwrap().code, Code::Data);
    }
}
