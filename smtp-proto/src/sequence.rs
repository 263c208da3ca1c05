//! Which command may come when: one table for both sides (RFC 5321 section 4.1.4).
//!
//! The table does not know whose side it is on. The server answers 503 from it, the client returns
//! [`Misuse`](crate::client::Misuse) from it, so our client never sends on purpose what our server
//! would refuse. It knows nothing of grammar, limits or policy: those are judged before (is this verb
//! offered, is TLS needed first) or after it (is the argument well formed).

use crate::command::Verb;

/// Where a session stands.
///
/// In the first seven states the server reads commands; in the others something else is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// No hello yet: at the beginning, and again after a TLS handshake.
    Start,
    /// Hello done, no mail transaction.
    Ready,
    /// MAIL accepted, no recipient accepted so far.
    Mail,
    /// At least one recipient accepted.
    Recipients,
    /// At least one BDAT chunk accepted, the last one not yet.
    Chunks,
    /// The transaction failed half-way: only RSET, a new hello or QUIT leads out (RFC 3030 section 2).
    Spoiled,
    /// The server greeted with 554 and waits for QUIT (RFC 5321 section 3.1).
    Refusing,
    /// Message content is being transferred after a 354 reply.
    Data,
    /// An AUTH exchange is under way (RFC 4954 section 4).
    Auth,
    /// A TLS handshake is under way (RFC 3207 section 4).
    Tls,
    /// ATRN was accepted: who was the server is the client from here on (RFC 2645 section 5.3).
    Turned,
    /// The session is over.
    Closed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 12] = [
        Self::Start,
        Self::Ready,
        Self::Mail,
        Self::Recipients,
        Self::Chunks,
        Self::Spoiled,
        Self::Refusing,
        Self::Data,
        Self::Auth,
        Self::Tls,
        Self::Turned,
        Self::Closed,
    ];

    /// Whether a mail transaction is open.
    pub const fn in_transaction(self) -> bool {
        matches!(self, Self::Mail | Self::Recipients | Self::Chunks | Self::Spoiled | Self::Data)
    }
}

/// A command, as far as its place in the order of commands goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Request {
    /// EHLO in SMTP, LHLO in LMTP.
    Hello,
    /// HELO in SMTP.
    Helo,
    /// The other protocol's hello: LHLO in SMTP, EHLO and HELO in LMTP (RFC 2033 section 4.1).
    ForeignHello,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// BDAT without LAST.
    Bdat,
    /// BDAT with LAST.
    BdatLast,
    /// RSET.
    Rset,
    /// NOOP.
    Noop,
    /// QUIT.
    Quit,
    /// VRFY.
    Vrfy,
    /// EXPN.
    Expn,
    /// HELP.
    Help,
    /// STARTTLS.
    StartTls,
    /// AUTH.
    Auth,
    /// ETRN.
    Etrn,
    /// ATRN.
    Atrn,
    /// BURL without LAST.
    Burl,
    /// BURL with LAST.
    BurlLast,
    /// XCLIENT.
    XClient,
    /// XFORWARD.
    XForward,
    /// A verb the application registered.
    Extension,
    /// SEND, SOML, SAML and TURN: known and never offered (RFC 5321 appendix F.6).
    Obsolete,
    /// A verb nobody knows.
    Unknown,
}

impl Request {
    /// Every request.
    pub const ALL: [Self; 25] = [
        Self::Hello,
        Self::Helo,
        Self::ForeignHello,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Bdat,
        Self::BdatLast,
        Self::Rset,
        Self::Noop,
        Self::Quit,
        Self::Vrfy,
        Self::Expn,
        Self::Help,
        Self::StartTls,
        Self::Auth,
        Self::Etrn,
        Self::Atrn,
        Self::Burl,
        Self::BurlLast,
        Self::XClient,
        Self::XForward,
        Self::Extension,
        Self::Obsolete,
        Self::Unknown,
    ];

    /// The request that `verb` makes in `protocol`. BDAT and BURL are taken as not the last one; a
    /// verb other than those of this crate is unknown until the application has registered it.
    #[expect(
        clippy::indexing_slicing,
        clippy::as_conversions,
        reason = "each protocol and each verb has its place"
    )]
    pub const fn of(verb: Verb, protocol: Protocol) -> Self {
        REQUESTS[protocol as usize][verb as usize]
    }

    const fn entry(verb: Verb, protocol: Protocol) -> Self {
        match (verb, protocol) {
            (Verb::Ehlo, Protocol::Smtp) | (Verb::Lhlo, Protocol::Lmtp) => Self::Hello,
            (Verb::Helo, Protocol::Smtp) => Self::Helo,
            (Verb::Lhlo, Protocol::Smtp) | (Verb::Ehlo | Verb::Helo, Protocol::Lmtp) => {
                Self::ForeignHello
            }
            (Verb::Mail, _) => Self::Mail,
            (Verb::Rcpt, _) => Self::Rcpt,
            (Verb::Data, _) => Self::Data,
            (Verb::Bdat, _) => Self::Bdat,
            (Verb::Rset, _) => Self::Rset,
            (Verb::Noop, _) => Self::Noop,
            (Verb::Quit, _) => Self::Quit,
            (Verb::Vrfy, _) => Self::Vrfy,
            (Verb::Expn, _) => Self::Expn,
            (Verb::Help, _) => Self::Help,
            (Verb::StartTls, _) => Self::StartTls,
            (Verb::Auth, _) => Self::Auth,
            (Verb::Etrn, _) => Self::Etrn,
            (Verb::Atrn, _) => Self::Atrn,
            (Verb::Burl, _) => Self::Burl,
            (Verb::XClient, _) => Self::XClient,
            (Verb::XForward, _) => Self::XForward,
            (Verb::Obsolete, _) => Self::Obsolete,
            (Verb::Other, _) => Self::Unknown,
        }
    }
}

