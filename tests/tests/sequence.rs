//! The order of commands: the checklist's table, written here once more and apart from the code, held
//! against the table of the crate and against the server itself.

#[path = "sequence/checklist.rs"]
mod checklist;

use std::sync::Arc;

use proptest::prelude::*;
use smtp_proto::{
    answer::Rejection,
    command::Mechanism,
    domain::Host,
    extension::Extension,
    sequence::{self, AFTER_CONTENT, Answer, Protocol, Refusal, Request, Rule, State},
    server::{Config, Event, Server},
    wire::{Endpoint, Step},
};
use smtp_tests::take_output;

use self::checklist::{COLUMNS, Cell, Model, cell};

/// The crate's table says what the checklist says.
#[test]
fn the_table_is_that_of_the_checklist() {
    for state in State::ALL {
        for request in Request::ALL {
            let expected = cell(state, request);
            let rule = sequence::rule(state, request);
            let same = match (expected, rule) {
                (Cell::Ask(yes, no), Rule::Ask { accepted, rejected }) => {
                    (yes, no) == (accepted, rejected)
                }
                (Cell::Grant(then), Rule::Grant(found)) => then == found,
                (Cell::Refuse(code, then), Rule::Refuse { why, then: found }) => {
                    let fits = match why {
                        Refusal::BadSequence => code == 503,
                        Refusal::NoRecipient => code == 0,
                        Refusal::NoRecipientForUrl => code == 554,
                        Refusal::ForeignHello | Refusal::Unknown => code == 500,
                        Refusal::NotImplemented => code == 502,
                    };
                    fits && then == found
                }
                _ => false,
            };
            assert!(same, "{state:?} {request:?}: {expected:?}, but {rule:?}");
            for answer in [Answer::Accepted, Answer::Rejected, Answer::Challenged] {
                let then = match (expected, answer) {
                    (Cell::Ask(..), Answer::Challenged) => State::Auth,
                    (Cell::Ask(then, _), Answer::Accepted)
                    | (Cell::Ask(_, then), Answer::Rejected)
                    | (Cell::Refuse(_, then), _) => then,
                    (Cell::Grant(_), Answer::Rejected) => state,
                    (Cell::Grant(then), _) => then,
                };
                assert_eq!(sequence::after(state, request, answer), then, "{state:?} {request:?}");
            }
        }
    }
    assert_eq!(AFTER_CONTENT, State::Ready);
}

/// What a client says to make a request. BDAT carries octets that would be a command.
fn said(request: Request, protocol: Protocol) -> &'static [u8] {
    match (request, protocol) {
        (Request::Hello, Protocol::Smtp) => b"EHLO c.example\r\n",
        (Request::Hello, Protocol::Lmtp) => b"LHLO c.example\r\n",
        (Request::ForeignHello, Protocol::Smtp) => b"LHLO c.example\r\n",
        (Request::ForeignHello, Protocol::Lmtp) => b"EHLO c.example\r\n",
        (Request::Helo, _) => b"HELO c.example\r\n",
        (Request::Mail, _) => b"MAIL FROM:<a@x.example>\r\n",
        (Request::Rcpt, _) => b"RCPT TO:<b@x.example>\r\n",
        (Request::Data, _) => b"DATA\r\n",
        (Request::Bdat, _) => b"BDAT 6\r\nQUIT\r\n",
        (Request::BdatLast, _) => b"BDAT 6 LAST\r\nRSET\r\n",
        (Request::Rset, _) => b"RSET\r\n",
        (Request::Noop, _) => b"NOOP\r\n",
        (Request::Quit, _) => b"QUIT\r\n",
        (Request::Vrfy, _) => b"VRFY joe\r\n",
        (Request::Expn, _) => b"EXPN list\r\n",
        (Request::Help, _) => b"HELP\r\n",
        (Request::StartTls, _) => b"STARTTLS\r\n",
        (Request::Auth, _) => b"AUTH XTOKEN\r\n",
        (Request::Etrn, _) => b"ETRN @example.org\r\n",
        (Request::Atrn, _) => b"ATRN example.org\r\n",
        (Request::Burl, _) => b"BURL http://x.example/LAST\r\n",
        (Request::BurlLast, _) => b"BURL imap://x.example/a LAST\r\n",
        (Request::XClient, _) => b"XCLIENT NAME=c.example ADDR=192.0.2.1\r\n",
        (Request::XForward, _) => b"XFORWARD NAME=c.example\r\n",
        (Request::Extension, _) => b"XFOO\r\n",
        (Request::Obsolete, _) => b"TURN\r\n",
        (Request::Unknown, _) => b"XYZZY\r\n",
    }
}

