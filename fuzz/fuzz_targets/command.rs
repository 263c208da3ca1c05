//! Invariant: any line is read or refused without a panic, what is read and written again is the
//! same command on one line, and so is every command made of checked parts.
#![no_main]

use std::hash::{BuildHasher, RandomState};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use smtp_proto::{
    auth::Base64,
    command::{
        Auth, Command, InitialResponse, Line, Mail, Mechanism, OtherCommand, Query, Rcpt, Text,
        Verb, XClient, XForward,
    },
    domain::Host,
    parameter::{
        Body, MailParameters, Notify, Parameter, ParameterList, Parameters, RcptParameters, Ret,
    },
    path::{ForwardPath, Mailbox, MailboxBuf, ReversePath},
    profile::{HelloSyntax, Syntax},
    upstream::{Forwarded, Overrides},
    xtext::{self, Xtext},
};

#[derive(Debug, Arbitrary)]
enum Input<'i> {
    /// A line of a peer's.
    Line(Profile, &'i [u8]),
    /// A command of a caller's.
    Made(Made<'i>),
}

#[derive(Debug, Clone, Copy, Arbitrary)]
struct Profile(u8);

#[derive(Debug, Arbitrary)]
enum Made<'i> {
    Noop(&'i str),
    Vrfy(&'i str, bool),
    Other(&'i str, Option<&'i str>),
    Auth(&'i str, &'i [u8]),
    Mail { name: &'i str, host: &'i str, setters: Vec<Setter<'i>> },
    Rcpt { name: &'i str, host: &'i str, setters: Vec<Setter<'i>> },
}

#[derive(Debug, Arbitrary)]
enum Setter<'i> {
    Size(u64),
    Body(u8),
    SmtpUtf8,
    Ret(bool),
    Envid(&'i [u8]),
    Auth(bool),
    Notify(u8),
    Orcpt(&'i str, &'i str),
    Push(&'i str, Option<&'i str>),
    Remove(&'i str),
}

impl Profile {
    fn syntax(self) -> Syntax {
        let base = match self.0 % 3 {
            0 => Syntax::STRICT,
            1 => Syntax::INTERNET,
            _ => Syntax::LENIENT,
        };
        let hello = match (self.0 >> 2) % 4 {
            0 => HelloSyntax::Strict,
            1 => HelloSyntax::Underscore,
            2 => HelloSyntax::Any,
            _ => base.hello,
        };
        Syntax { hello, ..base }.with_utf8(self.0 & 128 != 0)
    }
}

fn write(command: &Command<'_>) -> Vec<u8> {
    let mut written = Vec::new();
    command.write(&mut written);
    let line = written.strip_suffix(b"\r\n").expect("a line ends with CRLF");
    assert!(!line.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)), "{command:?}");
    written
}

/// Writes a command, reads it, and gets the same command, which is written the same way.
fn round(command: &Command<'_>, syntax: &Syntax) {
    let written = write(command);
    let line = &written[..written.len() - 2];
    match Command::parse(line, syntax) {
        Ok(again) => {
            assert_eq!(again, *command);
            assert_eq!(again.verb(), command.verb());
            assert_eq!(write(&again), written);
        }
        Err(error) => panic!("{error:?}: {:?}", line.escape_ascii().to_string()),
    }
}

fn mailbox(mailbox: Mailbox<'_>) {
    let _ = (mailbox.local_part().unquoted().count(), mailbox.local_part().is_postmaster());
    let host = mailbox.host();
    let _ = format!("{host} {host:?}");
    // Equal mailboxes have equal hashes, however they are spelled.
    let name: String = mailbox.local_part().unquoted().collect();
    if let Ok(spelled) = MailboxBuf::new(&name, host) {
        assert_eq!(spelled.as_mailbox(), mailbox);
        let hashes = RandomState::new();
        assert_eq!(hashes.hash_one(spelled.as_mailbox()), hashes.hash_one(mailbox));
    }
}

fn look_at(command: &Command<'_>) {
    let _ = format!("{command:?}");
    match command {
        Command::Mail(mail) => {
            if let Some(sender) = mail.reverse_path.mailbox() {
                mailbox(sender);
            }
            if let Ok(typed) = MailParameters::parse(mail.parameters) {
                let _ = format!("{typed:?}");
                let _ = (
                    typed.size(),
                    typed.body(),
                    typed.smtputf8(),
                    typed.ret(),
                    typed.require_tls(),
                );
                let _ =
                    (typed.by(), typed.hold(), typed.mt_priority(), typed.mtrk(), typed.transid());
                let _ = typed.solicit().map(|solicit| solicit.keywords().count());
                let _ = typed.auth().map(|auth| auth.as_str());
                if let Some(envid) = typed.envid() {
                    let octets = envid.decode();
                    let encoded = xtext::encode(&octets);
                    assert_eq!(Xtext::parse(&encoded).map(|again| again.decode()), Ok(octets));
                }
                assert!(typed.others().count() <= typed.all().iter().count());
            }
        }
        Command::Rcpt(rcpt) => {
            if let Some(recipient) = rcpt.forward_path.mailbox() {
                mailbox(recipient);
            }
            if let Ok(typed) = RcptParameters::parse(rcpt.parameters) {
                let _ = format!("{typed:?}");
                let _ = (typed.notify(), typed.rrvs());
                let _ = typed.orcpt().map(|orcpt| (orcpt.addr_type().len(), orcpt.address().len()));
                assert!(typed.others().count() <= typed.all().iter().count());
            }
        }
        // What was told can be told again, in lines that are read as the same.
        Command::XClient(command) => {
            let mut overrides = Overrides::default();
            overrides.update(command);
            let text = overrides.to_string();
            let again = XClient::parse(&text).expect("what is told can be told");
            let told: Vec<_> = command.iter().collect();
            assert_eq!(again.iter().collect::<Vec<_>>(), told);
            let _ = (overrides.address(), overrides.port(), overrides.login());
        }
        Command::XForward(command) => {
            let mut forwarded = Forwarded::default();
            forwarded.update(command);
            let text = forwarded.to_string();
            let again = XForward::parse(&text).expect("what is told can be told");
            let told: Vec<_> = command.iter().collect();
            assert_eq!(again.iter().collect::<Vec<_>>(), told);
            let _ = (forwarded.ip_address(), forwarded.port(), forwarded.is_local());
        }
        Command::Burl(burl) => {
            let _ = (burl.url.scheme(), burl.url.authority(), burl.url.is_for(Some("user")));
        }
        Command::Atrn(Some(domains)) => assert!(domains.iter().count() > 0),
        _ => {}
    }
}

fn list(setters: &[Setter<'_>], submitter: Mailbox<'_>) -> ParameterList {
    let mut list = ParameterList::new();
    for setter in setters.iter().take(80) {
        match *setter {
            Setter::Size(octets) => drop(list.size(octets)),
            Setter::Body(0) => drop(list.body(Body::SevenBit)),
            Setter::Body(1) => drop(list.body(Body::EightBitMime)),
            Setter::Body(_) => drop(list.body(Body::BinaryMime)),
            Setter::SmtpUtf8 => drop(list.smtputf8()),
            Setter::Ret(full) => drop(list.ret(if full { Ret::Full } else { Ret::Hdrs })),
            Setter::Envid(octets) => drop(list.envid(octets)),
            Setter::Auth(known) => drop(list.auth(known.then_some(submitter))),
            Setter::Notify(0) => drop(list.notify(Notify::NEVER)),
            Setter::Notify(1) => drop(list.notify(Notify::SUCCESS)),
            Setter::Notify(_) => drop(list.notify(Notify::FAILURE.and(Notify::DELAY))),
            Setter::Orcpt(addr_type, address) => drop(list.orcpt(addr_type, address)),
            Setter::Push(keyword, value) => {
                if let Ok(parameter) = Parameter::new(keyword, value) {
                    drop(list.push(parameter));
                }
            }
            Setter::Remove(keyword) => drop(list.remove(keyword)),
        }
    }
    list
}

fn made(made: &Made<'_>) {
    let syntax = Syntax { underscore_domain: true, ..Syntax::INTERNET };
    match *made {
        Made::Noop(text) => {
            if let Ok(text) = Text::new(text) {
                round(&Command::Noop(Some(text)), &syntax);
                round(&Command::Help(Some(text)), &syntax);
            }
        }
        Made::Vrfy(text, smtputf8) => {
            if let Ok(text) = Text::new(text) {
                round(&Command::Vrfy(Query::new(text, smtputf8)), &syntax);
                round(&Command::Expn(Query::new(text, smtputf8)), &syntax);
            }
        }
        Made::Other(verb, text) => {
            let text = text.and_then(|text| Text::new(text).ok());
            if let Ok(other) = OtherCommand::new(verb, text) {
                round(&Command::Other(other), &syntax);
            }
        }
        Made::Auth(mechanism, response) => {
            let Ok(mechanism) = Mechanism::parse(mechanism) else {
                return;
            };
            let mut encoded = Vec::new();
            smtp_proto::auth::encode(response, &mut encoded);
            let base64 = Base64::parse_line(&encoded).expect("what is encoded is base64");
            for initial_response in [None, Some(InitialResponse::from(base64))] {
                round(&Command::Auth(Auth { mechanism, initial_response }), &syntax);
            }
        }
        Made::Mail { name, host, ref setters } | Made::Rcpt { name, host, ref setters } => {
            let Ok(host) = Host::parse(host) else { return };
            let Ok(mailbox) = MailboxBuf::new(name, host) else {
                return;
            };
            let mailbox = mailbox.as_mailbox();
            let unquoted: String = mailbox.local_part().unquoted().collect();
            assert_eq!(unquoted, name);
            let list = list(setters, mailbox);
            let parameters = list.as_parameters();
            let again = Parameters::parse(parameters.as_str().as_bytes(), &syntax);
            assert_eq!(again, Ok(parameters));
            let command = match made {
                Made::Mail { .. } => {
                    Command::Mail(Mail { reverse_path: ReversePath::Mailbox(mailbox), parameters })
                }
                _ => {
                    Command::Rcpt(Rcpt { forward_path: ForwardPath::Mailbox(mailbox), parameters })
                }
            };
            round(&command, &syntax);
            look_at(&command);
        }
    }
}

fuzz_target!(|input: Input<'_>| {
    let (profile, line) = match input {
        Input::Line(profile, line) => (profile, line),
        Input::Made(what) => return made(&what),
    };
    let syntax = profile.syntax();
    let _ = Verb::of(line);
    match Command::parse(line, &syntax) {
        Ok(command) => {
            assert!(!line.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)));
            let checked = Line::check(line, &syntax).expect("a command is a line");
            assert_eq!(checked.verb(), command.verb());
            look_at(&command);
            round(&command, &syntax);
            // What is written is always the grammar to the letter in its blanks and brackets.
            round(&command, &Syntax { relaxed: false, ..syntax });
        }
        Err(error) => {
            assert!(error.offset() <= line.len(), "{error:?}");
            assert!(!error.rejection().severity().is_positive());
        }
    }
});
