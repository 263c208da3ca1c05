//! Sending a message: after 354 up to the lone dot, or by BDAT in counted chunks.

use alloc::vec::Vec;

use bytes::Bytes;

use super::{
    Misuse, ReplyTo,
    session::{Expected, Session},
};
use crate::{
    command::{Bdat, Command, Verb},
    data::{LineCheck, LineLength, Piece, Then},
    extension::Extension,
    profile::{Leniency, LongLine},
    sequence::{self, Protocol, Request, State},
    transcript::{Entry, Speaker},
    wire::Pen,
};

/// The timer of content starts anew after this many octets have left.
const CONTENT_BLOCK: u64 = 16 * 1024;

impl Session {
    fn ready_for_content(&self) -> Result<(), Misuse> {
        if self.state == State::Closed {
            return Err(Misuse::Ended);
        }
        if self.state != State::Data || !self.sending {
            return Err(Misuse::Sequence { verb: Verb::Data, state: self.state });
        }
        Ok(())
    }

    pub(super) fn body(&mut self, pen: &mut Pen<'_>, piece: Piece) -> Result<(), Misuse> {
        self.ready_for_content()?;
        if self.accepted == 0 {
            return Err(Misuse::NoRecipient);
        }
        let mut length = self.length;
        length.check(piece.octets());
        self.judge_length(&length)?;
        let mended = self.encoder.has_mended();
        self.encoder
            .encode_piece(piece, |segment| pen.content(false, segment))
            .map_err(|_| Misuse::BareNewline)?;
        if self.encoder.has_mended() && !mended {
            self.leniencies.insert(Leniency::BareNewline);
        }
        self.measured(length);
        Ok(())
    }

    pub(super) fn end_of_data(&mut self, pen: &mut Pen<'_>) -> Result<(), Misuse> {
        self.ready_for_content()?;
        let mut length = self.length;
        length.finish();
        self.judge_length(&length)?;
        self.encoder
            .finish(|segment| {
                // It may complete the last line first.
                let line_end = segment.strip_suffix(b".\r\n").unwrap_or_default();
                pen.note_content(false, line_end);
                pen.output.push(segment);
            })
            .map_err(|_| Misuse::BareNewline)?;
        self.measured(length);
        pen.note(|| Entry::EndOfData);
        self.message_end = Some(pen.output.end());
        self.sending = false;
        self.planned = sequence::AFTER_CONTENT;
        self.expect_delivery(0, None);
        Ok(())
    }

    /// The replies to a whole message: one, or in LMTP one for each accepted recipient.
    pub(super) fn expect_delivery(&mut self, octets: usize, last: Option<Request>) {
        self.in_flight += octets;
        let replies = match self.config.protocol {
            Protocol::Smtp => 1,
            Protocol::Lmtp => self.accepted.max(1),
        };
        for index in 0..replies {
            let recipient = (self.config.protocol == Protocol::Lmtp).then_some(index);
            self.expected.push_back(Expected {
                to: ReplyTo::Delivery { recipient },
                octets: if index == 0 { octets } else { 0 },
                last,
                more: index + 1 < replies,
            });
        }
    }

    pub(super) fn chunk(
        &mut self,
        pen: &mut Pen<'_>,
        chunk: Piece,
        last: bool,
    ) -> Result<(), Misuse> {
        self.allow(Verb::Bdat, if last { Request::BdatLast } else { Request::Bdat })?;
        self.need(Extension::Chunking)?;
        let lmtp = self.config.protocol == Protocol::Lmtp;
        if !self.queued.is_empty() || !self.may_follow() || (lmtp && self.is_rcpt_open()) {
            return Err(Misuse::AwaitReplies);
        }
        // More than one segment is rare: only where line ends are mended.
        let (mut first, mut others) = (Bytes::new(), Vec::new());
        let mut length = self.length;
        if self.binary {
            first = chunk.into_octets();
        } else {
            let mut lines = self.lines.clone();
            length.check(chunk.octets());
            if last {
                length.finish();
            }
            self.judge_length(&length)?;
            if chunk.has_whole_lines() && lines.is_between_lines() {
                first = chunk.into_octets();
            } else {
                check_lines(&mut lines, chunk.into_octets(), last, |segment| {
                    if first.is_empty() {
                        first = segment;
                    } else {
                        others.push(segment);
                    }
                });
            }
            if lines.is_refused() {
                return Err(Misuse::BareNewline);
            }
            if lines.bare_newline() && !self.lines.bare_newline() {
                self.leniencies.insert(Leniency::BareNewline);
            }
            self.lines = lines;
        }
        self.measured(length);
        let size = first.len() + others.iter().map(Bytes::len).sum::<usize>();
        let before = pen.output.len();
        pen.say(Speaker::Client, |out| {
            let bdat = Bdat { size: u64::try_from(size).unwrap_or(u64::MAX), last };
            Command::Bdat(bdat).write(out);
        });
        let octets = pen.output.len() - before;
        pen.content(true, first);
        for segment in others {
            pen.content(true, segment);
        }
        if last {
            self.message_end = Some(pen.output.end());
            self.plan(Request::BdatLast);
            self.expect_delivery(octets, Some(Request::BdatLast));
            self.lines = LineCheck::new(self.config.profile.client.bare_newline);
        } else {
            self.plan(Request::Bdat);
            self.expect(ReplyTo::Chunk, octets);
        }
        Ok(())
    }

    /// Whether the reply to a RCPT of this transaction is awaited. None is behind which a chunk was sent,
    /// so that not all are looked at for each chunk.
    fn is_rcpt_open(&self) -> bool {
        let mut open = self.expected.iter().rev().map(|open| open.to);
        let last = open.find(|to| matches!(to, ReplyTo::Rcpt { .. } | ReplyTo::Chunk));
        matches!(last, Some(ReplyTo::Rcpt { .. }))
    }

    fn judge_length(&self, length: &LineLength) -> Result<(), Misuse> {
        let refused = self.config.profile.client.long_line == LongLine::Error;
        if refused && length.is_long() { Err(Misuse::LongLine) } else { Ok(()) }
    }

    /// Content of these lines is sent: the first long one of a message is told.
    fn measured(&mut self, length: LineLength) {
        if length.is_long() && !self.length.is_long() {
            self.leniencies.insert(Leniency::LongLine);
        }
        self.length = length;
    }

    /// Whether enough content has left for the timer to start anew.
    pub(super) fn content_progress(&mut self, written: u64) -> bool {
        self.writing = true;
        let progress = written.saturating_sub(self.content_mark) >= CONTENT_BLOCK;
        if progress {
            self.content_mark = written;
        }
        progress
    }

    /// Whether the output that was waiting has left since then.
    pub(super) fn take_writing(&mut self) -> bool {
        core::mem::take(&mut self.writing)
    }
}

/// Looks at the line ends of a text chunk, and mends them where the configuration asks for it.
fn check_lines(lines: &mut LineCheck, chunk: Bytes, last: bool, mut push: impl FnMut(Bytes)) {
    let mut rest = chunk;
    while !rest.is_empty() {
        let checked = lines.check(&rest);
        let mut taken = rest.split_to(checked.consumed.min(rest.len()));
        taken.truncate(checked.content);
        push(taken);
        if checked.then == Then::Newline {
            push(Bytes::from_static(b"\r\n"));
        }
    }
    if last {
        lines.finish();
    }
}
