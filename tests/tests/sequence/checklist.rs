//! The order of commands as the checklist has it: its table, and a session that goes by it.

use smtp_proto::sequence::{AFTER_CONTENT, Answer, Protocol, Request, State};

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

pub(crate) const COLUMNS: [State; 6] =
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
pub(crate) enum Cell {
    Ask(State, State),
    Grant(State),
    /// With this code; 0 for that of S-37.
    Refuse(u16, State),
}

pub(crate) fn cell(state: State, request: Request) -> Cell {
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
pub(crate) struct Model {
    protocol: Protocol,
    pub(crate) state: State,
    recipients: usize,
    refused_recipient: bool,
    /// HELO does not tell of BDAT and AUTH.
    extended: bool,
    authenticated: bool,
}

impl Model {
    pub(crate) fn new(protocol: Protocol) -> Self {
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
    pub(crate) fn request(&mut self, request: Request, answer: Answer) -> Vec<u16> {
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
            // S-59: whatever it is refused for.
            let open = matches!(before, State::Mail | State::Recipients | State::Chunks);
            if request != Request::Atrn && self.extended && open {
                self.state = State::Spoiled;
            }
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
    pub(crate) fn content(&mut self, accepted: bool) -> Vec<u16> {
        let replies = if self.protocol == Protocol::Lmtp { self.recipients } else { 1 };
        self.state = AFTER_CONTENT;
        (self.recipients, self.refused_recipient) = (0, false);
        vec![if accepted { 250 } else { 450 }; replies]
    }
}