fn config(protocol: Protocol) -> Config {
    let config = Config::new(Host::parse("mx.example.net").unwrap())
        .offer(Extension::StartTls)
        .offer(Extension::Expn)
        .offer(Extension::Etrn)
        .offer(Extension::Atrn)
        .offer(Extension::Burl)
        .offer(Extension::XClient)
        .offer(Extension::XForward)
        .mechanism(Mechanism::parse("XTOKEN").unwrap(), false)
        .verb("XFOO")
        .limits(|limits| {
            limits.bad_commands = 1_000_000;
            limits.failed_auth = 1_000_000;
        });
    if protocol == Protocol::Lmtp { config.lmtp() } else { config }
}

/// A server whose application answers everything alike.
struct Driven {
    server: Server,
    said: Vec<u8>,
}

impl Driven {
    fn new(protocol: Protocol) -> Self {
        Self { server: Server::new(Arc::new(config(protocol))), said: Vec::new() }
    }

    /// Says `octets`, and gives the codes of the replies.
    fn say(&mut self, mut octets: &[u8], answer: Answer) -> Vec<u16> {
        loop {
            self.settle(answer);
            let taken = self.server.wire().receive(octets);
            octets = &octets[taken..];
            if taken == 0 {
                break;
            }
        }
        let said = core::mem::take(&mut self.said);
        said.split_inclusive(|&octet| octet == b'\n')
            .filter(|line| line[3] == b' ')
            .map(|line| core::str::from_utf8(&line[..3]).unwrap().parse().unwrap())
            .collect()
    }

    fn settle(&mut self, answer: Answer) {
        const NO: Rejection<'static> = Rejection::TRY_LATER;
        let yes = answer != Answer::Rejected;
        for _ in 0..100_000 {
            match self.server.step() {
                Step::Write => self.said.extend(take_output(self.server.wire(), usize::MAX)),
                Step::Event => match (self.server.event(), yes) {
                    (Some(Event::Auth(token)), _) => match answer {
                        Answer::Accepted => token.accept(),
                        Answer::Rejected => token.reject(NO),
                        Answer::Challenged => token.challenge(b"go on"),
                    },
                    (Some(Event::Connected(token)), true) => {
                        token.allow_xclient().allow_xforward().accept();
                    }
                    (Some(Event::Connected(token)), false) => token.reject(NO),
                    (Some(Event::Hello(token)), true) => token.accept(),
                    (Some(Event::Hello(token)), false) => token.reject(NO),
                    (Some(Event::StartTls(token)), true) => token.accept(),
                    (Some(Event::StartTls(token)), false) => token.reject(NO),
                    (Some(Event::Mail(token)), true) => token.accept(),
                    (Some(Event::Mail(token)), false) => token.reject(NO),
                    (Some(Event::Rcpt(token)), true) => token.accept(),
                    (Some(Event::Rcpt(token)), false) => token.reject(NO),
                    (Some(Event::Data(token)), true) => token.accept(),
                    (Some(Event::Data(token)), false) => token.reject(NO),
                    (Some(Event::Delivery(token)), true) => token.accept(),
                    (Some(Event::Delivery(token)), false) => token.reject(NO),
                    (Some(Event::Verify(token)), true) => token.cannot_verify(),
                    (Some(Event::Verify(token)), false) => token.reject(NO),
                    (Some(Event::Body(_)), false) => self.server.refuse_message(NO),
                    (Some(Event::Etrn(token)), true) => token.accept(),
                    (Some(Event::Etrn(token)), false) => token.reject(NO),
                    (Some(Event::Atrn(token)), true) => token.accept(),
                    (Some(Event::Atrn(token)), false) => token.reject(NO),
                    (Some(Event::Turned(_)), _) => return,
                    (Some(Event::Burl(token)), true) => token.accept(6),
                    (Some(Event::Burl(token)), false) => token.reject(NO),
                    (Some(Event::XClient(token)), true) => token.accept(),
                    (Some(Event::XClient(token)), false) => token.reject(NO),
                    (Some(Event::XForward(token)), true) => token.accept(),
                    (Some(Event::XForward(token)), false) => token.reject(NO),
                    (Some(Event::Extension(token)), true) => token.accept_with(Default::default()),
                    (Some(Event::Extension(token)), false) => token.reject(NO),
                    _ => {}
                },
                _ => return,
            }
        }
        panic!("the server spins");
    }
}

