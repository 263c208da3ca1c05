//! What holds for every mechanism.

use alloc::{boxed::Box, format, vec::Vec};

use crate::{
    answer::Rejection,
    auth::{
        Binding, Channel, Known, Nonce, Secret,
        client::{self, Credentials, InvalidCredentials, Surroundings},
        scram::{ClientFinal, ClientFirst, ServerFinal, ServerFirst},
        server::{Answer, Mechanism, Setting, Step},
    },
};

fn channel() -> Channel {
    Channel::new().with(Binding::TlsExporter, "binding data".into())
}

/// The mechanism that the credentials give, and its first message.
fn made(credentials: &Credentials, known: Known, channel: Option<&Channel>) -> Option<Secret> {
    let mut mechanism = mechanism(credentials, known, channel)?;
    assert_eq!(mechanism.name(), known.as_str());
    assert_eq!(mechanism.plaintext(), known.is_plaintext());
    Some(mechanism.initial_response().unwrap_or_default())
}

fn mechanism(
    credentials: &Credentials,
    known: Known,
    channel: Option<&Channel>,
) -> Option<Box<dyn client::Mechanism>> {
    let nonce = Nonce::parse("nonce").unwrap();
    let around = Surroundings { nonce, channel, binding_offered: false, iterations: 1..=5000 };
    credentials.mechanism(known, around)
}

fn password() -> Credentials {
    Credentials::password("alice", "s3cret!").unwrap()
}

fn token(user: &str) -> Credentials {
    Credentials::token(user, "ya29.t").unwrap()
}

/// C-19: a mechanism is made of credentials that have all it needs, and can say all they ask for.
#[test]
fn c19_mechanisms_that_credentials_give() {
    use Known::*;
    let without_binding = [ScramSha256, ScramSha1, Plain, Login, CramMd5];
    let cases: [(Credentials, &[Known]); 10] = [
        (Credentials::default(), &[]),
        (password(), &without_binding),
        // LOGIN and CRAM-MD5 cannot say for whom the user acts.
        (password().acting_for("bob").unwrap(), &[ScramSha256, ScramSha1, Plain]),
        (token("alice"), &[OAuthBearer, XOAuth2]),
        (token(""), &[OAuthBearer]),
        // Nor can XOAUTH2.
        (token("alice").acting_for("bob").unwrap(), &[OAuthBearer]),
        (Credentials::external("").unwrap(), &[External]),
        (token("").with_external(), &[OAuthBearer, External]),
        (Credentials::anonymous("").unwrap(), &[Anonymous]),
        (Credentials::anonymous("a trace").unwrap(), &[Anonymous]),
    ];
    for (credentials, expected) in cases {
        let given: Vec<_> = Known::ALL
            .into_iter()
            .filter(|known| made(&credentials, *known, None).is_some())
            .collect();
        assert_eq!(given, expected, "{credentials:?}");
    }
    for (channel, bound) in [(Channel::new(), false), (channel(), true)] {
        for known in [ScramSha256Plus, ScramSha1Plus] {
            assert_eq!(made(&password(), known, Some(&channel)).is_some(), bound);
        }
    }
}

#[test]
fn what_they_say_first() {
    let said = |credentials: Credentials, known, channel| {
        made(&credentials, known, channel).unwrap().as_str().unwrap().replace('\x01', "^")
    };
    let bob = |credentials: Credentials| credentials.acting_for("bob").unwrap();
    let at = |credentials: Credentials| credentials.server("mx.example", 587).unwrap();
    let (none, some) = (Some(Channel::new()), Some(channel()));
    for (credentials, known, channel, message) in [
        (password(), Known::Plain, &None, "\0alice\0s3cret!"),
        (bob(password()), Known::Plain, &None, "bob\0alice\0s3cret!"),
        (password(), Known::ScramSha1, &None, "n,,n=alice,r=nonce"),
        (bob(password()), Known::ScramSha256, &None, "n,a=bob,n=alice,r=nonce"),
        (password(), Known::ScramSha256, &none, "n,,n=alice,r=nonce"),
        // C-40: it could bind, and was not offered it.
        (password(), Known::ScramSha1, &some, "y,,n=alice,r=nonce"),
        (password(), Known::ScramSha256Plus, &some, "p=tls-exporter,,n=alice,r=nonce"),
        (token(""), Known::OAuthBearer, &None, "n,,^auth=Bearer ya29.t^^"),
        (token("alice"), Known::OAuthBearer, &None, "n,a=alice,^auth=Bearer ya29.t^^"),
        (bob(token("alice")), Known::OAuthBearer, &None, "n,a=bob,^auth=Bearer ya29.t^^"),
        (
            at(token("")),
            Known::OAuthBearer,
            &None,
            "n,,^host=mx.example^port=587^auth=Bearer ya29.t^^",
        ),
        (token("alice"), Known::XOAuth2, &None, "user=alice^auth=Bearer ya29.t^^"),
        (Credentials::external("bob").unwrap(), Known::External, &None, "bob"),
        (bob(password()).with_external(), Known::External, &None, "bob"),
    ] {
        assert_eq!(said(credentials, known, channel.as_ref()), message, "{known:?}");
    }
}

