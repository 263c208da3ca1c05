//! What is sent: octets that are at hand, or a reader.

use std::{fmt, io, pin::Pin, time::Duration};

use bytes::{Bytes, BytesMut};
use smtp_proto::{
    client::{Client as Machine, Content, Misuse, Survey, Transaction},
    data::BareNewline,
    parameter::Body,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

/// Octets read at once.
const PIECE: usize = 64 * 1024;

/// How long a piece waits for more, and for the end.
const PATIENCE: Duration = Duration::from_millis(100);

/// The content of a message: header and body, lines ended by CRLF, dots as they are.
///
/// Made from octets ([`Bytes`], `Vec<u8>`, `String`, `&'static [u8]`, `&'static str`), nothing needs
/// to be said of them: their size, whether they are 8-bit and whether the header needs SMTPUTF8 is
/// looked up. Of a [`reader`](Self::reader) it has to be said with [`content`](Self::content), as it
/// must be known before the first octet is read; else it is taken for 7-bit.
pub struct Message<'m> {
    source: Source<'m>,
    content: Option<Content>,
}

enum Source<'m> {
    Octets(Bytes),
    Reader(Pin<Box<dyn AsyncRead + Send + 'm>>),
}

impl<'m> Message<'m> {
    /// A message that is read while it is sent, 64 KiB at a time. If reading fails, the connection is
    /// cut and the message is not delivered.
    pub fn reader(reader: impl AsyncRead + Send + 'm) -> Self {
        Self { source: Source::Reader(Box::pin(reader)), content: None }
    }

    /// Says what is known of the content, instead of what is looked up. Octets that are 8-bit are not
    /// believed to be 7-bit.
    #[must_use]
    pub fn content(mut self, content: Content) -> Self {
        self.content = Some(content);
        self
    }

    /// What the transaction has to know, and the octets.
    pub(super) fn prepare(self, policy: BareNewline) -> Result<(Content, Pieces<'m>), Misuse> {
        let content = match (&self.source, self.content) {
            (_, Some(content)) if content.body == Body::BinaryMime => content,
            (Source::Octets(octets), stated) => {
                let found = examine(octets, policy)?;
                let mut content = stated.unwrap_or(found);
                if content.body == Body::SevenBit {
                    content.body = found.body;
                }
                content
            }
            (Source::Reader(_), stated) => stated.unwrap_or_default(),
        };
        Ok((content, Pieces { source: Some(self.source) }))
    }
}

/// What can be seen in the octets of a whole message.
fn examine(octets: &[u8], policy: BareNewline) -> Result<Content, Misuse> {
    let mut survey = Survey::default();
    survey.read(octets);
    if survey.bare_newlines() > 0 && policy == BareNewline::Reject {
        return Err(Misuse::BareNewline);
    }
    Ok(survey.content())
}

/// A message as it is handed to a transaction, a piece at a time.
pub(super) struct Pieces<'m> {
    source: Option<Source<'m>>,
}

impl Pieces<'_> {
    /// Hands over the next piece, and with the last one the end: both then leave in one write.
    pub(super) async fn hand_over(
        &mut self,
        machine: &mut Machine,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), String> {
        let (piece, last) = match self.source.as_mut() {
            Some(Source::Reader(reader)) => {
                read(reader).await.map_err(|error| error.to_string())?
            }
            Some(Source::Octets(octets)) => (std::mem::take(octets), true),
            None => (Bytes::new(), true),
        };
        let mut given = transaction.body(machine, piece);
        if last {
            self.source = None;
            given = given.and_then(|()| transaction.end_of_body(machine));
        }
        given.map_err(|misuse| misuse.to_string())
    }
}

/// The next piece, and whether it is the last. A reader that makes one wait is not waited for when
/// there is something to send already.
async fn read(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<(Bytes, bool)> {
    let mut piece = BytesMut::with_capacity(PIECE);
    while piece.len() < PIECE {
        let begun = !piece.is_empty();
        let reading = reader.read_buf(&mut piece);
        let read = if begun {
            match timeout(PATIENCE, reading).await {
                Ok(read) => read?,
                Err(_) => break,
            }
        } else {
            reading.await?
        };
        if read == 0 {
            return Ok((piece.freeze(), true));
        }
    }
    Ok((piece.freeze(), false))
}

impl From<Bytes> for Message<'_> {
    fn from(octets: Bytes) -> Self {
        Self { source: Source::Octets(octets), content: None }
    }
}

impl From<Vec<u8>> for Message<'_> {
    fn from(octets: Vec<u8>) -> Self {
        Bytes::from(octets).into()
    }
}

impl From<String> for Message<'_> {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static [u8]> for Message<'_> {
    fn from(octets: &'static [u8]) -> Self {
        Bytes::from_static(octets).into()
    }
}

impl From<&'static str> for Message<'_> {
    fn from(text: &'static str) -> Self {
        text.as_bytes().into()
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Octets(octets) => write!(f, "Message({} octets)", octets.len()),
            Source::Reader(_) => f.write_str("Message(reader)"),
        }
    }
}
