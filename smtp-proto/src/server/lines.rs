//! Lines off the input: commands, responses of the AUTH exchange, and those that are too long.
//!
//! What is framed here is judged in `commands.rs`. A line over the limit is skipped to its end and
//! answered once, however it came (F-02).

use super::{
    Server,
    answer::{Desk, Leave},
    check::Argued,
    question::{Auth, Event},
    session::{Phase, Session},
};
use crate::{
    answer::Rejection,
    auth::Secret,
    command::Verb,
    error::ParseError,
    fault::Fault,
    sequence::State,
    status::Code,
    transcript::{Entry, Speaker},
};

pub(super) const TOO_LONG: Rejection<'static> = Rejection::permanent(5, 2, "line too long");
const AUTH_TOO_LONG: Rejection<'static> =
    Rejection::permanent(5, 6, "line too long").coded(Code::SYNTAX_ERROR);

impl Server {
    /// The question that the line at the front of the input raises, if the core does not answer it.
    pub(super) fn command(&mut self) -> Option<Event<'_>> {
        let Self { wire, session } = self;
        let (input, pen) = wire.split();
        let octets = input.octets();
        let mut desk = Desk { session, pen, line: 0 };
        if desk.session.is_tls_hello(octets) {
            let hello = octets.get(..2).unwrap_or_default();
            if let Some(recorder) = desk.pen.recorder() {
                recorder.foreign(Speaker::Client, hello);
            }
            desk.end_foreign();
            return None;
        }
        let Some(length) = desk.session.line_length(octets) else {
            desk.skip_if_full(octets, Verb::of(octets));
            return None;
        };
        let (whole, behind) = octets.split_at_checked(length)?;
        let line = whole.strip_suffix(b"\r\n").unwrap_or(whole);
        desk.line = length;
        let verb = Verb::of(line);
        desk.session.verb = verb;
        if length > desk.session.line_limit(verb) {
            desk.note_over_long(verb, line.len());
            if verb == Verb::Bdat {
                desk.end_chunk_unknown();
            } else {
                if verb == Verb::Burl {
                    desk.session.spoil_by_refused_part();
                }
                desk.session.secret_line = holds_secret(verb);
                desk.too_long(line.len(), verb == Verb::Auth);
            }
            return None;
        }
        desk.note(verb, line);
        let argued = Argued { line, verb, trailing: behind.len() };
        desk.judge(argued)
    }

    /// A response in an AUTH exchange.
    pub(super) fn auth_response(&mut self) -> Option<Event<'_>> {
        let Self { wire, session } = self;
        let (input, pen) = wire.split();
        let octets = input.octets();
        let mut desk = Desk { session, pen, line: 0 };
        let Some(length) = desk.session.line_length(octets) else {
            desk.skip_if_full(octets, Verb::Auth);
            return None;
        };
        let (whole, _) = octets.split_at_checked(length)?;
        let line = whole.strip_suffix(b"\r\n").unwrap_or(whole);
        desk.line = length;
        desk.session.secret_line = true;
        if length > desk.session.config.limits.auth_line {
            desk.note_over_long(Verb::Auth, line.len());
            desk.session.abandon_auth();
            desk.too_long(line.len(), true);
            return None;
        }
        if let Some(recorder) = desk.pen.recorder() {
            recorder.secret(Speaker::Client, line);
        }
        if line == b"*" {
            let cancelled =
                Rejection::permanent(7, 0, "AUTH cancelled").coded(Code::ARGUMENT_ERROR);
            desk.session.abandon_auth();
            desk.give(&cancelled, Leave::Now);
            return None;
        }
        match decode(line) {
            Ok(response) => {
                if let Some(exchange) = desk.session.exchange_mut() {
                    exchange.response = Some(response);
                }
                desk.session.phase = Phase::Auth;
                desk.session.consume += desk.line;
                desk.line = 0;
                Some(Event::Auth(Auth::new(desk)))
            }
            Err(error) => {
                desk.session.abandon_auth();
                desk.refuse(&error.rejection(), Leave::Now);
                None
            }
        }
    }

    /// Drops more of an over-long line. Its end is answered once.
    pub(super) fn skip_line(&mut self) {
        let Self { wire, session } = self;
        let Phase::SkipLine { skipped, verb } = session.phase else {
            return;
        };
        let secret = holds_secret(verb);
        session.scanned = 0;
        let length = session.line_length(wire.input.octets());
        let (input, pen) = wire.split();
        if let Some(length) = length {
            session.phase = Phase::Command;
            session.secret_line = secret;
            let octets = skipped.saturating_add(length).saturating_sub(2);
            let mut desk = Desk { session, pen, line: length };
            desk.note_over_long(verb, octets);
            desk.too_long(octets, verb == Verb::Auth);
            return;
        }
        // A CR at the end may be the first half of the line's end.
        let keep = usize::from(input.octets().last() == Some(&b'\r'));
        let dropped = input.len() - keep;
        if secret {
            input.consume_secret(dropped);
        } else {
            input.consume(dropped);
        }
        input.settle();
        session.scanned = 0;
        let skipped = skipped.saturating_add(dropped);
        session.phase = Phase::SkipLine { skipped, verb };
        if skipped > session.config.limits.endless_line {
            let mut desk = Desk { session, pen, line: 0 };
            desk.note_over_long(verb, skipped);
            desk.too_long(skipped, verb == Verb::Auth);
        }
    }
}

