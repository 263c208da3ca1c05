//! Content on its way out.

use alloc::string::String;

use bytes::{Buf, Bytes};

use super::{Stage, Transaction};
use crate::{
    client::{
        Client, Misuse, Surveyed,
        report::{Cause, Outcome, Phase},
    },
    command::Verb,
    data::Piece,
    sequence::Protocol,
};

impl Transaction<'_> {
    /// A piece of the content.
    ///
    /// # Errors
    /// [`Misuse::BareNewline`], [`Misuse::NotConverted`], or [`Misuse::EightBit`] where the server was
    /// not told of 8-bit content and does not offer to take any (RFC 6152 section 3): call
    /// [`fail_body`](Self::fail_body), the message cannot be sent.
    pub fn body(&mut self, client: &mut Client, piece: Bytes) -> Result<(), Misuse> {
        self.wants_body(client)?;
        self.begun = true;
        if self.converts
            && let Some(converter) = &mut self.converter
        {
            let converted = converter.convert(piece).map_err(|_| Misuse::NotConverted)?;
            return self.piece(client, converted.into());
        }
        self.piece(client, piece.into())
    }

    /// The whole content, which was looked at before: where nothing has to be done to it, it is not looked
    /// at once more. [`end_of_body`](Self::end_of_body) is to follow.
    ///
    /// # Errors
    /// As [`body`](Self::body).
    pub fn surveyed_body(&mut self, client: &mut Client, message: &Surveyed) -> Result<(), Misuse> {
        if self.converts || self.round.to_skip > 0 {
            return self.body(client, message.octets().clone());
        }
        self.wants_body(client)?;
        self.begun = true;
        self.piece(client, message.piece())
    }

    /// Sends the whole content behind RCPT, before it is answered, where that may be done; whether it
    /// was. What cannot be sent so is asked for in its time, and told then.
    pub(super) fn fly(&mut self, client: &mut Client) -> bool {
        let Some(message) = self.at_hand.filter(|_| self.may_fly(client)) else { return false };
        let octets = message.octets();
        let flies = octets.len() <= client.config().limits.ahead
            && self.check(octets).is_ok()
            && client.send_chunk(message.piece(), true).is_ok();
        if flies {
            self.begun = true;
            self.round.sent = true;
        }
        flies
    }

    fn may_fly(&self, client: &Client) -> bool {
        self.chunked
            && !self.converts
            && !self.options.all_or_nothing
            && client.pipelines()
            && client.protocol() == Protocol::Smtp
            && !client.session.transid
    }

    /// A piece as it is sent.
    fn piece(&mut self, client: &mut Client, mut piece: Piece) -> Result<(), Misuse> {
        self.check(piece.octets())?;
        if self.round.to_skip > 0 {
            piece = self.behind_what_is_there(piece.into_octets()).into();
        }
        if !self.chunked {
            return client.send_piece(piece);
        }
        if piece.octets().is_empty() {
            return Ok(());
        }
        if let Some(held) = &self.held {
            self.chunk(client, held.clone(), false)?;
        }
        self.held = Some(piece);
        Ok(())
    }

    /// What the server does not have already.
    fn behind_what_is_there(&mut self, mut piece: Bytes) -> Bytes {
        let skipped = usize::try_from(self.round.to_skip).unwrap_or(usize::MAX).min(piece.len());
        piece.advance(skipped);
        self.round.to_skip -= u64::try_from(skipped).unwrap_or(self.round.to_skip);
        piece
    }

    fn check(&self, piece: &[u8]) -> Result<(), Misuse> {
        if self.seven_bit && !piece.is_ascii() { Err(Misuse::EightBit) } else { Ok(()) }
    }

    /// The chunk that was held, as the last one.
    pub(super) fn last_chunk(&mut self, client: &mut Client) -> Result<(), Misuse> {
        let held = self.held.clone().unwrap_or_default();
        self.chunk(client, held, true)?;
        self.held = None;
        Ok(())
    }

    fn wants_body(&self, client: &Client) -> Result<(), Misuse> {
        if self.stage == Stage::Body {
            return Ok(());
        }
        Err(Misuse::Sequence { verb: Verb::Data, state: client.state() })
    }

    fn chunk(&mut self, client: &mut Client, chunk: Piece, last: bool) -> Result<(), Misuse> {
        client.send_chunk(chunk, last)?;
        if last {
            self.round.sent = true;
            self.stage = Stage::Delivery;
        } else if !client.pipelines() {
            self.stage = Stage::Delivery;
        }
        Ok(())
    }

    /// The content is whole.
    ///
    /// # Errors
    /// As [`body`](Self::body), and [`Misuse::BeyondContent`].
    pub fn end_of_body(&mut self, client: &mut Client) -> Result<(), Misuse> {
        // The chunk before may wait for its reply.
        let waits = self.stage == Stage::Delivery && !self.round.sent && !self.round.ended;
        if !waits {
            self.wants_body(client)?;
        }
        // An empty body, too, has come to its end.
        self.begun = true;
        if self.converts
            && let Some(converter) = &mut self.converter
        {
            let rest = converter.finish().map_err(|_| Misuse::NotConverted)?;
            self.converts = false;
            if waits {
                self.check(&rest)?;
                let held = self.held.take().unwrap_or_default().into_octets();
                self.held = Some(Bytes::from([held, rest].concat()).into());
            } else {
                self.piece(client, rest.into())?;
            }
        }
        if self.round.to_skip > 0 {
            return Err(Misuse::BeyondContent);
        }
        if self.chunked {
            self.round.ended = true;
            // If a chunk was sent just now, this one may have to wait.
            return if self.stage == Stage::Body { self.last_chunk(client) } else { Ok(()) };
        }
        client.end_of_data()?;
        self.round.sent = true;
        self.stage = Stage::Delivery;
        Ok(())
    }

    /// The content cannot be read to its end, or must not be sent. All recipients without a final
    /// answer are deferred; the connection must now be dropped, without QUIT and without the final
    /// dot, which would complete a truncated message (RFC 5321 section 4.1.1.4).
    ///
    /// At [`Rewind`](super::TransactionStep::Rewind) it says that reading the content once more has
    /// failed. Nothing of it was sent then, and the session goes on.
    pub fn fail_body(&mut self, why: String) {
        let rewinds = self.stage == Stage::Rewind;
        let phase = if rewinds { Phase::Preparation } else { Phase::Content };
        self.fates.settle_all(Outcome::deferred(phase, Cause::Content(why)));
        self.stage = Stage::Done;
    }
}
