//! What the caller of a dialog does.

use bytes::Bytes;
use smtp_proto::{
    auth::{
        Known, Nonce,
        client::{Credentials, InvalidCredentials, Login as LoginMechanism, Plain},
    },
    client::{
        Chunking, Content, Envelope, Login, Opening, Recipient, Surveyed, TlsUse, Transaction,
        TransactionOptions,
    },
    command::{DomainList, Mechanism, Node, Query, Text, Url, XClient, XForward},
    domain::HelloName,
    parameter::{Body, Parameters},
    path::{ForwardPath, ReversePath},
    profile::Syntax,
    upstream::{Forwarded, Overrides},
};

use super::{Link, convert::Escape, play::Play};
use crate::dialog::unescape;

impl<L: Link> Play<L> {
    pub(super) fn call(&mut self, call: &str) {
        let (word, rest) = call.split_once(' ').unwrap_or((call, ""));
        let octets = || Bytes::from(unescape(rest));
        let client = self.link.client();
        let result = match word {
            "hello" => client.hello(HelloName::parse(rest).unwrap()),
            "helo" => client.helo(HelloName::parse(rest).unwrap()),
            "mail" => {
                let (path, parameters) = rest.split_once(' ').unwrap_or((rest, ""));
                client.mail(ReversePath::parse(path).unwrap(), list(parameters))
            }
            "rcpt" => {
                let (path, parameters) = rest.split_once(' ').unwrap_or((rest, ""));
                client.rcpt(ForwardPath::parse(path).unwrap(), list(parameters))
            }
            "data" => client.data(),
            "body" => client.body(octets()),
            "end" => client.end_of_data(),
            "chunk" => client.chunk(octets(), false),
            "last" => client.chunk(octets(), true),
            "reset" => client.reset(),
            "noop" => client.noop(),
            "quit" => client.quit(),
            "verify" => client.verify(Query::new(Text::new(rest).unwrap(), false)),
            "starttls" => client.starttls(),
            "auth" => {
                let (name, response) = match rest.split_once(' ') {
                    Some((name, response)) => (name, Some(unescape(response))),
                    None => (rest, None),
                };
                client.auth(Mechanism::parse(name).unwrap(), response.as_deref())
            }
            "response" => client.auth_response(&unescape(rest)),
            "cancel" => client.auth_cancel(),
            "etrn" => client.etrn(Node::parse(rest).unwrap()),
            "atrn" if rest.is_empty() => client.atrn(None),
            "atrn" => client.atrn(Some(DomainList::parse(rest).unwrap())),
            "burl" => client.burl(Url::parse(rest).unwrap(), false),
            "burl-last" => client.burl(Url::parse(rest).unwrap(), true),
            "xclient" => {
                let mut overrides = Overrides::default();
                overrides.update(&XClient::parse(&attributes(rest)).unwrap());
                client.xclient(&overrides)
            }
            "xforward" => {
                let mut forwarded = Forwarded::default();
                forwarded.update(&XForward::parse(&attributes(rest)).unwrap());
                client.xforward(&forwarded)
            }
            "open" => {
                self.opening = Some(opening(rest));
                Ok(())
            }
            "send" => {
                self.send(rest);
                Ok(())
            }
            _ => panic!("no call {call:?}"),
        };
        self.misuse = result.err();
    }

