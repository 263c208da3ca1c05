//! Invariant: whatever a client sends, however it is cut and whatever the application answers, the
//! server ends in steps linear in the octets, holds no more than its bounds, says nothing but whole
//! replies, and its events and replies do not depend on the cuts.
#![no_main]

use std::{fmt, sync::Arc};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use smtp_fuzz::{Choices, Cuts, Line, replies, stretch};
use smtp_proto::{
    answer::{Acceptance, Rejection},
    auth::server::{Login, Mechanism as _, Plain, Step as AuthStep},
    command::Mechanism,
    data::BareNewline,
    domain::Host,
    extension::{Extension, ParameterRule, Registered, VerbRule},
    fault::Fault,
    profile::{Profile, StartTlsTrailing, Verdict},
    server::{Auth, Config, Event, Server},
    status::Code,
    wire::{Endpoint, Step},
};

/// What a server may hold of commands, and of content, with the limits set here.
const ROOM: usize = 12_352;
const CONTENT_ROOM: usize = 4096;
const LARGE_CONTENT_ROOM: usize = 30_000;
/// What it may hold of its output: up to the high water, one reply, and in LMTP a short reply for
/// each of 100 recipients.
const WAITING: usize = 16 * 1024 + 16 * 1024 + 100 * 128;

#[derive(Debug, Arbitrary)]
struct Input<'i> {
    /// How the server is configured.
    config: u16,
    /// What the application answers, question by question.
    choices: Choices,
    /// 0 for a peer that only sends; else when something happens from without.
    wild: u8,
    cuts: Cuts,
    octets: &'i [u8],
}

/// An extension that only this application knows.
fn own_extension() -> Registered {
    let parameter = |rule: Result<ParameterRule, _>| rule.expect("a keyword");
    Registered::local("X-SHARD")
        .expect("a keyword")
        .mail(parameter(ParameterRule::required("X-SHARD", 20)))
        .rcpt(parameter(ParameterRule::optional("XSLOT", 5)))
        .verb(VerbRule::new("XSHARD").expect("a verb").outside_transaction())
        .verb(VerbRule::new("XEARLY").expect("a verb").before_hello())
}

fn config(choice: u16) -> Config {
    let bit = |bit: u16| choice & (1 << bit) != 0;
    let mut config = Config::new(Host::parse("mx.example").expect("a domain"))
        .offer(Extension::StartTls)
        .verb("XHELLO")
        .extension(own_extension())
        .require_tls(bit(3) && bit(4))
        .require_auth(bit(5) && bit(6))
        .profile(|profile| {
            *profile = match choice >> 14 {
                0 => Profile::INTERNET,
                1 => Profile::STRICT,
                _ => Profile::LENIENT,
            };
            profile.server.bare_newline =
                if bit(1) { BareNewline::Normalize } else { BareNewline::Reject };
            profile.server.plaintext_auth = bit(2);
            // What these refuse depends on how octets are grouped.
            profile.server.early_talker = Verdict::Accept;
            profile.server.unannounced_pipelining = Verdict::Accept;
            if !bit(7) {
                profile.server.early_data = Verdict::Accept;
                profile.server.starttls_trailing = StartTlsTrailing::Discard;
            }
        })
        .limits(|limits| {
            limits.message = (!bit(8)).then_some(6000);
            limits.discard = 6000;
            limits.endless_line = 0;
            limits.recipients = 0;
            limits.content_buffer = if bit(13) { LARGE_CONTENT_ROOM } else { CONTENT_ROOM };
            limits.bad_commands = if bit(9) { 2 } else { 1000 };
        });
    for name in ["PLAIN", "LOGIN"] {
        config = config.mechanism(Mechanism::parse(name).expect("a name"), true);
    }
    if bit(0) {
        config = config.lmtp();
    }
    if bit(10) {
        for extension in [Extension::Dsn, Extension::BinaryMime, Extension::Expn, Extension::Limits]
        {
            config = config.offer(extension);
        }
        for extension in [Extension::Etrn, Extension::Atrn, Extension::XClient, Extension::XForward]
        {
            config = config.offer(extension);
        }
        config = config.burl(&["imap", "imap://x.example"]);
    }
    if bit(11) {
        config = config.withhold(Extension::Pipelining).withhold(Extension::EnhancedStatusCodes);
    }
    if bit(12) {
        config = config.withhold(Extension::EightBitMime).withhold(Extension::Chunking);
    }
    config
}

