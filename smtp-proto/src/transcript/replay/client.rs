//! Replaying a session of the client.

use alloc::vec::Vec;

use bytes::{Buf, Bytes};

use super::{Cursor, Difference, Filler, Found, Replay, Replayed, stand_in};
use crate::{
    auth::{Base64, Secret},
    client::{Client, Event},
    command::{Bdat, Mechanism, Verb},
    data::{BareNewline, Decoder, Then},
    profile::Syntax,
    sequence::State,
    transcript::{Body, Entry, Speaker, Spoken, entry::count},
    wire::{Endpoint, Step},
};

/// The calls of a client whose content is being sent.
#[derive(Debug, Default)]
struct Caller {
    /// What takes the dots off again.
    decoder: Decoder,
    /// Octets that it cannot judge yet.
    rest: Vec<u8>,
    /// What is being said is content.
    sending: bool,
}

impl Replay<'_> {
    /// Plays the session into `client`, which is configured as the recorded one was and has not begun.
    /// `tell` is told each event. The calls are those that lead to the recorded commands.
    ///
    /// # Errors
    /// The first difference.
    pub fn call(
        self,
        mut client: Client,
        mut tell: impl FnMut(&Event<'_>),
    ) -> Result<Replayed, Difference> {
        let mut cursor = Cursor::new(self, client.wire())?;
        if cursor.transcript.role() != Speaker::Client {
            return Err(cursor.differs(Found::OtherRole));
        }
        let mut caller = Caller::default();
        loop {
            cursor.turn()?;
            cursor.compare(client.wire())?;
            match client.step() {
                Step::Close => {
                    cursor.compare(client.wire())?;
                    return cursor.finish(true);
                }
                Step::Event => {
                    if let Some(event) = client.event() {
                        tell(&event);
                        // What follows is another session, of the other role.
                        if matches!(event, Event::Turned(_)) {
                            return cursor.finish(false);
                        }
                    }
                }
                Step::Write => {
                    if let Some(Entry::Expired { unread: true }) = cursor.next()
                        && cursor.give()
                    {
                        client.wire().expire();
                        continue;
                    }
                    let output = client.wire().output();
                    output.advance(output.remaining());
                }
                Step::Read | Step::Idle => {
                    let moved = if caller.sending {
                        caller.send(&mut cursor, &mut client)?
                    } else {
                        cursor.go_on(client.wire())?
                    };
                    if moved {
                        continue;
                    }
                    if cursor.next().is_none() {
                        return cursor.finish(false);
                    }
                    caller.perform(&mut cursor, &mut client)?;
                }
            }
        }
    }
}

impl Caller {
    /// Hands over more content; whether there was any.
    fn send(&mut self, cursor: &mut Cursor<'_>, client: &mut Client) -> Result<bool, Difference> {
        let piece = cursor.saying.rest();
        if piece.is_empty() {
            self.sending = false;
            return Ok(false);
        }
        let length = piece.len();
        self.rest.extend_from_slice(piece);
        cursor.saying.said += length;
        let decoded = self.decoder.decode(&mut self.rest);
        if decoded.then != Then::More {
            return Err(cursor.differs(Found::Unspeakable));
        }
        let content = self.rest.get(..decoded.content).unwrap_or_default();
        let content = Bytes::copy_from_slice(content);
        self.rest.drain(..decoded.consumed.min(self.rest.len()));
        if !content.is_empty() {
            client.body(content).map_err(|misuse| cursor.differs(Found::Misuse(misuse)))?;
        }
        Ok(true)
    }

