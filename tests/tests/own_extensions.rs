//! A client and a server whose users have registered an extension of their own.

use std::sync::Arc;

use smtp_proto::{
    client::{self, Client, Misuse},
    command::{Command, OtherCommand},
    domain::{HelloName, Host},
    extension::{ParameterRule, Registered, VerbRule},
    parameter::Parameters,
    path::{ForwardPath, ReversePath},
    profile::Syntax,
    server::{Config, Event, Server},
    wire::{Endpoint, Step},
};
use smtp_tests::take_output;

/// EHLO `X-SHARD`, with parameters and verbs of other names.
fn shard() -> Registered {
    Registered::local("X-SHARD")
        .unwrap()
        .mail(ParameterRule::required("XSHARDID", 8).unwrap())
        .rcpt(ParameterRule::alone("XSLOT").unwrap())
        .verb(VerbRule::new("XMOVE").unwrap().outside_transaction())
}

fn client() -> Client {
    let mut config = client::Config::default();
    config.extensions.push(shard());
    Client::new(config)
}

fn parameters(text: &str) -> Parameters<'_> {
    Parameters::parse(text.as_bytes(), &Syntax::INTERNET).unwrap()
}

fn command(line: &[u8]) -> OtherCommand<'_> {
    match Command::parse(line, &Syntax::INTERNET) {
        Ok(Command::Other(other)) => other,
        other => panic!("{other:?}"),
    }
}

/// Lets the client hear this, and gives what it has said.
fn hear(client: &mut Client, octets: &str) -> String {
    assert_eq!(client.wire().receive(octets.as_bytes()), octets.len());
    let mut said = Vec::new();
    loop {
        match client.step() {
            Step::Write => said.extend(take_output(client.wire(), usize::MAX)),
            Step::Event => drop(client.event().map(|event| format!("{event:?}"))),
            _ => return String::from_utf8(said).unwrap(),
        }
    }
}

fn greeted(ehlo: &str) -> Client {
    let mut client = client();
    hear(&mut client, "220 mx.example.net\r\n");
    client.hello(HelloName::parse("c.example").unwrap()).unwrap();
    hear(&mut client, ehlo);
    client
}

#[test]
fn a_client_sends_only_what_the_server_lists() {
    let mut client = greeted("250-mx.example.net\r\n250 X-SHARD 8\r\n");
    assert_eq!(client.capabilities().unwrap().parameters("x-shard"), Some("8"));
    let too_long = parameters("XSHARDID=123456789");
    assert_eq!(client.mail(ReversePath::Null, too_long), Err(Misuse::Parameter));
    assert_eq!(client.mail(ReversePath::Null, parameters("XSHARDID")), Err(Misuse::Parameter));
    let rcpt_only = parameters("XSLOT");
    assert_eq!(client.mail(ReversePath::Null, rcpt_only), Err(Misuse::UnknownParameter));
    client.mail(ReversePath::Null, parameters("xshardid=7")).unwrap();
    assert_eq!(hear(&mut client, ""), "MAIL FROM:<> xshardid=7\r\n");
    hear(&mut client, "250 ok\r\n");
    let path = ForwardPath::parse("<b@x.example>").unwrap();
    assert_eq!(client.rcpt(path, parameters("XSLOT=1")), Err(Misuse::Parameter));
    client.rcpt(path, parameters("XSLOT")).unwrap();
    assert_eq!(hear(&mut client, "250 ok\r\n"), "RCPT TO:<b@x.example> XSLOT\r\n");
    let sent = client.extension("X-SHARD", command(b"XMOVE a"));
    assert!(matches!(sent, Err(Misuse::Sequence { .. })), "{sent:?}");
    client.reset().unwrap();
    hear(&mut client, "250 ok\r\n");
    client.extension("X-SHARD", command(b"XMOVE a")).unwrap();
    assert_eq!(hear(&mut client, ""), "XMOVE a\r\n");
}

#[test]
fn without_the_keyword_nothing_of_it_is_sent() {
    // Not even where a parameter is listed as if it were a keyword.
    let mut client = greeted("250-mx.example.net\r\n250 XSHARDID\r\n");
    let asked = client.mail(ReversePath::Null, parameters("XSHARDID=7"));
    assert_eq!(asked, Err(Misuse::UnknownParameter));
    let asked = client.extension("X-SHARD", command(b"XMOVE a"));
    assert_eq!(asked, Err(Misuse::UnknownParameter));
    assert_eq!(hear(&mut client, ""), "");
}

/// F-13, F-14: what an extension's parameters need is added to the limit of a line.
#[test]
fn a_command_line_has_room_for_what_was_registered() {
    let long =
        Registered::local("X-LONG").unwrap().mail(ParameterRule::required("X-LONG", 6000).unwrap());
    let config = Config::new(Host::parse("mx.example.net").unwrap())
        .extension(long)
        .limits(|limits| limits.command_line = 512);
    let mut server = Server::new(Arc::new(config));
    let line = format!("MAIL FROM:<a@x.example> X-LONG={}\r\n", "x".repeat(6000));
    let mut rest = [b"EHLO c.example\r\n", line.as_bytes()].concat();
    loop {
        match server.step() {
            Step::Read => {
                let taken = server.wire().receive(&rest);
                assert!(taken > 0);
                rest.drain(..taken);
            }
            Step::Write => drop(take_output(server.wire(), usize::MAX)),
            Step::Event => match server.event() {
                Some(Event::Connected(token)) => token.accept(),
                Some(Event::Hello(token)) => token.accept(),
                Some(Event::Mail(mail)) => {
                    let value = mail.parameters().all().get("x-long").unwrap().value();
                    assert_eq!(value.map(str::len), Some(6000));
                    return;
                }
                Some(Event::Fault(fault)) => panic!("{fault}"),
                _ => {}
            },
            step => panic!("{step:?}"),
        }
    }
}