/// A negative answer, some with a text that would like to be more than that.
fn rejection(choice: u8) -> Rejection<'static> {
    match choice >> 4 {
        0 => Rejection::MAILBOX_UNKNOWN,
        1 => Rejection::TRY_LATER.with_text("two\nlines"),
        2 => Rejection::POLICY.with_text("no\r\n250 yes\r\n"),
        3 => Rejection::SHUTTING_DOWN,
        4 => Rejection::NO_MAIL_SERVICE,
        5 => Rejection::permanent(1000, 1000, "\u{0}\u{7f}\u{e9}"),
        _ => Rejection::LOCAL_ERROR.with_text(""),
    }
}

fn acceptance(choice: u8) -> Acceptance<'static> {
    match choice >> 4 {
        0 => Acceptance::default(),
        1 => Acceptance::new("queued\r\n550 as 4711"),
        2 => {
            Acceptance::new("will forward").with_code(Code::new(251).expect("a code")).expect("2yz")
        }
        _ => Acceptance::new("ok").with_enhanced(6, 0),
    }
}

/// What became of a session, without a trace of how its octets were cut.
#[derive(Default, PartialEq, Eq)]
struct Story {
    events: Vec<String>,
    /// Content of the message under way; that of a void one depends on when the flaw was seen.
    body: Vec<u8>,
    written: Vec<u8>,
    /// What has passed depends on when the octets came, which is as it should be.
    timed: bool,
}

impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:#?}", self.events)?;
        f.write_str(&String::from_utf8_lossy(&self.written))
    }
}

impl Story {
    fn tell(&mut self, event: String) {
        if !self.body.is_empty() {
            let body = std::mem::take(&mut self.body);
            self.events.push(format!("Body {:?}", body.escape_ascii().to_string()));
        }
        self.events.push(event);
    }
}