#[test]
fn credentials_that_cannot_be_sent() {
    use InvalidCredentials::{Control, Empty, Nul, Prohibited, Token, Trace};
    let refused = |credentials: Result<Credentials, _>| credentials.unwrap_err();
    for (error, expected) in [
        (refused(Credentials::password("", "b")), Empty),
        (refused(Credentials::password("a", "")), Empty),
        (refused(Credentials::password("a\0", "b")), Nul),
        (refused(Credentials::password("a\u{7}", "b")), Prohibited),
        (refused(Credentials::password("a", "\u{ad}")), Prohibited),
        (refused(Credentials::token("a", "")), Token),
        (refused(Credentials::token("a\n", "t")), Control),
        (refused(Credentials::external("a\0")), Nul),
        (refused(Credentials::anonymous("a\n")), Trace),
        (refused(password().acting_for("\0")), Nul),
        (refused(password().server("mx\r\n", 25)), Control),
        (refused(password().with_token("")), Token),
        (client::XOAuth2::new("", "t").unwrap_err(), Empty),
        (client::CramMd5::new("a", "\u{7}").unwrap_err(), Prohibited),
        (client::CramMd5::new("", "b").unwrap_err(), Empty),
    ] {
        assert_eq!(error, expected);
    }
    for (user, password) in [("\u{7}", "b"), ("a", "\u{7}"), ("", "b"), ("a", "b\0")] {
        let nonce = Nonce::parse("n").unwrap();
        assert!(client::Scram::new(super::super::ScramHash::Sha1, user, password, nonce).is_err());
    }
    let scram =
        client::Scram::new(super::super::ScramHash::Sha1, "a", "b", Nonce::parse("n").unwrap());
    assert_eq!(scram.unwrap().acting_for("\0").unwrap_err(), Nul);
}

fn all_of_them() -> Vec<Box<dyn client::Mechanism>> {
    let all = password().with_token("ya29.t").unwrap().with_external();
    let anonymous = Credentials::anonymous("a trace").unwrap();
    let channel = channel();
    Known::ALL
        .into_iter()
        .map(|known| {
            let credentials = if known == Known::Anonymous { &anonymous } else { &all };
            mechanism(credentials, known, Some(&channel)).unwrap()
        })
        .collect()
}

/// RFC 4422 §3: whose first message nobody asked for says it in answer to an empty challenge, and goes on
/// with no other.
#[test]
fn the_first_message_answers_an_empty_challenge() {
    for (mut one, mut other) in all_of_them().into_iter().zip(all_of_them()) {
        let name = alloc::string::String::from(one.name());
        if ["LOGIN", "CRAM-MD5"].contains(&&*name) {
            continue;
        }
        let first = other.initial_response().unwrap();
        assert_eq!(one.respond(b"").unwrap(), first, "{name}");
    }
    for mut mechanism in all_of_them() {
        let name = alloc::string::String::from(mechanism.name());
        let goes_on = mechanism.respond(b"what is this?").is_ok();
        assert_eq!(goes_on, ["LOGIN", "CRAM-MD5"].contains(&&*name), "{name}");
    }
    let mut cram = client::CramMd5::new("a", "b").unwrap();
    let refused = client::Mechanism::respond(&mut cram, b"").unwrap_err();
    assert_eq!(refused.reason(), "an empty challenge");
    assert_eq!(format!("{refused}"), "authentication stopped: an empty challenge");
}

/// A mechanism that does not ask for proof takes 235 for granted, and one that has no place for it
/// explains nothing.
#[test]
fn proof_and_explanation() {
    for mut mechanism in all_of_them() {
        let asks_for_proof = mechanism.name().starts_with("SCRAM");
        assert_eq!(mechanism.accepted().is_err(), asks_for_proof);
        assert_eq!(mechanism.explanation(), None);
    }
}

fn server(known: Known) -> Box<dyn Mechanism> {
    let nonce = Nonce::parse("nonce").unwrap();
    let channel = channel();
    let decoy = Secret::from("decoy");
    known.server(&Setting::new(nonce, &decoy).channel(Some(&channel), true).named("mx.example"))
}

