//! A finished message, from a file or the standard input.

use std::{
    io::{self, BufRead, BufReader, Cursor},
    path::Path,
    pin::Pin,
};

use indicatif::ProgressBar;
use smtp_proto::{
    client::{Content, Survey},
    parameter::Body,
};
use smtp_tokio::Message;
use tokio::{
    fs::File,
    io::{AsyncRead, AsyncReadExt},
};

use crate::exit::{Code, Failure};

/// How much of a stream is looked at before it is sent.
const PEEK: u64 = 64 * 1024;

/// A finished message, ready to be read.
pub(crate) struct Source {
    pub(crate) reader: Reader,
    pub(crate) survey: Survey,
    /// Whether all of it was looked at.
    whole: bool,
}

/// Where the octets come from.
pub(crate) enum Reader {
    File(File),
    Octets(Cursor<Vec<u8>>),
    /// Cannot be read a second time.
    Stream(Pin<Box<dyn AsyncRead + Send>>),
}

impl Source {
    /// Opens a file, or the standard input for `-`.
    pub(crate) async fn open(path: &Path) -> Result<Self, Failure> {
        let failed =
            |error: io::Error| Failure::new(Code::Data, format!("{}: {error}", path.display()));
        if path == Path::new("-") {
            let mut start = Vec::new();
            let mut stdin = tokio::io::stdin();
            (&mut stdin).take(PEEK).read_to_end(&mut start).await.map_err(failed)?;
            let mut survey = Survey::default();
            survey.read(&start);
            let whole = (start.len() as u64) < PEEK;
            let start = Cursor::new(start);
            let reader = match whole {
                true => Reader::Octets(start),
                false => Reader::Stream(Box::pin(start.chain(stdin))),
            };
            return Ok(Self { reader, survey, whole });
        }
        let survey = survey_file(path).map_err(failed)?;
        let file = File::open(path).await.map_err(failed)?;
        Ok(Self { reader: Reader::File(file), survey, whole: true })
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

    /// The message, with a bar that moves while it is read.
    pub(crate) fn message(self, bar: &ProgressBar, content: Content) -> Message<'static> {
        let message = match self.reader {
            Reader::File(file) => Message::rewindable(bar.wrap_async_read(file)),
            Reader::Octets(octets) => Message::rewindable(bar.wrap_async_read(octets)),
            Reader::Stream(stream) => Message::reader(bar.wrap_async_read(stream)),
        };
        message.content(content)
    }
}

fn survey_file(path: &Path) -> io::Result<Survey> {
    let mut file = BufReader::with_capacity(64 * 1024, std::fs::File::open(path)?);
    let mut survey = Survey::default();
    loop {
        let octets = file.fill_buf()?;
        if octets.is_empty() {
            return Ok(survey);
        }
        survey.read(octets);
        let n = octets.len();
        file.consume(n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_surveyed_whole_and_read_from_its_start() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mail.eml");
        std::fs::write(&path, "Subject: x\n\nline\n").unwrap();
        let source = Source::open(&path).await.unwrap();
        let content = source.content(true);
        assert_eq!(content.size, Some("Subject: x\r\n\r\nline\r\n".len() as u64));
        assert_eq!(content.body, Body::SevenBit);
        let mut octets = Vec::new();
        let Reader::File(mut file) = source.reader else { panic!("a file") };
        file.read_to_end(&mut octets).await.unwrap();
        assert_eq!(octets, b"Subject: x\n\nline\n");
        assert_eq!(Source::open(Path::new("/no/such")).await.err().unwrap().code, Code::Data);
    }
}