impl Desk<'_> {
    /// Records the line, with what is secret in it masked.
    fn note(&mut self, verb: Verb, line: &[u8]) {
        // A question that is asked again was not said again.
        if core::mem::replace(&mut self.session.noted, true) {
            return;
        }
        let Self { session, pen, .. } = self;
        if let Some(recorder) = pen.recorder() {
            let registered = verb == Verb::Other && session.own_verb(line).is_some();
            recorder.command(line, |mechanism| session.config.has_mechanism(mechanism), registered);
        }
    }

    /// Records a line of so many octets that is longer than is read.
    fn note_over_long(&mut self, verb: Verb, octets: usize) {
        let most = self.session.config.limits.endless_line.saturating_add(1);
        let known = matches!(verb, Verb::Auth | Verb::Bdat | Verb::Burl);
        self.pen.note(|| Entry::OverLong {
            // What else it would have been makes no difference.
            verb: if known { verb.as_str() } else { "" }.into(),
            octets: u64::try_from(octets.min(most)).unwrap_or(u64::MAX),
        });
    }

    /// Records that octets behind the line are not read.
    pub(super) fn note_unread(&mut self, octets: usize) {
        if octets > 0 {
            let octets = u64::try_from(octets).unwrap_or(u64::MAX);
            self.pen.note(|| Entry::Unread { speaker: Speaker::Client, octets });
        }
    }

    /// Refuses a line that is longer than is read: so far it has so many octets. How it was cut, and
    /// so how much of it was skipped and how much buffered, makes no difference (F-02).
    fn too_long(&mut self, octets: usize, auth: bool) {
        if octets > self.session.config.limits.endless_line {
            self.end(&Rejection::temporary(7, 0, "line too long"), Fault::EndlessLine);
        } else if auth {
            self.session.verb = Verb::Auth;
            self.refuse(&AUTH_TOO_LONG, Leave::Now);
        } else {
            // How much of it was read, perhaps not even its verb, makes no difference either.
            self.session.verb = Verb::Other;
            self.refuse(&TOO_LONG, Leave::Now);
        }
    }

    /// A BDAT whose line is too long to be read: what follows it cannot be told from commands.
    fn end_chunk_unknown(&mut self) {
        self.end_with(&TOO_LONG, Fault::ChunkSize);
    }

    /// If the buffer is full of one line without an end, the line is skipped.
    fn skip_if_full(&mut self, buffered: &[u8], verb: Verb) {
        if buffered.len() < self.session.config.command_buffer() {
            return;
        }
        if verb == Verb::Bdat {
            self.note_over_long(verb, buffered.len());
            self.end_chunk_unknown();
            return;
        }
        if self.session.state == State::Auth {
            self.session.abandon_auth();
        }
        if verb == Verb::Burl {
            self.session.spoil_by_refused_part();
        }
        let verb = if holds_secret(verb) { verb } else { Verb::Other };
        self.session.phase = Phase::SkipLine { skipped: 0, verb };
        self.session.scanned = 0;
    }
}

impl Session {
    fn line_limit(&self, verb: Verb) -> usize {
        if verb == Verb::Auth {
            self.config.limits.auth_line
        } else {
            self.config.limits.command_line
        }
    }

    fn abandon_auth(&mut self) {
        self.end_exchange();
        self.enter(State::Ready);
        self.phase = Phase::Command;
    }
}

/// Whether a line may hold credentials, or a URL that is a key.
pub(super) const fn holds_secret(verb: Verb) -> bool {
    matches!(verb, Verb::Auth | Verb::Burl)
}

/// A response line of the AUTH exchange; an empty one is an empty response.
fn decode(line: &[u8]) -> Result<Secret, ParseError> {
    let mut response = Secret::default();
    if !line.is_empty() {
        crate::auth::Base64::parse(line)?.decode_into(&mut response);
    }
    Ok(response)
}