/// Which of the two protocols a session speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Protocol {
    /// SMTP (RFC 5321).
    #[default]
    Smtp,
    /// LMTP (RFC 2033): LHLO, and after the content one reply for each accepted recipient.
    Lmtp,
}

/// The requests for looking up.
const REQUESTS: [[Request; Verb::ALL.len()]; 2] =
    [requests(Protocol::Smtp), requests(Protocol::Lmtp)];

#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "runs when the crate is built; an index out of bounds would not compile"
)]
const fn requests(protocol: Protocol) -> [Request; Verb::ALL.len()] {
    let mut requests = [Request::Unknown; Verb::ALL.len()];
    let mut place = 0;
    while place < Verb::ALL.len() {
        let verb = Verb::ALL[place];
        requests[verb as usize] = Request::entry(verb, protocol);
        place += 1;
    }
    requests
}

/// How a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// With 2yz, or 354 to DATA.
    Accepted,
    /// With 334: an AUTH exchange goes on.
    Challenged,
    /// With 4yz or 5yz.
    Rejected,
}

/// What the table says of a request in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The application decides.
    Ask {
        /// The state after a positive answer.
        accepted: State,
        /// The state after a negative answer.
        rejected: State,
    },
    /// The request is in order, and the core itself answers it.
    Grant(State),
    /// The request is refused.
    Refuse {
        /// Why.
        why: Refusal,
        /// The state afterwards.
        then: State,
    },
}

/// Why a request is refused whatever its argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// It comes at the wrong time: 503.
    BadSequence,
    /// Content without a valid recipient: 503 when none was named, 554 when all were refused
    /// (RFC 5321 section 3.3); always 503 in LMTP (RFC 2033 section 4.2).
    NoRecipient,
    /// BURL without a valid recipient: 554, and the URL is not touched (RFC 4468 section 3.2).
    NoRecipientForUrl,
    /// The other protocol's hello: 500.
    ForeignHello,
    /// A verb that is known and not offered: 502.
    NotImplemented,
    /// A verb nobody knows: 500.
    Unknown,
}

/// The state after the final reply to the content, be it DATA or the last BDAT, accepted or not, or
/// to the last BURL, accepted.
pub const AFTER_CONTENT: State = State::Ready;

/// The table.
#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "each state and each request has its place"
)]
pub const fn rule(state: State, request: Request) -> Rule {
    RULES[request as usize][state as usize]
}

/// The table for looking up: to read a row of [`entry`] costs more than all else that is judged.
const RULES: [[Rule; State::ALL.len()]; Request::ALL.len()] = table();

#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "runs when the crate is built; an index out of bounds would not compile"
)]
const fn table() -> [[Rule; State::ALL.len()]; Request::ALL.len()] {
    let mut table = [[grant(State::Closed); State::ALL.len()]; Request::ALL.len()];
    let mut row = 0;
    while row < Request::ALL.len() {
        let request = Request::ALL[row];
        let mut column = 0;
        while column < State::ALL.len() {
            let state = State::ALL[column];
            table[request as usize][state as usize] = entry(state, request);
            column += 1;
        }
        row += 1;
    }
    table
}