/// The shortest way into a state.
fn way(state: State) -> &'static [(Request, Answer)] {
    use Answer::{Accepted, Rejected};
    match state {
        State::Start => &[],
        State::Ready => &[(Request::Hello, Accepted)],
        State::Mail => &[(Request::Hello, Accepted), (Request::Mail, Accepted)],
        State::Recipients => {
            &[(Request::Hello, Accepted), (Request::Mail, Accepted), (Request::Rcpt, Accepted)]
        }
        State::Chunks => &[
            (Request::Hello, Accepted),
            (Request::Mail, Accepted),
            (Request::Rcpt, Accepted),
            (Request::Rcpt, Accepted),
            (Request::Bdat, Accepted),
        ],
        State::Spoiled => &[
            (Request::Hello, Accepted),
            (Request::Mail, Accepted),
            (Request::Rcpt, Accepted),
            (Request::Rcpt, Accepted),
            (Request::Bdat, Rejected),
        ],
        _ => panic!("no way to {state:?}"),
    }
}

fn command_in_state(
    protocol: Protocol,
    state: State,
    request: Request,
    answer: Answer,
    login: bool,
) {
    let mut model = Model::new(protocol);
    let mut driven = Driven::new(protocol);
    assert_eq!(driven.say(b"", Answer::Accepted), [220]);
    for &(request, answer) in way(state) {
        let expected = model.request(request, answer);
        assert_eq!(driven.say(said(request, protocol), answer), expected);
        if login && request == Request::Hello {
            let expected = model.request(Request::Auth, Answer::Accepted);
            let found = driven.say(said(Request::Auth, protocol), Answer::Accepted);
            assert_eq!(found, expected);
        }
    }
    assert_eq!(driven.server.state(), state, "{protocol:?} {state:?}");
    let expected = model.request(request, answer);
    let found = driven.say(said(request, protocol), answer);
    let what = format!("{protocol:?} {state:?} {request:?} {answer:?} {login}");
    assert_eq!(found, expected, "{what}");
    if model.state == State::Start && driven.server.state() == State::Tls {
        return;
    }
    assert_eq!(driven.server.state(), model.state, "{what}");
}

/// The server does in each state what the table says, whatever the application answers.
#[test]
fn every_command_in_every_state() {
    for protocol in [Protocol::Smtp, Protocol::Lmtp] {
        for state in COLUMNS {
            for request in Request::ALL {
                for answer in [Answer::Accepted, Answer::Rejected, Answer::Challenged] {
                    let challenged = answer == Answer::Challenged;
                    if challenged && request != Request::Auth {
                        continue;
                    }
                    for login in [false, true] {
                        command_in_state(protocol, state, request, answer, login);
                    }
                }
            }
        }
    }
}

/// S-25: a client that was turned away.
#[test]
fn every_command_after_a_refusal() {
    for protocol in [Protocol::Smtp, Protocol::Lmtp] {
        for request in Request::ALL {
            let mut driven = Driven::new(protocol);
            assert_eq!(driven.say(b"", Answer::Rejected), [554]);
            let found = driven.say(said(request, protocol), Answer::Accepted);
            let expected = if request == Request::Quit { 221 } else { 503 };
            assert_eq!(found, [expected], "{request:?}");
        }
    }
}

fn requests() -> impl Strategy<Value = Vec<(Request, bool)>> {
    let request = prop_oneof![
        3 => proptest::sample::select(&Request::ALL[..]),
        2 => Just(Request::Mail),
        3 => Just(Request::Rcpt),
        1 => Just(Request::Hello),
        1 => Just(Request::Data),
        2 => Just(Request::Bdat),
        1 => Just(Request::BdatLast),
    ];
    proptest::collection::vec((request, proptest::bool::weighted(0.8)), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Each command gets its replies, no more and no less, and both are always in the same state.
    #[test]
    fn a_walk(walk in requests(), lmtp in any::<bool>()) {
        let protocol = if lmtp { Protocol::Lmtp } else { Protocol::Smtp };
        let mut model = Model::new(protocol);
        let mut driven = Driven::new(protocol);
        prop_assert_eq!(driven.say(b"", Answer::Accepted), [220]);
        for (request, yes) in walk {
            let answer = if yes { Answer::Accepted } else { Answer::Rejected };
            let expected = model.request(request, answer);
            let found = driven.say(said(request, protocol), answer);
            prop_assert_eq!(found, expected, "{:?} {:?}", request, answer);
            match driven.server.state() {
                State::Tls => {
                    driven.server.tls_started();
                    // STARTTLS is not to be had a second time.
                    return Ok(());
                }
                State::Data => {
                    let expected = model.content(yes);
                    let found = driven.say(b"..\r\nQUIT\r\n.\r\n", answer);
                    prop_assert_eq!(found, expected);
                }
                State::Closed | State::Turned => return Ok(()),
                _ => {}
            }
            prop_assert_eq!(driven.server.state(), model.state);
        }
    }
}