/// One question, described; and its answer, unless it is to be dropped.
fn answer(event: Event<'_>, choice: Option<u8>, exchange: &mut Exchange) -> String {
    let yes = choice.is_some_and(|choice| choice & 3 != 3);
    let plain = choice.is_some_and(|choice| choice & 15 == 0);
    match event {
        Event::Connected(question) => {
            let told = format!("Connected {:?}", question.overrides());
            match choice {
                None => drop(question),
                Some(_) if plain => question.accept(),
                Some(_) if yes => question.allow_xclient().allow_xforward().accept(),
                Some(choice) => question.reject(rejection(choice)),
            }
            told
        }
        Event::Hello(question) => {
            let told = format!("Hello {} {}", question.verb(), question.name());
            match choice {
                None => drop(question),
                Some(_) if plain => question.accept(),
                Some(_) if yes => question.accept_with("hi\r\nyou"),
                Some(choice) => question.reject(rejection(choice)),
            }
            told
        }
        Event::StartTls(question) => {
            match choice {
                None => drop(question),
                Some(_) if yes => question.accept(),
                Some(choice) => question.reject(rejection(choice)),
            }
            "StartTls".into()
        }
        Event::Auth(question) => {
            let told = format!("Auth {} {:?}", question.mechanism(), question.response());
            if let Some(choice) = choice {
                exchange.answer(question, choice);
            }
            told
        }
        Event::Mail(question) => {
            let (path, parameters) = (question.reverse_path(), question.parameters());
            let told = format!("Mail {path} {parameters:?} {:?}", question.forwarded());
            match choice {
                None => drop(question),
                Some(choice) if yes => question.accept_with(acceptance(choice)),
                Some(choice) => question.reject(rejection(choice)),
            }
            told
        }
        Event::Rcpt(question) => {
            let path = question.forward_path();
            let told = format!("Rcpt {} {path} {:?}", question.index(), question.parameters());
            match choice {
                None => drop(question),
                Some(choice) if yes => question.accept_with(acceptance(choice)),
                Some(choice) => question.reject(rejection(choice)),
            }
            told
        }
        Event::Data(question) => {
            let told = format!("Data {} {:?}", question.is_chunked(), question.declared_size());
            match choice {
                None => drop(question),
                Some(_) if yes => question.accept(),
                Some(choice) => question.reject(rejection(choice)),
            }
            told
        }
        Event::Delivery(question) => {
            let (recipient, size) = (question.recipient(), question.size());
            let told = format!("Delivery {recipient:?} {size} {}", question.has_8bit());
            match choice {
                None => drop(question),
                Some(choice) if yes => question.accept_with(acceptance(choice)),
                Some(choice) => question.reject(rejection(choice)),
            }
            told
        }
        Event::Verify(question) => {
            let told = format!("Verify {} {}", question.verb(), question.text());
            match choice {
                None => drop(question),
                Some(_) if plain => question.cannot_verify(),
                Some(_) if yes => question.accept_with("<a@b.example>\nB <b@b.example>"),
                Some(choice) => question.reject(rejection(choice)),
            }
            told
        }
        Event::Etrn(question) => {
            let told = format!("Etrn {}", question.node());
            match choice {
                None => drop(question),
                Some(choice) if plain => question.messages_started(choice.into()),
                Some(_) if yes => question.nothing_waits(),
                Some(choice) => question.reject(rejection(choice)),
            }
            told
        }
        Event::Atrn(question) => {
            let told = format!("Atrn {:?}", question.domains());
            match choice {
                None => drop(question),
                Some(_) if yes => question.accept(),
                Some(choice) => question.reject(rejection(choice)),
            }
            told
        }
        Event::Burl(question) => {
            let url = question.url();
            let told = format!("Burl {url:?} {} {:?}", question.is_first(), question.room());
            match choice {
                None => drop(question),
                Some(choice) if yes => question.accept(u64::from(choice) * 40),
                Some(choice) => question.reject(rejection(choice)),
            }
            told
        }
        Event::XClient(question) => {
            let told = format!("XClient {}", question.attributes());
            match choice {
                None => drop(question),
                Some(_) if yes => question.accept(),
                Some(choice) => question.reject(rejection(choice)),
            }
            told
        }
        Event::XForward(question) => {
            let told = format!("XForward {}", question.attributes());
            match choice {
                None => drop(question),
                Some(_) if yes => question.accept(),
                Some(choice) => question.reject(rejection(choice)),
            }
            told
        }
        Event::Extension(question) => {
            let told = format!("Extension {} {:?}", question.verb(), question.argument());
            match choice {
                None => drop(question),
                Some(choice) if yes => question.accept_with(acceptance(choice)),
                Some(choice) => question.reject(rejection(choice)),
            }
            told
        }
        other => format!("{other:?}"),
    }
}

/// The application's side of AUTH.
#[derive(Default)]
struct Exchange {
    plain: Plain,
    login: Login,
}

impl Exchange {
    fn answer(&mut self, question: Auth<'_>, choice: u8) {
        if choice & 3 == 2 {
            return question.challenge(&[choice; 3]);
        }
        let step = match question.mechanism() {
            "PLAIN" => self.plain.step(question.response()),
            _ => self.login.step(question.response()),
        };
        match step {
            AuthStep::Challenge(challenge) => return question.challenge(challenge.as_slice()),
            AuthStep::Ask(_) if choice & 3 != 3 => question.accept_with(acceptance(choice)),
            _ => question.reject(rejection(choice)),
        }
        *self = Self::default();
    }
}

fn is_news(event: &Event<'_>) -> bool {
    matches!(event, Event::Body(_) | Event::Reset | Event::UpgradeTls { .. } | Event::Fault(_))
}