/// The server's side, at the question that the client's first messages raise.
fn asked(known: Known) -> Box<dyn Mechanism> {
    let mut server = server(known);
    let at = Known::ALL.into_iter().position(|one| one == known).unwrap();
    let mut client = all_of_them().remove(at);
    let first = client.initial_response();
    // A binding is offered, so that a client which does not know of it is meddled with.
    let first = match first {
        Some(first) if known.as_str().starts_with("SCRAM") && !known.is_bound() => {
            Some(first.as_str().unwrap().replacen("y,", "n,", 1).into())
        }
        first => first,
    };
    let mut step = server.step(first.as_ref().map(Secret::as_slice));
    while let Step::Challenge(challenge) = step {
        let response = client.respond(challenge.as_slice()).unwrap();
        step = server.step(Some(response.as_slice()));
    }
    assert!(matches!(step, Step::Ask(_)), "{known:?}: {step:?}");
    server
}

/// An answer is taken once, and only to a question.
#[test]
fn an_answer_belongs_to_a_question() {
    let refusal = || Rejection::permanent(7, 0, "not from there");
    for known in Known::ALL {
        assert_eq!(server(known).answer(Answer::Accept), Step::Failed, "{known:?}");
        let mut server = asked(known);
        assert_eq!(server.answer(Answer::Reject(refusal())), Step::Refuse(refusal()), "{known:?}");
        assert_eq!(server.answer(Answer::Accept), Step::Failed, "{known:?}");
    }
}

/// Who is asked to begin has to.
#[test]
fn a_client_that_says_nothing_is_not_asked_for_ever() {
    for known in Known::ALL {
        let mut server = server(known);
        assert!(matches!(server.step(None), Step::Challenge(_)), "{known:?}");
        if known == Known::Login {
            assert!(matches!(server.step(Some(b"alice")), Step::Challenge(_)));
        }
        assert_eq!(server.step(None), Step::Failed, "{known:?}");
    }
}

/// RFC 7628 §3.1: further pairs are passed over.
#[test]
fn c34_unknown_pairs() {
    let mut server = server(Known::OAuthBearer);
    let step = server.step(Some(b"n,,\x01auth=Bearer t\x01mthd=GET\x01\x01"));
    let Step::Ask(super::super::server::Question::Token(token)) = step else { panic!("{step:?}") };
    assert_eq!(token.token().as_str(), Some("t"));
    for message in ["n,x=a,\x01auth=Bearer t\x01\x01", "n,,\x01auth\x01\x01", "n,,\x01"] {
        let step = self::server(Known::OAuthBearer).step(Some(message.as_bytes()));
        assert!(matches!(step, Step::Challenge(_)), "{message:?}: {step:?}");
    }
    for message in ["user=a", "user=a\x01bearer t\x01\x01"] {
        let step = self::server(Known::XOAuth2).step(Some(message.as_bytes()));
        assert!(matches!(step, Step::Challenge(_)), "{message:?}: {step:?}");
    }
    for message in ["", "alice", "alice\0", "\0alice", "\0alice\0s3cret!\0", "\0\0s3cret!"] {
        assert_eq!(self::server(Known::Plain).step(Some(message.as_bytes())), Step::Failed);
    }
}

/// C-39: messages that are none.
#[test]
fn c39_malformed_messages_of_scram() {
    assert!(ClientFirst::parse(b"p=tls-unique.2-x,,n=a,r=b").is_some());
    for message in [
        &b""[..],
        b"n",
        b"n,",
        b"n,,",
        b"n,,n=a",
        b"n,,n=a,",
        b"n,,n=a,r=",
        b"n,,n=a,s=b",
        b"n,b,n=a,r=b",
        b"n,,r=b",
        b"p=a_b,,n=a,r=b",
        b"\xff",
    ] {
        assert_eq!(ClientFirst::parse(message), None, "{}", message.escape_ascii());
    }
    for message in [
        &b""[..],
        b"r=a",
        b"r=a,",
        b"r=a,i=4096",
        b"r=a,s=QQ==",
        b"r=a,s=QQ==,4096",
        b"r=,s=QQ==,i=1",
        b"r=a,s=Q,i=1",
        b"\xff",
    ] {
        assert_eq!(ServerFirst::parse(message), None, "{}", message.escape_ascii());
    }
    for message in [
        &b""[..],
        b"c=biws",
        b"c=biws,r=a",
        b"c=biws,p=QQ==",
        b"c=biws,a,p=QQ==",
        b"c=b,r=a,p=QQ==",
        b"c=biws,r=a,p=Q",
        b"c=biws,r=a,x,p=QQ==",
        b"biws,r=a,p=QQ==",
        b"\xff",
    ] {
        assert_eq!(ClientFinal::parse(message), None, "{}", message.escape_ascii());
    }
    assert_eq!(ServerFinal::parse(b"e=other-error"), Some(ServerFinal::Error));
    for message in [&b""[..], b"e=", b"v=", b"v=Q", b"v=QQ==,m=x", b"v=QQ==,", b"\xff"] {
        assert_eq!(ServerFinal::parse(message), None, "{}", message.escape_ascii());
    }
}
