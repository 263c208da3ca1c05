#[cfg(feature = "sasl")]
mod exchanges;
#[cfg(feature = "sasl")]
mod rules;
#[cfg(feature = "sasl")]
mod scram;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::client::{InvalidCredentials, Mechanism as _};
use super::server::{Mechanism as _, Question, Step};
use super::{Base64, Secret, client, encode, encoded_len, server};
use crate::error::Rule;

fn encoded(octets: &[u8]) -> String {
    let mut out = Vec::new();
    encode(octets, &mut out);
    assert_eq!(out.len(), encoded_len(octets.len()));
    String::from_utf8(out).unwrap()
}

fn decoded(text: &str) -> Secret {
    let mut secret = Secret::from("what was there before");
    Base64::parse_line(text.as_bytes()).unwrap().decode_into(&mut secret);
    secret
}

#[test]
fn base64_known_answers_both_ways() {
    // RFC 4648 §10
    for (octets, text) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ] {
        assert_eq!(encoded(octets.as_bytes()), text);
        assert_eq!(decoded(text).as_slice(), octets.as_bytes());
    }
}

#[test]
fn base64_of_every_length_and_octet_comes_back() {
    let octets: Vec<u8> = (0..=255).collect();
    for length in 0..=octets.len() {
        let text = encoded(&octets[..length]);
        assert_eq!(decoded(&text).as_slice(), &octets[..length]);
        assert_eq!(Base64::parse_line(text.as_bytes()).unwrap().decoded_len(), length);
    }
}

#[test]
fn g29_base64_is_strict() {
    for (text, offset) in [
        ("", 0),
        ("=", 0),
        ("=AAA", 0),
        ("AAA=BBB", 3),
        ("QUI", 3),
        ("QR==", 1),
        ("QUJ=", 2),
        ("QQ", 2),
        ("QQ=", 3),
        ("Q===", 1),
        ("====", 0),
        ("QQ==QQ==", 2),
        ("QQ== ", 2),
        (" QQ==", 0),
        ("Q Q==", 1),
        ("QU_-", 2),
        ("QUI\r", 3),
        ("QQ==\n", 2),
        ("QUJDR", 5),
        ("QUI\u{e9}", 3),
    ] {
        let error = Base64::parse(text.as_bytes()).unwrap_err();
        assert_eq!((error.rule(), error.offset()), (Rule::Base64, offset), "{text:?}");
    }
    // Of all two octets before "==", those decode that base64 gives.
    let mut good = 0;
    for first in 0..=255u8 {
        for second in 0..=255u8 {
            good += usize::from(Base64::parse(&[first, second, b'=', b'=']).is_ok());
        }
    }
    assert_eq!(good, 256);
}

/// RFC 4422 section 3.1: a mechanism's name has 20 octets at the most.
#[test]
fn g28_names_of_mechanisms() {
    use crate::command::Mechanism;
    for (name, good) in [("A".repeat(20), true), ("A".repeat(21), false), (String::new(), false)] {
        assert_eq!(Mechanism::parse(&name).is_ok(), good, "{name}");
    }
}

#[test]
fn no_octets_have_a_form_of_their_own_in_each_place() {
    assert!(Base64::parse_initial(b"=").unwrap().is_empty());
    assert!(Base64::parse_initial(b"").is_err());
    assert!(Base64::parse_line(b"").unwrap().is_empty());
    assert!(Base64::parse_line(b"=").is_err());
    assert!(decoded("").is_empty());
    for octets in ["QQ==", "QUI=", "QUJD"] {
        assert!(!Base64::parse(octets.as_bytes()).unwrap().is_empty(), "{octets}");
    }
}

#[test]
fn c27_debug_shows_no_secret() {
    let secret = Secret::from("s3cret!");
    assert_eq!(format!("{secret:?}"), "Secret(7 octets)");
    let text = encoded(secret.as_slice());
    assert_eq!(
        format!("{:?}", Base64::parse(text.as_bytes()).unwrap()),
        "Base64(12 octets encoded)"
    );
    for shown in [
        format!("{:?}", client::Plain::new("", "alice", "s3cret!").unwrap()),
        format!("{:?}", client::Login::new("alice", "s3cret!").unwrap()),
        format!("{:?}", server::Plain::new().step(Some(b"\0alice\0s3cret!"))),
    ] {
        assert!(!shown.contains("s3cret"), "{shown}");
    }
    // Who it is stands in every log.
    let asked = server::Plain::new().step(Some(b"\0alice\0s3cret!"));
    assert!(format!("{asked:?}").contains("alice"), "{asked:?}");
}

/// Where the room is enough nothing moves, so that no copy is left anywhere.
#[test]
fn secrets_stay_where_they_have_room() {
    let mut secret = Secret::with_capacity(6);
    let place = secret.as_slice().as_ptr();
    for part in [&b"a"[..], b"", b"bcde", b"f"] {
        secret.extend_from_slice(part);
        assert_eq!(secret.as_slice().as_ptr(), place);
    }
    for text in ["QUJDREVG", "QQ==", "QUJDREVG"] {
        Base64::parse(text.as_bytes()).unwrap().decode_into(&mut secret);
        assert_eq!(secret.as_slice().as_ptr(), place, "{text}");
    }
    assert_eq!(secret.as_slice(), b"ABCDEF");
    secret.extend_from_slice(b"g");
    assert_eq!(secret.as_slice(), b"ABCDEFg");
}