    /// Does what the record says happened next.
    fn perform(&mut self, cursor: &mut Cursor<'_>, client: &mut Client) -> Result<(), Difference> {
        let Some(entry) = cursor.next() else {
            return Ok(());
        };
        if !cursor.give() {
            return Err(cursor.differs(Found::Waits));
        }
        match entry {
            Entry::Command(line) => command(cursor, client, line),
            Entry::Content(body) => {
                if client.state() != State::Data {
                    return Err(cursor.differs(Found::Unspeakable));
                }
                self.sending = true;
                let filler = Filler::content(body.kept(), body.elided());
                cursor.begin(body.kept().to_vec(), filler, false)
            }
            Entry::EndOfData => {
                self.decoder = Decoder::new(BareNewline::Reject);
                self.rest.clear();
                client.end_of_data().map_err(|misuse| cursor.differs(Found::Misuse(misuse)))
            }
            Entry::Greeting(reply) | Entry::Reply(reply) => {
                let octets = cursor.unmask(reply);
                cursor.say(octets)
            }
            Entry::Foreign { speaker: Speaker::Server, octets } => {
                // How much of it was looked at depends on how much there was.
                let octets = cursor.unmask(octets);
                cursor.begin(octets, Filler::plain(0, b""), true)
            }
            Entry::Tls => {
                cursor.may_start_tls(client.state())?;
                client.tls_started();
                Ok(())
            }
            Entry::Channel(known) => {
                client.describe_channel(stand_in::channel(known));
                Ok(())
            }
            Entry::Expired { .. } => {
                client.wire().expire();
                Ok(())
            }
            Entry::Closed => {
                client.wire().received(0);
                Ok(())
            }
            _ => Err(cursor.differs(Found::Waits)),
        }
    }
}

/// Says a command by the call it comes from.
fn command(cursor: &mut Cursor<'_>, client: &mut Client, line: &Spoken) -> Result<(), Difference> {
    let called = if client.state() == State::Auth {
        response(cursor, client, line)?
    } else {
        match Verb::of(line.raw()) {
            Verb::Auth => auth(cursor, client, line)?,
            Verb::Bdat => chunk(cursor, client, line)?,
            _ => {
                let octets = cursor.unmask(line);
                match client.repeat(&octets) {
                    Some(called) => called,
                    None => return Err(cursor.differs(Found::Unspeakable)),
                }
            }
        }
    };
    called.map_err(|misuse| cursor.differs(Found::Misuse(misuse)))
}

type Called = Result<(), crate::client::Misuse>;

fn response(
    cursor: &mut Cursor<'_>,
    client: &mut Client,
    line: &Spoken,
) -> Result<Called, Difference> {
    if line.raw() == b"*" {
        return Ok(client.auth_cancel());
    }
    let octets = cursor.unmask(line);
    let response = decoded(&octets).ok_or_else(|| cursor.differs(Found::Unspeakable))?;
    Ok(client.auth_response(response.as_slice()))
}

fn auth(cursor: &mut Cursor<'_>, client: &mut Client, line: &Spoken) -> Result<Called, Difference> {
    let octets = cursor.unmask(line);
    let mut words = octets.split(|octet| *octet == b' ').skip(1);
    let mechanism = words.next().and_then(|word| core::str::from_utf8(word).ok());
    let mechanism = mechanism.and_then(|word| Mechanism::parse(word).ok());
    let response = match words.next() {
        None => Some(None),
        Some(b"=") => Some(Some(Secret::new())),
        Some(word) => decoded(word).map(Some),
    };
    let (Some(mechanism), Some(response)) = (mechanism, response) else {
        return Err(cursor.differs(Found::Unspeakable));
    };
    client.permit(Verb::Auth);
    Ok(client.auth(mechanism, response.as_ref().map(Secret::as_slice)))
}

fn decoded(text: &[u8]) -> Option<Secret> {
    let mut secret = Secret::new();
    Base64::parse_line(text).ok()?.decode_into(&mut secret);
    Some(secret)
}

/// A chunk is a command and its octets.
fn chunk(
    cursor: &mut Cursor<'_>,
    client: &mut Client,
    line: &Spoken,
) -> Result<Called, Difference> {
    let Ok(bdat) = Bdat::parse(line.raw(), &Syntax::LENIENT) else {
        return Err(cursor.differs(Found::Unspeakable));
    };
    let empty = Body::default();
    let mut behind = cursor.transcript.entries().iter().skip(cursor.at + 1);
    let body = match behind.find(|entry| !entry.is_aside()) {
        Some(Entry::Chunk(body)) => body,
        _ => &empty,
    };
    if body.octets() != bdat.size {
        return Err(cursor.differs(Found::Unspeakable));
    }
    let mut octets = body.kept().to_vec();
    let mut filler = Filler::content(&octets, body.elided());
    cursor.replayed.octets = cursor.replayed.octets.saturating_add(filler.left());
    if cursor.replayed.octets > cursor.limit || count(octets.len()) > bdat.size {
        return Err(cursor.differs(Found::TooLarge));
    }
    while filler.fill(&mut octets) {}
    client.permit(Verb::Bdat);
    Ok(client.chunk(octets.into(), bdat.last))
}