/// Plays a whole session. `drops` says which questions are dropped once before they are answered.
fn play(input: &Input<'_>, config: Arc<Config>, octets: &[u8], cuts: Cuts, drops: u8) -> Story {
    let mut server = Server::new(config);
    if drops & 1 != 0 {
        server.wire().record(3);
    }
    let room = if input.config & (1 << 13) == 0 { ROOM } else { LARGE_CONTENT_ROOM };
    let mut line = Line::new(cuts, room, WAITING);
    let (mut story, mut exchange) = (Story::default(), Exchange::default());
    let (mut rest, mut ended, mut questions) = (octets, false, 0);
    let (mut steps, mut lent) = (0_usize, 0);
    loop {
        steps += 1;
        let most = 2000 + 8 * octets.len() + 4 * line.written.len();
        assert!(steps < most, "{steps} steps for {} octets", octets.len());
        if input.wild > 0 && steps.is_multiple_of(usize::from(input.wild)) {
            story.timed = true;
            meddle(&mut server, input.choices.get(steps / usize::from(input.wild)));
        }
        let step = server.step();
        assert_eq!(server.step(), step, "asking again changes nothing");
        line.check(server.wire());
        match step {
            Step::Read => {
                assert!(server.wire().room() > 0 && !ended, "asked to read what cannot come");
                if rest.is_empty() {
                    ended = true;
                    server.wire().received(0);
                } else {
                    let taken = line.feed(&mut server, rest);
                    assert!(taken > 0);
                    rest = &rest[taken..];
                }
            }
            Step::Write => {
                // The peer goes on sending while it does not read.
                if drops & 2 != 0 && !rest.is_empty() && lent < 4 {
                    lent += 1;
                    let taken = line.feed(&mut server, rest);
                    rest = &rest[taken..];
                } else {
                    lent = 0;
                    line.drain(&mut server);
                }
            }
            Step::Event => {
                let choice = input.choices.get(questions);
                let drop_it = drops & (4 << (questions % 6)) != 0;
                let Some(event) = server.event() else {
                    continue;
                };
                match event {
                    Event::Body(piece) => {
                        assert!(!piece.is_empty());
                        story.body.extend_from_slice(&piece);
                    }
                    Event::Turned(_) => {
                        // Who was the client is the server from here on.
                        story.tell("Turned".into());
                        break;
                    }
                    Event::Reset => {
                        story.body.clear();
                        story.tell("Reset".into());
                    }
                    // Some of them depend on how octets are grouped.
                    Event::Leniency(_) => {}
                    event if is_news(&event) => {
                        let upgrade = matches!(event, Event::UpgradeTls { .. });
                        story.timed |= upgrade
                            | matches!(
                                event,
                                Event::Fault(Fault::EarlyData | Fault::PlaintextBehindStartTls)
                            );
                        story.tell(format!("{event:?}"));
                    }
                    event if drop_it => {
                        let first = answer(event, None, &mut exchange);
                        assert_eq!(server.step(), Step::Event, "a dropped question is asked again");
                        let again = server.event().expect("a dropped question is asked again");
                        assert_eq!(answer(again, Some(choice), &mut exchange), first);
                        questions += 1;
                        story.tell(first);
                    }
                    event => {
                        let told = answer(event, Some(choice), &mut exchange);
                        questions += 1;
                        story.tell(told);
                    }
                }
            }
            Step::Idle => {
                assert_eq!(server.wire().room(), 0, "a handshake is not read as SMTP");
                if rest.is_empty() {
                    server.wire().expire();
                } else {
                    server.tls_started();
                    assert!(server.is_tls());
                }
            }
            Step::Close => break,
        }
    }
    if drops & 1 != 0 {
        let shown = server.wire().transcript().map_or(0, |transcript| transcript.drain().count());
        assert!(shown <= 3);
    }
    story.written = line.written;
    story.tell("Close".into());
    story
}

/// Things that happen from without.
fn meddle(server: &mut Server, choice: u8) {
    match choice % 8 {
        0 => server.wire().expire(),
        1 => server.shut_down(Rejection::SHUTTING_DOWN),
        2 => server.abort(rejection(choice)),
        3 | 4 => server.refuse_message(Rejection::TRANSACTION_FAILED),
        5 => server.wire().relax(),
        6 => server.tls_started(),
        _ => drop(server.event().map(|event| format!("{event:?}"))),
    }
}

fuzz_target!(|input: Input<'_>| {
    let octets = stretch(input.octets);
    let config = Arc::new(config(input.config));
    let drops = input.choices.get(11);
    let first = play(&input, Arc::clone(&config), &octets, input.cuts, drops);
    if !first.timed {
        let second = play(&input, config, &octets, Cuts::NONE, 0);
        if !second.timed {
            replies(&second.written);
            assert_eq!(first, second);
        }
    }
});