#[test]
fn secrets_grow_and_compare() {
    let mut secret = Secret::new();
    let mut expected = Vec::new();
    for octet in 0..=255u8 {
        secret.extend_from_slice(&[octet, octet]);
        expected.extend_from_slice(&[octet, octet]);
    }
    assert_eq!(secret.as_slice(), expected);
    assert_eq!(secret, Secret::from(expected));
    assert_ne!(secret, Secret::from("s3cret!"));
    assert_ne!(Secret::from("s3cret"), Secret::from("s3cret!"));
    secret.clear();
    assert!(secret.is_empty());
}

#[test]
fn c28_c30_plain_known_answers() {
    for (authzid, authcid, text) in [
        ("", "alice@example.org", "AGFsaWNlQGV4YW1wbGUub3JnAHMzY3JldCE="),
        ("bob", "alice", "Ym9iAGFsaWNlAHMzY3JldCE="),
    ] {
        let mut plain = client::Plain::new(authzid, authcid, "s3cret!").unwrap();
        let response = plain.initial_response().unwrap();
        assert_eq!(encoded(response.as_slice()), text);
        // C-29: the same message answers an empty challenge when it was not sent before.
        assert!(plain.respond(b"").is_err());
        let mut plain = client::Plain::new(authzid, authcid, "s3cret!").unwrap();
        assert!(plain.respond(b"what?").is_err());
        assert_eq!(plain.respond(b"").unwrap(), response);

        let mut plain = server::Plain::new();
        assert_eq!(plain.step(None), Step::Challenge(Secret::new()));
        let Step::Ask(Question::Password(credentials)) = plain.step(Some(response.as_slice()))
        else {
            panic!("good credentials")
        };
        assert_eq!(credentials.authzid().unwrap_or_default(), authzid);
        assert_eq!(credentials.authcid(), authcid);
        let identity = server::Identity::new(authcid).acting_for(authzid);
        assert_eq!(credentials.identity(), identity);
        assert_eq!(credentials.password().as_str(), Some("s3cret!"));
    }
}

#[test]
fn c42_plain_fields() {
    let long = "x".repeat(255);
    let mut message = client::Plain::new(&long, &long, &long).unwrap();
    let message = message.initial_response().unwrap();
    assert_eq!(message.len(), 3 * 255 + 2);
    assert!(matches!(
        server::Plain::new().step(Some(message.as_slice())),
        Step::Ask(Question::Password(_))
    ));

    let nul = client::Plain::new("", "al\0ice", "s3cret!").unwrap_err();
    assert_eq!(nul, InvalidCredentials::Nul);
    assert_eq!(client::Login::new("alice", "").unwrap_err(), InvalidCredentials::Empty);

    let bad: [&[u8]; 9] = [
        b"",
        b"alice",
        b"alice\0s3cret!",
        b"\0\0s3cret!",
        b"\0alice\0",
        b"\0alice\0s3c\0ret!",
        b"\0alice\0s3cret!\0",
        b"\0al\xffice\0s3cret!",
        b"\xff\0alice\0s3cret!",
    ];
    for message in bad {
        assert_eq!(server::Plain::new().step(Some(message)), Step::Failed);
    }
}

#[test]
fn c31_login_known_answers() {
    let mut login = client::Login::new("alice@example.org", "s3cret!").unwrap();
    let mut server = server::Login::new();
    assert!(login.initial_response().is_none());

    let Step::Challenge(prompt) = server.step(None) else { panic!("asks for the user") };
    assert_eq!(encoded(prompt.as_slice()), "VXNlcm5hbWU6");
    let user = login.respond(prompt.as_slice()).unwrap();
    assert_eq!(encoded(user.as_slice()), "YWxpY2VAZXhhbXBsZS5vcmc=");

    let Step::Challenge(prompt) = server.step(Some(user.as_slice())) else {
        panic!("asks for the password")
    };
    assert_eq!(encoded(prompt.as_slice()), "UGFzc3dvcmQ6");
    let password = login.respond(prompt.as_slice()).unwrap();
    assert_eq!(encoded(password.as_slice()), "czNjcmV0IQ==");

    let Step::Ask(Question::Password(credentials)) = server.step(Some(password.as_slice())) else {
        panic!("credentials")
    };
    assert_eq!(credentials.authzid(), None);
    assert_eq!(credentials.authcid(), "alice@example.org");
    assert_eq!(credentials.password().as_slice(), b"s3cret!");
    assert!(login.respond(b"Again:").is_err());
}

#[test]
fn c31_login_takes_the_user_as_initial_response() {
    let mut server = server::Login::new();
    let Step::Challenge(prompt) = server.step(Some(b"alice")) else {
        panic!("asks for the password")
    };
    assert_eq!(prompt.as_slice(), b"Password:");
    assert!(matches!(server.step(Some(b"s3cret!")), Step::Ask(Question::Password(_))));

    assert_eq!(server::Login::new().step(Some(b"")), Step::Failed);
    assert_eq!(server::Login::new().step(Some(b"al\0ice")), Step::Failed);
}
