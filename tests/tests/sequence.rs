//! The order of commands: the checklist's table, written here once more and apart from the code, held
//! against the table of the crate and against the server itself.

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

/// S-01 … S-24, the states being G(reeted) H(ello) M(ail) R(ecipients) B(dat) X (spoiled), and
/// D(ata), T(LS), W (turned), Z (closed) behind them.
///
/// `?H` the application decides: H if it accepts, else as before; `?H/X` X if it does not. `+H` the
/// server grants it. `503` it is refused, `503>X` and spoils the transaction; `none` is 503 or 554 of
/// S-37.
const TABLE: &str = "
    command    G     H     M       R      B      X
    Hello      ?H    ?H    ?H      ?H     ?H     ?H
    Helo       ?H    ?H    ?H      ?H     ?H     ?H
    ForeignHello 500 500   500     500    500    500
    Mail       503   ?M    503     503    503    503
    Rcpt       503   503   ?R      ?R     503    503
    Data       503   503   none    ?D     503>X  503
    Bdat       503   503   none>X  ?B/X   ?B/X   503
    BdatLast   503   503   none>X  ?H/H   ?H/H   503
    Rset       +G    +H    +H      +H     +H     +H
    Noop       +G    +H    +M      +R     +B     +X
    Quit       +Z    +Z    +Z      +Z     +Z     +Z
    Vrfy       ?G    ?H    ?M      ?R     ?B     ?X
    Expn       ?G    ?H    ?M      ?R     ?B     ?X
    Help       +G    +H    +M      +R     +B     +X
    StartTls   503   ?T    503     503    503    503
    Auth       503   ?H    503     503    503    503
    Etrn       503   ?H    503     503    503    503
    Atrn       503   ?W    503     503    503    503
    Burl       503   503   554>X   ?B/X   ?B/X   503
    BurlLast   503   503   554>X   ?H/X   ?H/X   503
    XClient    ?G    ?G    503     503    503    503
    XForward   503   ?H    503     503    503    503
    Extension  503   ?H    ?M      ?R     ?B     ?X
    Obsolete   502   502   502     502    502    502
    Unknown    500   500   500     500    500    500
";

const COLUMNS: [State; 6] =
    [State::Start, State::Ready, State::Mail, State::Recipients, State::Chunks, State::Spoiled];

