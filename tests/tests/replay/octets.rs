//! Sessions of a server in which anything is said and anything happens.

use std::sync::Arc;

use proptest::prelude::*;
use smtp_proto::{
    answer::Rejection,
    command::Mechanism,
    data::BareNewline,
    extension::Extension,
    profile::StartTlsTrailing,
    sequence::State,
    server::{Event, Server},
    transcript::{Recording, Speaker, Transcript, replay::Replay},
    wire::{Endpoint, Step},
};
use smtp_tests::{
    case::Case,
    dialog::{self, Answer, describe},
    take_output,
};

use super::{ALL, Notes, read_back};

/// What may happen to a server.
#[derive(Debug, Clone)]
enum Happening {
    Octets(Vec<u8>),
    /// These, and what comes next, are there at once.
    Together(Vec<u8>),
    Expire,
    /// … while the peer does not read.
    Unread,
    Eof,
    Tls,
    Abort,
    ShutDown,
    Refuse,
}

impl Happening {
    fn has_8bit(&self) -> bool {
        matches!(self, Self::Octets(octets) | Self::Together(octets) if !octets.is_ascii())
    }
}

fn happening() -> impl Strategy<Value = Happening> {
    let octets = prop_oneof![
        12 => prop::sample::select(vec![
            "EHLO c.example\r\n", "LHLO c.example\r\n", "HELO zz.example\r\n",
            "MAIL FROM:<a@x.example>\r\n", "MAIL FROM:<> BODY=BINARYMIME\r\n", "MAIL FROM:<z@z>\r\n",
            "RCPT TO:<b@x.example>\r\n", "RCPT TO:<z@x.example>\r\n", "DATA\r\n", "BDAT 5\r\nhello",
            "BDAT 6 LAST\r\nbye\r\n\r", "BDAT 3\r\na\nb", "BDAT 0 LAST\r\n", "BDAT 9999\r\n", "BDAT x\r\n",
            "text\r\n", "..dot\r\n", ".\r\n", "bare\n", "bare\rbare", "RSET\r\n", "NOOP\r\n", "QUIT\r\n",
            "VRFY z\r\n", "VRFY y\r\n", "HELP\r\n", "STARTTLS\r\n", "AUTH PLAIN\r\n", "AUTH PLAIN AGEAYg==\r\n",
            "AUTH plain =\r\n", "AUTH OTHER AGEAYg==\r\n", "AGEAYg==\r\n", "AGEAYg=\r\n", "*\r\n", "\r\n", "XOWN a*#\\b\r\n",
            "GET / HTTP/1.1\r\n", "\x16\x03\x01", "EHLO c.ex", "ample\r\n", "MAIL FROM:<\u{e9}@x>\r\n",
            "\u{feff}\u{202e}\x1b[2J\r\n",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => (1..4000_usize).prop_map(|octets| [&vec![b'y'; octets][..], b"\r\n"].concat()),
        1 => (1..30_000_usize)
            .prop_map(|octets| [b"AUTH PLAIN ", &vec![b'y'; octets][..], b"\r\n"].concat()),
        1 => prop::collection::vec(any::<u8>(), 0..30),
    ];
    let octets = octets.boxed();
    prop_oneof![
        30 => octets.clone().prop_map(Happening::Octets),
        6 => octets.prop_map(Happening::Together),
        1 => Just(Happening::Expire),
        1 => Just(Happening::Unread),
        1 => Just(Happening::Eof),
        3 => Just(Happening::Tls),
        1 => Just(Happening::Abort),
        1 => Just(Happening::ShutDown),
        2 => Just(Happening::Refuse),
    ]
}

/// Lets a server go on. Its application refuses whatever has a `z` in it, and of messages every
/// second one.
fn rest(server: &mut Server, notes: &mut Notes, reluctant: &mut bool, reads: bool) {
    loop {
        match server.step() {
            Step::Write if reads => {
                take_output(server.wire(), usize::MAX);
            }
            Step::Event => {
                let Some(event) = server.event() else {
                    continue;
                };
                notes.see(&event);
                let told = describe(&event);
                let answer = match event {
                    Event::Auth(ref auth) if auth.response().is_none() => {
                        Answer::Challenge(b"who?".to_vec())
                    }
                    Event::Delivery(_) => {
                        *reluctant = !*reluctant;
                        if *reluctant {
                            Answer::Accept("2.0.0\nqueued  as 7 ".to_owned())
                        } else {
                            Answer::Reject(Rejection::LOCAL_ERROR.with_text(" not\n\n now "))
                        }
                    }
                    Event::Body(_)
                    | Event::Reset
                    | Event::Leniency(_)
                    | Event::Fault(_)
                    | Event::UpgradeTls { .. } => {
                        continue;
                    }
                    _ if told.contains('z') => Answer::Reject(Rejection::POLICY),
                    Event::Verify(_) => Answer::Accept("<y@x.example>".to_owned()),
                    _ => Answer::Accept(String::new()),
                };
                dialog::answer(event, answer);
            }
            _ => return,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any octets to a server, whatever happens meanwhile, are replayed to the same events.
    #[test]
    fn any_octets(
        lmtp in any::<bool>(),
        starttls_discards in any::<bool>(),
        normalize in any::<bool>(),
        happenings in prop::collection::vec(happening(), 1..40),
        piece in 1..50_usize,
    ) {
        let mut config = Case::PLAIN.server()
            .offer(Extension::BinaryMime)
            .offer(Extension::StartTls)
            .mechanism(Mechanism::parse("PLAIN").unwrap(), false)
            .profile(|profile| {
                if starttls_discards {
                    profile.server.starttls_trailing = StartTlsTrailing::Discard;
                }
                if normalize {
                    profile.server.bare_newline = BareNewline::Normalize;
                }
            })
            .verb("XOWN")
            .limits(|limits| limits.message = Some(3000));
        if lmtp {
            config = config.lmtp();
        }
        let config = Arc::new(config);
        let mut server = Server::new(Arc::clone(&config));
        server.wire().record(Recording::from(ALL));
        let mut notes = Notes::default();
        let mut reluctant = false;
        rest(&mut server, &mut notes, &mut reluctant, true);
        for happening in &happenings {
            match happening {
                Happening::Octets(octets) => {
                    for piece in octets.chunks(piece) {
                        let _ = server.wire().receive(piece);
                        rest(&mut server, &mut notes, &mut reluctant, true);
                    }
                }
                Happening::Together(octets) => {
                    let _ = server.wire().receive(octets);
                }
                Happening::Expire => server.wire().expire(),
                Happening::Eof => server.wire().received(0),
                Happening::Tls if server.state() == State::Tls && server.step() == Step::Idle => {
                    server.tls_started();
                }
                Happening::Tls => {}
                Happening::Abort => server.abort(Rejection::SHUTTING_DOWN),
                Happening::ShutDown => server.shut_down(Rejection::SHUTTING_DOWN),
                Happening::Refuse => server.refuse_message(Rejection::POLICY.with_text("no\n\nno")),
                Happening::Unread => {
                    rest(&mut server, &mut notes, &mut reluctant, false);
                    server.wire().expire();
                }
            }
            rest(&mut server, &mut notes, &mut reluctant, true);
        }
        let mut transcript = Transcript::new(Speaker::Server);
        transcript.take(server.wire().transcript().unwrap());
        let transcript = read_back(&transcript);
        for pieces in [usize::MAX, piece] {
            let mut again = Notes::default();
            let replay = Replay::new(&transcript).in_pieces(pieces);
            let machine = Server::new(Arc::clone(&config));
            if let Err(difference) = replay.serve(machine, |event| again.see(event)) {
                // What stands in for a malformed secret is ASCII.
                let masked = transcript.to_string().contains("\nC* ");
                if masked && happenings.iter().any(Happening::has_8bit) {
                    continue;
                }
                panic!("{difference}\n{transcript}\n{notes:#?}");
            }
            prop_assert_eq!(
                again.without_secrets(),
                notes.clone().without_secrets(),
                "{}",
                transcript
            );
        }
    }
}
