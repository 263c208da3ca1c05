//! The content of a message on its way in.

use std::{
    fmt,
    future::ready,
    io::{self, BufRead, Read},
};

use bytes::{Buf, Bytes};
use smtp_frontend::{
    BodyError, Facts, MailData,
    runtime::{Coming, Incoming},
};

use crate::{Message, park::block_on};

/// The content of a message, dots removed and what BURL names fetched, read when it is asked for: a slow
/// reader slows the client.
///
/// It can be read piece by piece ([`next`](Self::next)), as a whole ([`read_to_end`](Self::read_to_end)), and
/// by [`Read`] and [`BufRead`], whose errors are a [`BodyError`] inside.
pub struct Body<'b> {
    content: &'b mut (dyn Content + 'b),
    /// What was read of the client and is not taken yet.
    rest: Bytes,
}

/// A body of the frontend, whose own lifetime is nobody's concern.
trait Content: Send {
    fn next(&mut self) -> Result<Option<Bytes>, BodyError>;
    fn facts(&self) -> &Facts;
    fn recipients(&self) -> usize;
    fn declared_size(&self) -> Option<u64>;
}

impl Content for smtp_frontend::Body<'_> {
    fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        block_on(self.next())
    }

    fn facts(&self) -> &Facts {
        self.facts()
    }

    fn recipients(&self) -> usize {
        self.recipients()
    }

    fn declared_size(&self) -> Option<u64> {
        self.declared_size()
    }
}

impl<'b> Body<'b> {
    pub(crate) fn new(body: &'b mut smtp_frontend::Body<'_>) -> Self {
        Self { content: body, rest: Bytes::new() }
    }

    /// The next octets, never none; `None` at the end. Waits for the client.
    ///
    /// # Errors
    /// [`BodyError::Reset`] or [`BodyError::Connection`]; the same again when called again.
    // Not an iterator: that would end after an error, and has adapters that swallow errors.
    #[expect(clippy::should_implement_trait, reason = "the name it has on every runtime")]
    pub fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        if self.rest.is_empty() {
            return self.content.next();
        }
        Ok(Some(std::mem::take(&mut self.rest)))
    }

    /// All of it that was not read yet, if it is at most `limit` octets.
    ///
    /// # Errors
    /// As [`next`](Self::next), and [`BodyError::TooBig`].
    pub fn read_to_end(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        let mut whole = bytes::BytesMut::new();
        while let Some(octets) = self.next()? {
            if octets.len() > limit.saturating_sub(whole.len()) {
                return Err(BodyError::TooBig);
            }
            whole.extend_from_slice(&octets);
        }
        Ok(whole.freeze())
    }

    /// What is known of the session.
    pub fn facts(&self) -> &Facts {
        self.content.facts()
    }

    /// How many recipients were accepted.
    pub fn recipients(&self) -> usize {
        self.content.recipients()
    }

    /// The size the client declared, in octets; an estimate (RFC 1870 section 6).
    pub fn declared_size(&self) -> Option<u64> {
        self.content.declared_size()
    }
}

/// What was not read yet goes on as it comes, without a copy.
impl<'m> From<&'m mut Body<'_>> for MailData<'m> {
    fn from(body: &'m mut Body<'_>) -> Self {
        MailData::incoming(body)
    }
}

impl<'m> From<&'m mut Body<'_>> for Message<'m> {
    fn from(body: &'m mut Body<'_>) -> Self {
        MailData::from(body).into()
    }
}

impl Incoming for Body<'_> {
    fn next(&mut self) -> Coming<'_> {
        Box::pin(ready(self.next().map_err(io::Error::from)))
    }

    fn declared_size(&self) -> Option<u64> {
        self.declared_size()
    }
}

impl BufRead for Body<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.rest.is_empty() {
            self.rest = self.content.next()?.unwrap_or_default();
        }
        Ok(&self.rest)
    }

    fn consume(&mut self, octets: usize) {
        self.rest.advance(octets.min(self.rest.len()));
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("facts", self.facts()).finish_non_exhaustive()
    }
}
