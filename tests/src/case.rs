//! Transactions in all combinations.

use bytes::Bytes;
use smtp_proto::{
    auth::client::{Login as LoginMechanism, Plain},
    client::{
        self, Chunking, Envelope, Login, Opening, Recipient, Report, Status, TlsUse,
        TransactionOptions,
    },
    command::Mechanism,
    domain::{HelloName, Host},
    extension::Extension,
    parameter::Parameters,
    path::{ForwardPath, ReversePath},
    sequence::Protocol,
    server,
};

use crate::pair::{Message, Pair, Pieces};

/// Everything that is varied.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// SMTP or LMTP.
    pub protocol: Protocol,
    /// BDAT or DATA.
    pub chunking: Chunking,
    /// What the server offers.
    pub pipelining: bool,
    /// What the client does.
    pub lockstep: bool,
    /// How octets are cut.
    pub pieces: Pieces,
    /// What the client asks for, and the server offers.
    pub tls: TlsUse,
    /// The mechanism of both.
    pub auth: Option<&'static str>,
}

impl Case {
    /// SMTP in clear, by DATA.
    pub const PLAIN: Self = Self {
        protocol: Protocol::Smtp,
        chunking: Chunking::Never,
        pipelining: true,
        lockstep: false,
        pieces: Pieces::Whole,
        tls: TlsUse::None,
        auth: None,
    };

    /// The server.
    pub fn server(self) -> server::Config {
        let mut config = server::Config::new(Host::parse("mx.example.net").unwrap());
        if self.protocol == Protocol::Lmtp {
            config = config.lmtp();
        }
        if !self.pipelining {
            config = config.withhold(Extension::Pipelining);
        }
        if self.tls != TlsUse::None {
            config = config.offer(Extension::StartTls);
        }
        if let Some(name) = self.auth {
            let in_clear = self.tls == TlsUse::None;
            config = config
                .mechanism(Mechanism::parse(name).unwrap(), true)
                .profile(|profile| profile.server.plaintext_auth = in_clear)
                .require_auth(true);
        }
        config
    }

    /// The client.
    pub fn client(self) -> client::Config {
        let mut config = client::Config::default();
        config.protocol = self.protocol;
        config.lockstep = self.lockstep;
        config
    }

    /// What opens the session.
    pub fn opening(self) -> Opening<'static> {
        let opening = Opening::new(HelloName::parse("client.example").unwrap(), self.tls);
        let login = match self.auth {
            Some("PLAIN") => Login::new().with(Plain::new("", "alice", "s3cret!").unwrap()),
            Some(_) => Login::new().with(LoginMechanism::new("alice", "s3cret!").unwrap()),
            None => return opening,
        };
        opening.login(login.allow_plaintext(true))
    }

    /// Both.
    pub fn pair(self) -> Pair {
        Pair::new(self.server(), self.client(), self.pieces)
    }

    /// How it is sent.
    pub fn options(self) -> TransactionOptions {
        let mut options = TransactionOptions::default();
        options.chunking = self.chunking;
        options
    }

    /// Protocols, verbs, pipelining and cuts, in all combinations.
    pub fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        for protocol in [Protocol::Smtp, Protocol::Lmtp] {
            for chunking in [Chunking::Auto, Chunking::Never] {
                for (pipelining, lockstep) in [(true, false), (true, true), (false, false)] {
                    for pieces in [Pieces::Whole, Pieces::Of(1), Pieces::Random(7)] {
                        cases.push(Self {
                            protocol,
                            chunking,
                            pipelining,
                            lockstep,
                            pieces,
                            ..Self::PLAIN
                        });
                    }
                }
            }
        }
        cases
    }
}

/// Recipients of these paths.
pub fn recipients(names: &[&'static str]) -> Vec<Recipient<'static>> {
    names.iter().map(|name| ForwardPath::parse(name).unwrap().into()).collect()
}

/// An envelope without parameters.
pub fn envelope<'e>(from: &'e str, recipients: &'e [Recipient<'e>]) -> Envelope<'e> {
    Envelope {
        reverse_path: ReversePath::parse(from).unwrap(),
        parameters: Parameters::EMPTY,
        recipients,
    }
}

/// What became of each.
pub fn statuses(report: &Report) -> Vec<Status> {
    report.outcomes().iter().map(client::Outcome::status).collect()
}

/// Octets that are not copied.
pub fn pieces(body: &[&'static [u8]]) -> Vec<Bytes> {
    body.iter().map(|piece| Bytes::from_static(piece)).collect()
}

/// Content whose dots and line ends are cut in the worst places.
pub const BODY: &[&[u8]] = &[b"Subject: x\r", b"\n\r\n.", b"dot\r\n..two\r\n.", b"\r\nend"];
/// The whole of it.
pub const WHOLE: &[u8] = b"Subject: x\r\n\r\n.dot\r\n..two\r\n.\r\nend";

/// What arrives: DATA completes the last line, BDAT is exact.
pub fn arrives(case: Case) -> Vec<u8> {
    let mut whole = WHOLE.to_vec();
    if case.chunking == Chunking::Never {
        whole.extend_from_slice(b"\r\n");
    }
    whole
}

/// The message as the server is to have taken it.
pub fn delivered(case: Case, to: &[&str]) -> Message {
    let asked = if case.protocol == Protocol::Lmtp { to.len() } else { 1 };
    Message {
        from: "<s@x.example>".to_owned(),
        to: to.iter().map(|&to| to.to_owned()).collect(),
        body: arrives(case),
        answers: vec![true; asked],
    }
}