    fn send(&mut self, call: &str) {
        let mut options = TransactionOptions::default();
        options.chunking = Chunking::Never;
        let mut content = Content::default();
        let mut paths: Vec<(String, String)> = Vec::new();
        let mut parameters = String::new();
        let (mut once, mut at_hand) = (false, false);
        let mut converter = None;
        let mut rest = call;
        while !rest.is_empty() {
            let (word, behind) = rest.split_once(' ').unwrap_or((rest, ""));
            match word {
                "bdat" => options.chunking = Chunking::Auto,
                "at-hand" => (options.chunking, at_hand) = (Chunking::Auto, true),
                "once" => once = true,
                "convert" => converter = Some(Escape::default()),
                "signed" => converter = Some(Escape { signed: true }),
                "no-downgrades" => options.refuse_downgrades = true,
                mail if mail.starts_with("mail=") => extend(&mut parameters, &mail[5..]),
                rcpt if rcpt.starts_with("rcpt=") => {
                    extend(&mut paths.last_mut().unwrap().1, &rcpt[5..]);
                }
                "all" => options.all_or_nothing = true,
                "utf8" => content.smtputf8 = true,
                "8bit" => content.body = Body::EightBitMime,
                "binary" => content.body = Body::BinaryMime,
                path if path.starts_with('<') => paths.push((String::from(path), String::new())),
                size if size.starts_with("size=") => content.size = size[5..].parse().ok(),
                _ => break,
            }
            rest = behind;
        }
        // A test may leak what it says once.
        let paths: &'static [(String, String)] = Box::leak(paths.into_boxed_slice());
        let recipient = |(path, parameters): &'static (String, String)| Recipient {
            path: ForwardPath::parse(path).unwrap(),
            parameters: list(parameters),
        };
        let recipients: Vec<Recipient<'static>> = paths[1..].iter().map(recipient).collect();
        let envelope = Envelope {
            reverse_path: ReversePath::parse(&paths[0].0).unwrap(),
            parameters: list(Box::leak(parameters.into_boxed_str())),
            recipients: Box::leak(recipients.into_boxed_slice()),
        };
        self.report();
        self.body = Some(Bytes::from(unescape(rest)));
        self.again = self.body.clone().filter(|_| !once);
        let mut transaction = Transaction::new(envelope, content, options);
        if let (true, Some(body)) = (at_hand, &self.body) {
            transaction = transaction.at_hand(Box::leak(Box::new(Surveyed::new(body.clone()))));
        }
        self.transaction = Some(match converter {
            Some(converter) => transaction.converter(Box::new(converter)),
            None => transaction,
        });
    }
}

fn attributes(text: &str) -> String {
    String::from_utf8(unescape(text)).unwrap()
}

fn opening(call: &str) -> Opening<'static> {
    let mut words = call.split(' ');
    let tls = match words.next() {
        Some("none") => TlsUse::None,
        Some("opportunistic") => TlsUse::Opportunistic,
        _ => TlsUse::Required,
    };
    let opening = Opening::new(HelloName::parse("client.example").unwrap(), tls);
    let mut login = None;
    for word in words {
        let known = login.take().unwrap_or_else(Login::new);
        login = Some(match word {
            "plain" => known.with(Plain::new("", "alice", "s3cret!").unwrap()),
            "login" => known.with(LoginMechanism::new("alice", "s3cret!").unwrap()),
            "in-clear" => known.allow_plaintext(true),
            "user" => choose(Credentials::password("user", "pencil")),
            "token" => choose(Credentials::token("alice@example.org", "ya29.token")),
            "external" => choose(Credentials::external("")),
            "external-as" => choose(Credentials::external("alice")),
            "anonymous" => choose(Credentials::anonymous("sirhc")),
            "inline" => known.long_initial_response(true),
            "hello-after" => known.hello_after(true),
            only if only.starts_with("only=") => known.only(Known::of(&only[5..])),
            "long" => known.with(Plain::new("", "alice", &"x".repeat(600)).unwrap()),
            _ => panic!("no mechanism {word}"),
        });
    }
    match login {
        Some(login) => opening.login(login),
        None => opening,
    }
}

/// What is made of credentials, with the nonce of RFC 7677 section 3.
fn choose(credentials: Result<Credentials, InvalidCredentials>) -> Login {
    Login::choose(credentials.unwrap(), Nonce::parse("rOprNGfwEbeRWgbNEkqO").unwrap())
}

fn extend(list: &mut String, parameter: &str) {
    if !list.is_empty() {
        list.push(' ');
    }
    list.push_str(parameter);
}

fn list(parameters: &str) -> Parameters<'_> {
    Parameters::parse(parameters.as_bytes(), &Syntax::INTERNET).unwrap()
}
