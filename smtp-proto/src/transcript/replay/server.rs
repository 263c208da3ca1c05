//! Replaying a session of the server.

use alloc::{string::String, vec::Vec};

use bytes::Buf;

use super::{Cursor, Difference, Filler, Found, Replay, Replayed, stand_in};
use crate::{
    answer::Rejection,
    reply::ReplyBuf,
    server::{Event, Server},
    transcript::{Answer, Body, Call, Entry, Speaker, entry::count},
    wire::{Endpoint, Step},
};

/// What becomes of a question.
enum Then {
    Nothing,
    /// It is put aside, as something else happened first.
    Aside,
    Stop,
    Wrong,
}

impl Replay<'_> {
    /// Plays the session into `server`, which is configured as the recorded one was and has not begun.
    /// `tell` is told each event as the application was: a question when it is answered.
    ///
    /// # Errors
    /// The first difference.
    pub fn serve(
        self,
        mut server: Server,
        mut tell: impl FnMut(&Event<'_>),
    ) -> Result<Replayed, Difference> {
        let mut cursor = Cursor::new(self, server.wire())?;
        if cursor.transcript.role() != Speaker::Server {
            return Err(cursor.differs(Found::OtherRole));
        }
        loop {
            cursor.turn()?;
            cursor.compare(server.wire())?;
            match server.step() {
                Step::Close => {
                    cursor.compare(server.wire())?;
                    return cursor.finish(true);
                }
                Step::Write => {
                    if let Some(Entry::Expired { unread: true }) = cursor.next()
                        && cursor.give()
                    {
                        server.wire().expire();
                        continue;
                    }
                    let output = server.wire().output();
                    output.advance(output.remaining());
                }
                Step::Event => match next_event(&mut cursor, &mut server, &mut tell)? {
                    Then::Nothing => {}
                    Then::Aside => perform(&mut cursor, &mut server)?,
                    Then::Stop => return cursor.finish(false),
                    Then::Wrong => return Err(cursor.differs(Found::OtherQuestion)),
                },
                Step::Read | Step::Idle => {
                    if cursor.go_on(server.wire())? {
                        continue;
                    }
                    if cursor.next().is_none() {
                        return cursor.finish(false);
                    }
                    perform(&mut cursor, &mut server)?;
                }
            }
        }
    }
}

fn next_event(
    cursor: &mut Cursor<'_>,
    server: &mut Server,
    tell: &mut impl FnMut(&Event<'_>),
) -> Result<Then, Difference> {
    match server.event() {
        // A question that is dropped is asked again: first the line that raised it is compared.
        Some(event) if event.is_question() => drop(event),
        Some(event) => {
            tell(&event);
            // What follows is another session, of the other role.
            let turned = matches!(event, Event::Turned(_));
            return Ok(if turned { Then::Stop } else { Then::Nothing });
        }
        None => return Ok(Then::Nothing),
    }
    cursor.compare(server.wire())?;
    let next = cursor.next();
    let aside = |entry: &Entry| {
        matches!(entry, Entry::Call(_) | Entry::Expired { .. } | Entry::Tls | Entry::Channel(_))
    };
    if next.is_some_and(aside) {
        return Ok(Then::Aside);
    }
    let (Some(_), Some(event)) = (next, server.event()) else {
        return Ok(Then::Stop);
    };
    tell(&event);
    let mut event = event;
    let mut behind = cursor.transcript.entries().iter().skip(cursor.at);
    let mut next = behind.next();
    while let Some(Entry::Answer(Answer::With { keyword, value })) = next {
        if !event.amend(keyword, value) {
            return Ok(Then::Wrong);
        }
        next = behind.next();
    }
    let answered = match next {
        Some(Entry::Answer(answer)) => event.answer(answer),
        // Nobody says what was answered: yes.
        _ => event.answer(&Answer::default()),
    };
    Ok(if answered { Then::Nothing } else { Then::Wrong })
}

/// Does what the record says happened next.
fn perform(cursor: &mut Cursor<'_>, server: &mut Server) -> Result<(), Difference> {
    cursor.compare(server.wire())?;
    let Some(entry) = cursor.next() else {
        return Ok(());
    };
    if !cursor.give() {
        return Err(cursor.differs(Found::Waits));
    }
    match entry {
        Entry::Command(line) => {
            let mut octets = cursor.unmask(line);
            octets.extend_from_slice(b"\r\n");
            cursor.say(octets)
        }
        Entry::Content(body) => say_body(cursor, body),
        Entry::Chunk(body) => say_body(cursor, body),
        Entry::EndOfData => cursor.say(b".\r\n".to_vec()),
        Entry::OverLong { verb, octets } => {
            let mut line = Vec::from(verb.as_bytes());
            if !line.is_empty() {
                line.push(b' ');
            }
            let left = octets.saturating_sub(count(line.len()));
            cursor.begin(line, Filler::plain(left, b"\r\n"), false)
        }
        Entry::Foreign { speaker: Speaker::Client, octets } => {
            let octets = cursor.unmask(octets);
            cursor.begin(octets, Filler::plain(0, b""), true)
        }
        Entry::Tls => {
            cursor.may_start_tls(server.state())?;
            server.tls_started();
            Ok(())
        }
        Entry::Channel(known) => {
            server.describe_channel(stand_in::channel(known));
            Ok(())
        }
        Entry::Expired { .. } => {
            server.wire().expire();
            Ok(())
        }
        Entry::Closed => {
            server.wire().received(0);
            Ok(())
        }
        Entry::Call(Call::ShutDown(reply)) => {
            server.shut_down(rejection(reply));
            Ok(())
        }
        Entry::Call(Call::Abort(reply)) => {
            server.abort(rejection(reply));
            Ok(())
        }
        Entry::Call(Call::Refuse(reply)) => {
            server.refuse_message(rejection(reply));
            Ok(())
        }
        Entry::Call(Call::TlsTooWeak) => {
            server.tls_too_weak();
            Ok(())
        }
        _ => Err(cursor.differs(Found::Waits)),
    }
}

fn say_body(cursor: &mut Cursor<'_>, body: &Body) -> Result<(), Difference> {
    let filler = Filler::content(body.kept(), body.elided());
    cursor.begin(body.kept().to_vec(), filler, false)
}

/// The rejection whose reply was recorded.
pub(crate) fn rejection(reply: &ReplyBuf) -> Rejection<'static> {
    let reply = reply.as_reply();
    let mut text = String::new();
    for (number, line) in reply.texts().enumerate() {
        if number > 0 {
            text.push('\n');
        }
        text.push_str(&String::from_utf8_lossy(line));
    }
    let rejection = reply
        .enhanced()
        .and_then(|enhanced| Rejection::new(enhanced, text.clone()).ok())
        .and_then(|rejection| rejection.with_code(reply.code()).ok());
    rejection.unwrap_or_else(|| Rejection::TRANSACTION_FAILED.with_text(text))
}