/// The table for reading.
const fn entry(state: State, request: Request) -> Rule {
    use State::{
        Auth, Chunks, Closed, Data, Mail, Ready, Recipients, Refusing, Spoiled, Start, Tls, Turned,
    };
    const OUT: Rule = refuse(Refusal::BadSequence);
    const SPOIL: Rule = Rule::Refuse { why: Refusal::BadSequence, then: Spoiled };
    const NONE: Rule = refuse(Refusal::NoRecipient);
    const NONE_SPOIL: Rule = Rule::Refuse { why: Refusal::NoRecipient, then: Spoiled };
    const URL_SPOIL: Rule = Rule::Refuse { why: Refusal::NoRecipientForUrl, then: Spoiled };
    const HELLO: Rule = ask(Ready);
    const STAY: Rule = ask(AS_IT_WAS);

    #[rustfmt::skip]
    let [start, ready, mail, recipients, chunks, spoiled] = match request {
        //                       Start          Ready         Mail          Recipients                Chunks                  Spoiled
        Request::Hello =>       [HELLO,         HELLO,        HELLO,        HELLO,                    HELLO,                  HELLO],
        Request::Helo =>        [HELLO,         HELLO,        HELLO,        HELLO,                    HELLO,                  HELLO],
        Request::ForeignHello => [refuse(Refusal::ForeignHello); 6],
        Request::Mail =>        [OUT,           ask(Mail),    OUT,          OUT,                      OUT,                    OUT],
        Request::Rcpt =>        [OUT,           OUT,          ask(Recipients), ask(Recipients),       OUT,                    OUT],
        Request::Data =>        [OUT,           OUT,          NONE,         ask(Data),                SPOIL,                  OUT],
        Request::Bdat =>        [OUT,           OUT,          NONE_SPOIL,   ask_or(Chunks, Spoiled),  ask_or(Chunks, Spoiled), OUT],
        Request::BdatLast =>    [OUT,           OUT,          NONE_SPOIL,   ask(AFTER_CONTENT),       ask(AFTER_CONTENT),     OUT],
        Request::Rset =>        [grant(Start),  grant(Ready), grant(Ready), grant(Ready),             grant(Ready),           grant(Ready)],
        Request::Noop | Request::Help =>
                                [grant(Start),  grant(Ready), grant(Mail),  grant(Recipients),        grant(Chunks),          grant(Spoiled)],
        Request::Quit =>        [grant(Closed); 6],
        Request::Vrfy | Request::Expn =>
                                [STAY,          STAY,         STAY,         STAY,                     STAY,                   STAY],
        Request::Extension =>   [OUT,           STAY,         STAY,         STAY,                     STAY,                   STAY],
        Request::StartTls =>    [OUT,           ask(Tls),     OUT,          OUT,                      OUT,                    OUT],
        Request::Auth =>        [OUT,           ask(Ready),   OUT,          OUT,                      OUT,                    OUT],
        Request::Etrn | Request::XForward =>
                                [OUT,           STAY,         OUT,          OUT,                      OUT,                    OUT],
        Request::Atrn =>        [OUT,           ask(Turned),  OUT,          OUT,                      OUT,                    OUT],
        Request::Burl =>        [OUT,           OUT,          URL_SPOIL,    ask_or(Chunks, Spoiled),  ask_or(Chunks, Spoiled), OUT],
        Request::BurlLast =>    [OUT,           OUT,          URL_SPOIL,    ask_or(AFTER_CONTENT, Spoiled), ask_or(AFTER_CONTENT, Spoiled), OUT],
        Request::XClient =>     [ask(Start),    ask(Start),   OUT,          OUT,                      OUT,                    OUT],
        Request::Obsolete =>    [refuse(Refusal::NotImplemented); 6],
        Request::Unknown =>     [refuse(Refusal::Unknown); 6],
    };
    let rule = match state {
        Start => start,
        Ready => ready,
        Mail => mail,
        Recipients => recipients,
        Chunks => chunks,
        Spoiled => spoiled,
        Refusing if matches!(request, Request::Quit) => grant(Closed),
        Refusing | Data | Auth | Tls | Turned | Closed => OUT,
    };
    in_state(rule, state, request)
}

/// The state after `request` got `answer` in `state`.
pub const fn after(state: State, request: Request, answer: Answer) -> State {
    match (rule(state, request), answer) {
        (Rule::Ask { .. }, Answer::Challenged) => State::Auth,
        (Rule::Ask { accepted, .. }, Answer::Accepted) => accepted,
        (Rule::Ask { rejected, .. }, Answer::Rejected) => rejected,
        (Rule::Grant(then), Answer::Accepted | Answer::Challenged) => then,
        (Rule::Grant(_), Answer::Rejected) => state,
        (Rule::Refuse { then, .. }, _) => then,
    }
}

/// A placeholder state in the rows of [`entry`]: it stands for "as it was".
const AS_IT_WAS: State = State::Closed;

const fn ask(accepted: State) -> Rule {
    Rule::Ask { accepted, rejected: AS_IT_WAS }
}

const fn ask_or(accepted: State, rejected: State) -> Rule {
    Rule::Ask { accepted, rejected }
}

const fn grant(then: State) -> Rule {
    Rule::Grant(then)
}

const fn refuse(why: Refusal) -> Rule {
    Rule::Refuse { why, then: AS_IT_WAS }
}

/// Puts the present state where a row says "as it was".
const fn in_state(rule: Rule, state: State, request: Request) -> Rule {
    match rule {
        Rule::Ask { accepted, rejected } => Rule::Ask {
            accepted: or_as_it_was(accepted, state),
            // The last chunk ends the transaction, whatever the answer to it is.
            rejected: match request {
                Request::BdatLast => AFTER_CONTENT,
                _ => or_as_it_was(rejected, state),
            },
        },
        Rule::Grant(then) => Rule::Grant(then),
        Rule::Refuse { why, then } => Rule::Refuse { why, then: or_as_it_was(then, state) },
    }
}

const fn or_as_it_was(then: State, state: State) -> State {
    match then {
        AS_IT_WAS => state,
        _ => then,
    }
}

#[cfg(test)]
mod tests;