fn letter(letter: &str) -> State {
    match letter {
        "G" => State::Start,
        "H" => State::Ready,
        "M" => State::Mail,
        "R" => State::Recipients,
        "B" => State::Chunks,
        "X" => State::Spoiled,
        "D" => State::Data,
        "T" => State::Tls,
        "W" => State::Turned,
        "Z" => State::Closed,
        _ => panic!("no state {letter}"),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    Ask(State, State),
    Grant(State),
    /// With this code; 0 for that of S-37.
    Refuse(u16, State),
}

fn cell(state: State, request: Request) -> Cell {
    let Some(column) = COLUMNS.iter().position(|known| *known == state) else {
        // S-25; in the other states no command is read.
        return match (state, request) {
            (State::Refusing, Request::Quit) => Cell::Grant(State::Closed),
            _ => Cell::Refuse(503, state),
        };
    };
    let name = format!("{request:?}");
    let row = TABLE
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .find(|words| words.first() == Some(&name.as_str()))
        .unwrap_or_else(|| panic!("no row {name}"));
    let text = row[column + 1];
    if let Some(ask) = text.strip_prefix('?') {
        return match ask.split_once('/') {
            Some((yes, no)) => Cell::Ask(letter(yes), letter(no)),
            None => Cell::Ask(letter(ask), state),
        };
    }
    if let Some(then) = text.strip_prefix('+') {
        return Cell::Grant(letter(then));
    }
    let (code, then) =
        text.split_once('>').map_or((text, state), |(code, then)| (code, letter(then)));
    Cell::Refuse(if code == "none" { 0 } else { code.parse().unwrap() }, then)
}

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

fn accepted_code(request: Request) -> u16 {
    match request {
        Request::Data => 354,
        Request::Quit => 221,
        Request::Vrfy | Request::Expn => 252,
        Request::Help => 214,
        Request::StartTls | Request::XClient => 220,
        Request::Auth => 235,
        _ => 250,
    }
}

/// A session as the checklist has it.
#[derive(Debug, Clone, Copy)]
struct Model {
    protocol: Protocol,
    state: State,
    recipients: usize,
    refused_recipient: bool,
    /// HELO does not tell of BDAT and AUTH.
    extended: bool,
    authenticated: bool,
}

impl Model {
    fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            state: State::Start,
            recipients: 0,
            refused_recipient: false,
            extended: false,
            authenticated: false,
        }
    }

    /// The codes of the replies to a request; the state goes on.
    fn request(&mut self, request: Request, answer: Answer) -> Vec<u16> {
        let lmtp = self.protocol == Protocol::Lmtp;
        let bdat = matches!(request, Request::Bdat | Request::BdatLast);
        let before = self.state;
        // none of LMTP's.
        let not_lmtp = [Request::Etrn, Request::Atrn, Request::Burl, Request::BurlLast];
        if lmtp && not_lmtp.contains(&request) {
            return vec![502];
        }
        // S-80, and BURL where one can log in.
        let needs_login = matches!(request, Request::Atrn | Request::Burl | Request::BurlLast);
        if needs_login && !self.authenticated {
            return vec![530];
        }
        // S-73, S-69: AUTH needs EHLO, and once; no STARTTLS behind it. BDAT needs EHLO.
        let barred = match request {
            Request::Auth => self.authenticated || !self.extended,
            Request::StartTls => self.authenticated,
            Request::Bdat | Request::BdatLast => !self.extended,
            Request::Burl | Request::BurlLast => !self.extended,
            _ => false,
        };
        if barred {
            return vec![503];
        }
        let request = match (request, self.protocol) {
            (Request::Helo, Protocol::Lmtp) => Request::ForeignHello,
            _ => request,
        };
        let (code, then) = match (cell(before, request), answer) {
            (Cell::Ask(..), Answer::Challenged) => (334, State::Auth),
            (Cell::Ask(then, _), Answer::Accepted) => (accepted_code(request), then),
            (Cell::Ask(_, then), Answer::Rejected) => (450, then),
            (Cell::Grant(then), _) => (accepted_code(request), then),
            (Cell::Refuse(0, then), _) => {
                if lmtp && request == Request::BdatLast {
                    // S-65: no reply at all.
                    self.state = then;
                    return Vec::new();
                }
                let all_refused = self.refused_recipient && !lmtp;
                (if all_refused { 554 } else { 503 }, then)
            }
            (Cell::Refuse(code, then), _) => (code, then),
        };
        self.state = then;
        let mut replies = 1;
        if bdat && lmtp && request == Request::BdatLast {
            // S-62, S-64.
            let counted = matches!(before, State::Recipients | State::Chunks | State::Spoiled);
            replies = if counted { self.recipients } else { 1 };
        }
        match request {
            Request::Rcpt if code == 250 => self.recipients += 1,
            Request::Rcpt if code == 450 => self.refused_recipient = true,
            Request::Hello | Request::Helo if code == 250 => {
                self.extended = request == Request::Hello;
            }
            Request::Auth if code == 235 => self.authenticated = true,
            // S-96: with another client it begins again.
            Request::XClient if code == 220 => *self = Self::new(self.protocol),
            _ => {}
        }
        if !then.in_transaction() {
            (self.recipients, self.refused_recipient) = (0, false);
        }
        if then == State::Tls {
            *self = Self::new(self.protocol);
        }
        vec![code; replies]
    }

    /// The replies to the content after 354.
    fn content(&mut self, accepted: bool) -> Vec<u16> {
        let replies = if self.protocol == Protocol::Lmtp { self.recipients } else { 1 };
        self.state = AFTER_CONTENT;
        (self.recipients, self.refused_recipient) = (0, false);
        vec![if accepted { 250 } else { 450 }; replies]
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
