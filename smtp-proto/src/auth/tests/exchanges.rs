use alloc::{boxed::Box, format, string::String, vec::Vec};

use super::{decoded, encoded};
use crate::auth::{
    Channel, Known, Nonce, Prohibited, ScramHash, Secret, Verifier,
    client::{self, Credentials, InvalidCredentials, Mechanism as _, Surroundings},
    saslprep,
    server::{Answer, Identity, Mechanism, Question, Setting, Step},
    server_end_point,
};

const CHALLENGE: &str = "<7713.1700000000@mx.example.net>";

fn server(known: Known) -> Box<dyn Mechanism> {
    let nonce = Nonce::parse("7713.1700000000").unwrap();
    known.server(&Setting::new(nonce, &"decoy".into()).named("mx.example.net"))
}

fn ask(step: Step) -> Question {
    match step {
        Step::Ask(question) => question,
        step => panic!("{step:?}"),
    }
}

fn challenge(step: Step) -> Secret {
    match step {
        Step::Challenge(challenge) => challenge,
        step => panic!("{step:?}"),
    }
}

#[test]
fn c32_cram_md5_known_answers() {
    // The first one is that of RFC 2195 §2.
    let mut tim = client::CramMd5::new("tim", "tanstaaftanstaaf").unwrap();
    let response = tim.respond(b"<1896.697170952@postoffice.reston.mci.net>").unwrap();
    assert_eq!(response.as_str(), Some("tim b913a602c7eda7a495b4e6e7334d3890"));
    assert!(tim.respond(b"again").is_err());

    let mut alice = client::CramMd5::new("alice@example.org", "s3cret!").unwrap();
    assert!(alice.initial_response().is_none());
    let mut server = server(Known::CramMd5);
    let sent = challenge(server.step(None));
    assert_eq!(sent.as_str(), Some(CHALLENGE));
    let response = alice.respond(sent.as_slice()).unwrap();
    let expected = "YWxpY2VAZXhhbXBsZS5vcmcgMWNhZjJmZWViOWVjZTJhZDEwNTNiZDE3YzkwYjhmOWQ=";
    assert_eq!(encoded(response.as_slice()), expected);
    let question = ask(server.step(Some(response.as_slice())));
    assert_eq!(question, Question::Secret(Identity::new("alice@example.org")));
    let accepted = server.answer(Answer::Secret("s3cret!".into()));
    assert_eq!(accepted, Step::Accept(Identity::new("alice@example.org")));
}

#[test]
fn c32_cram_md5_failures() {
    let answers = [Answer::Secret("wrong".into()), Answer::Deny, Answer::Accept];
    let digest = "1caf2feeb9ece2ad1053bd17c90b8f9d";
    for answer in answers {
        let mut server = server(Known::CramMd5);
        challenge(server.step(None));
        ask(server.step(Some(format!("alice@example.org {digest}").as_bytes())));
        assert_eq!(server.answer(answer), Step::Failed);
        assert_eq!(server.answer(Answer::Secret("s3cret!".into())), Step::Failed);
    }
    let upper = digest.to_ascii_uppercase();
    for response in [format!("alice {upper}"), format!("alice {digest}0"), "alice x".into()] {
        let mut server = server(Known::CramMd5);
        challenge(server.step(None));
        ask(server.step(Some(response.as_bytes())));
        assert_eq!(server.answer(Answer::Secret("s3cret!".into())), Step::Failed, "{response}");
    }
    for response in ["", "alice", " x", "al\0ice x"] {
        let mut server = server(Known::CramMd5);
        challenge(server.step(None));
        assert_eq!(server.step(Some(response.as_bytes())), Step::Failed, "{response}");
    }
    // The core does not let an initial response through; nor does the mechanism.
    assert_eq!(server(Known::CramMd5).step(Some(b"alice x")), Step::Failed);
}

const OLD: &str = "dXNlcj1hbGljZUBleGFtcGxlLm9yZwFhdXRoPUJlYXJlciB5YTI5LnRva2VuAQE=";
const BEARER: &str = "bixhPWFsaWNlQGV4YW1wbGUub3JnLAFob3N0PW14LmV4YW1wbGUubmV0AXBvcnQ9NTg3\
                      AWF1dGg9QmVhcmVyIHlhMjkudG9rZW4BAQ==";

#[test]
fn c33_c34_tokens_known_answers() {
    let (user, token) = ("alice@example.org", "ya29.token");
    let old = client::XOAuth2::new(user, token).unwrap();
    let bearer = client::OAuthBearer::new(user, token, Some(("mx.example.net", 587))).unwrap();
    type Side<'a> = (Box<dyn client::Mechanism>, Known, &'a str, &'a [u8]);
    let both: [Side<'_>; 2] = [
        (Box::new(old), Known::XOAuth2, OLD, b""),
        (Box::new(bearer), Known::OAuthBearer, BEARER, b"\x01"),
    ];
    for (mut client, known, expected, acknowledgement) in both {
        assert!(client.plaintext());
        let message = client.initial_response().unwrap();
        assert_eq!(encoded(message.as_slice()), expected);
        let mut server = server(known);
        let Question::Token(asked) = ask(server.step(Some(message.as_slice()))) else {
            panic!("asks about the token")
        };
        assert_eq!((asked.user(), asked.token().as_str()), (Some(user), Some(token)));
        if known == Known::OAuthBearer {
            assert_eq!((asked.host(), asked.port()), (Some("mx.example.net"), Some(587)));
        }
        assert!(!format!("{asked:?} {client:?}").contains("ya29"));
        let why = br#"{"status":"invalid_token","scope":"mail"}"#;
        let sent = challenge(server.answer(Answer::DenyToken(why.to_vec())));
        let response = client.respond(sent.as_slice()).unwrap();
        assert_eq!(response.as_slice(), acknowledgement);
        assert!(client.respond(b"{}").is_err());
        assert_eq!(client.explanation().as_deref(), Some(&why[..]));
        assert_eq!(server.step(Some(response.as_slice())), Step::Failed);

        let mut server = self::server(known);
        assert!(challenge(server.step(None)).is_empty());
        ask(server.step(Some(message.as_slice())));
        let identity = Identity::new("alice");
        assert_eq!(server.answer(Answer::AcceptAs(identity.clone())), Step::Accept(identity));

        let mut server = self::server(known);
        ask(server.step(Some(message.as_slice())));
        assert_eq!(server.answer(Answer::Accept), Step::Accept(Identity::new(user)));

        let mut server = self::server(known);
        ask(server.step(Some(message.as_slice())));
        assert!(
            challenge(server.answer(Answer::Deny)).as_str().unwrap().starts_with("{\"status\"")
        );
        assert_eq!(server.answer(Answer::Accept), Step::Failed);
    }
}

#[test]
fn c34_the_token_may_say_who_it_is() {
    let mut client = client::OAuthBearer::new("", "t", None).unwrap();
    let message = client.initial_response().unwrap();
    assert_eq!(message.as_slice(), b"n,,\x01auth=Bearer t\x01\x01");
    let mut server = server(Known::OAuthBearer);
    let Question::Token(asked) = ask(server.step(Some(message.as_slice()))) else {
        panic!("asks about the token")
    };
    assert_eq!(asked.user(), None);
    // Nobody has said who it is.
    assert_eq!(server.answer(Answer::Accept), Step::Failed);
}

/// RFC 7628 §4.3: a client that does not know the scope asks for it with an empty header.
#[test]
fn c34_a_client_can_ask_for_the_scope() {
    let query =
        "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9AQE=";
    let query = decoded(query);
    let asked = || {
        let mut server = server(Known::OAuthBearer);
        let question = ask(server.step(Some(query.as_slice())));
        (server, question)
    };
    let (mut server, Question::Token(token)) = asked() else { panic!("asks about the token") };
    assert!(token.token().is_empty());
    assert_eq!(token.user(), Some("user@example.com"));
    assert_eq!((token.host(), token.port()), (Some("server.example.com"), Some(143)));
    let scope = br#"{"status":"invalid_token","scope":"example_scope"}"#;
    assert_eq!(challenge(server.answer(Answer::DenyToken(scope.to_vec()))).as_slice(), scope);
    assert_eq!(server.step(Some(b"\x01")), Step::Failed);

    // Nobody gets in so, whatever the application says.
    for answer in [Answer::Deny, Answer::Accept, Answer::AcceptAs(Identity::new("alice"))] {
        let (mut server, _) = asked();
        let said = challenge(server.answer(answer));
        assert_eq!(said.as_str(), Some("{\"status\":\"invalid_token\"}"));
        assert_eq!(server.step(Some(b"\x01")), Step::Failed);
    }
}

/// RFC 7628 §3: the client is told what is wrong, answers, and is refused.
fn refused(known: Known, message: &str, why: &str) {
    let mut server = server(known);
    assert_eq!(server.step(Some(message.as_bytes())), Step::Challenge(why.into()), "{message:?}");
    assert_eq!(server.answer(Answer::Accept), Step::Failed);
    assert_eq!(server.step(Some(b"\x01")), Step::Failed);
}

#[test]
fn c33_c34_malformed_messages_fail() {
    for message in [
        "",
        "n,,",
        "n,,\x01\x01",
        "n,,\x01auth=Bearer t\x01",
        "n,,\x01auth=Basic t\x01\x01",
        "n,,\x01auth=Bearer \x01\x01",
        "n,,\x01auth=Bearer a b\x01\x01",
        "n,,\x01auth=t\x01\x01",
        "n,,\x01host=h\x01\x01",
        "n,,\x01port=70000\x01auth=Bearer t\x01\x01",
        "n,,\x01port=+587\x01auth=Bearer t\x01\x01",
        "n,,\x01port=0587\x01auth=Bearer t\x01\x01",
        "n,,\x01port=0\x01auth=Bearer t\x01\x01",
        "n,,\x01port=\x01auth=Bearer t\x01\x01",
        "n,a=,\x01auth=Bearer t\x01\x01",
        "n,a=a=b,\x01auth=Bearer t\x01\x01",
        "p=tls-exporter,,\x01auth=Bearer t\x01\x01",
        "n,\x01auth=Bearer t\x01\x01",
    ] {
        refused(Known::OAuthBearer, message, "{\"status\":\"invalid_request\"}");
    }
    for message in [
        "",
        "user=\x01auth=Bearer t\x01\x01",
        "user=a\x01auth=Bearer t\x01",
        "user=a\x01auth=Bearer \x01\x01",
        "user=a\x01auth=t\x01\x01",
        "user=a\x01auth=\x01\x01",
        "auth=Bearer t\x01\x01",
    ] {
        refused(Known::XOAuth2, message, "{\"status\":\"400\",\"schemes\":\"bearer\"}");
    }
    for token in ["", "a b", "a\x01b", "t\u{e9}"] {
        assert_eq!(client::XOAuth2::new("a", token).unwrap_err(), InvalidCredentials::Token);
    }
    let control = client::OAuthBearer::new("a\x01auth=Bearer x", "t", None).unwrap_err();
    assert_eq!(control, InvalidCredentials::Control);
    assert!(client::OAuthBearer::new("a", "t", Some(("h\x01x", 1))).is_err());
}

#[test]
fn c35_external() {
    let mut client = client::External::new("alice@example.org").unwrap();
    let response = client.initial_response().unwrap();
    assert_eq!(encoded(response.as_slice()), "YWxpY2VAZXhhbXBsZS5vcmc=");
    assert!(client.respond(b"").is_err());
    let mut server = server(Known::External);
    let asked = ask(server.step(Some(response.as_slice())));
    assert_eq!(asked, Question::External(Some("alice@example.org".into())));
    let accepted = server.answer(Answer::Accept);
    assert_eq!(accepted, Step::Accept(Identity::new("alice@example.org")));

    let mut nobody = client::External::new("").unwrap();
    assert!(nobody.initial_response().unwrap().is_empty());
    for (answer, step) in [
        (Answer::Accept, Step::Failed),
        (Answer::Deny, Step::Failed),
        (Answer::AcceptAs(Identity::new("bob")), Step::Accept(Identity::new("bob"))),
    ] {
        let mut server = self::server(Known::External);
        assert!(challenge(server.step(None)).is_empty());
        assert_eq!(ask(server.step(Some(b""))), Question::External(None));
        assert_eq!(server.answer(answer), step);
    }
    assert_eq!(self::server(Known::External).step(Some(b"a\0b")), Step::Failed);
    assert_eq!(self::server(Known::External).step(Some(b"\xff")), Step::Failed);
    assert!(client::External::new("a\0b").is_err());
}

#[test]
fn c36_anonymous() {
    let mut client = client::Anonymous::new("trace@example.org").unwrap();
    let response = client.initial_response().unwrap();
    assert_eq!(encoded(response.as_slice()), "dHJhY2VAZXhhbXBsZS5vcmc=");
    let mut server = server(Known::Anonymous);
    let asked = ask(server.step(Some(response.as_slice())));
    assert_eq!(asked, Question::Anonymous("trace@example.org".into()));
    assert_eq!(server.answer(Answer::Accept), Step::Accept(Identity::new("anonymous")));
    let long = "x".repeat(256);
    for trace in ["a\nb", "\0", long.as_str()] {
        assert_eq!(client::Anonymous::new(trace).unwrap_err(), InvalidCredentials::Trace);
        assert_eq!(self::server(Known::Anonymous).step(Some(trace.as_bytes())), Step::Failed);
    }
}

/// RFC 4013 §3, and what tells the characters of one class from those of another.
#[test]
fn c42_saslprep() {
    for (from, to) in [
        ("user", "user"),
        ("USER", "USER"),
        ("I\u{ad}X", "IX"),
        ("\u{aa}", "a"),
        ("\u{2168}", "IX"),
        ("a\u{a0}b", "a b"),
        ("a\u{3000}b", "a b"),
        ("a\u{1680}b", "a b"),
        ("pa\u{200b}ss", "pass"),
        ("e\u{301}", "\u{e9}"),
        ("\u{627}31\u{628}", "\u{627}31\u{628}"),
        ("\u{1f511}", "\u{1f511}"),
    ] {
        assert_eq!(saslprep(from).unwrap().as_str(), Some(to), "{from:?}");
    }
    for bad in [
        "",
        "\u{ad}",
        "\u{7}",
        "a\u{7f}",
        "\u{80}",
        "\u{627}31",
        "\u{627}a\u{628}",
        "a\u{e000}",
        "a\u{f0000}",
        "a\u{10fffd}",
        "\u{fdd0}",
        "\u{fffe}",
        "\u{10ffff}",
        "a\u{200e}",
        "\u{2ff0}",
        "\u{fffd}",
        "\u{e0041}",
        "\u{2028}",
    ] {
        assert_eq!(saslprep(bad), Err(Prohibited), "{bad:?}");
    }
}

#[test]
fn c42_both_sides_prepare() {
    let odd = "pa\u{ad}ss\u{2168}";
    let credentials = Credentials::password("us\u{ad}er", odd).unwrap();
    let around = || Surroundings {
        nonce: Nonce::parse("n").unwrap(),
        channel: None,
        binding_offered: false,
        iterations: 4096..=4096,
    };
    let mut plain = credentials.mechanism(Known::Plain, around()).unwrap();
    assert_eq!(plain.initial_response().unwrap().as_slice(), b"\0user\0passIX");
    let message = format!("\0us\u{ad}er\0{odd}");
    let Question::Password(asked) = ask(server(Known::Plain).step(Some(message.as_bytes()))) else {
        panic!("asks about the password")
    };
    assert_eq!((asked.authcid(), asked.password().as_str()), ("user", Some("passIX")));
    let mut login = server(Known::Login);
    challenge(login.step(Some("us\u{ad}er".as_bytes())));
    let Question::Password(asked) = ask(login.step(Some(odd.as_bytes()))) else {
        panic!("asks about the password")
    };
    assert_eq!((asked.authcid(), asked.password().as_str()), ("user", Some("passIX")));
    let same = |password| Verifier::from_password(ScramHash::Sha1, password, b"salt", 4096);
    assert_eq!(same(odd), same("passIX"));
    assert_eq!(Credentials::password("a", "\u{7}").unwrap_err(), InvalidCredentials::Prohibited);
    let message = b"\0alice\0\x07";
    assert_eq!(server(Known::Plain).step(Some(message)), Step::Failed);
}

/// RFC 4954 §4: whom somebody acts for is prepared like who it is, and if nothing is left of it the
/// exchange fails.
#[test]
fn c42_whom_somebody_acts_for_is_prepared() {
    let mechanisms = [
        (Known::Plain, "\u{2168}\0\u{2168}\0pw", "\u{ad}\0IX\0pw", "\0IX\0pw"),
        (Known::ScramSha256, "n,a=\u{2168},n=\u{2168},r=c", "n,a=\u{ad},n=IX,r=c", "n,,n=IX,r=c"),
        (Known::External, "\u{2168}", "\u{ad}", ""),
        (
            Known::OAuthBearer,
            "n,a=\u{2168},\x01auth=Bearer t\x01\x01",
            "n,a=\u{ad},\x01auth=Bearer t\x01\x01",
            "n,,\x01auth=Bearer t\x01\x01",
        ),
    ];
    let asked = |known, message: &str| match server(known).step(Some(message.as_bytes())) {
        Step::Ask(Question::Password(credentials)) => Some(credentials.authzid().map(String::from)),
        Step::Ask(Question::Verifier { identity, .. }) => {
            Some(identity.authzid().map(String::from))
        }
        Step::Ask(Question::External(named)) => Some(named),
        Step::Ask(Question::Token(token)) => Some(token.user().map(String::from)),
        _ => None,
    };
    for (known, named, nothing_left, nobody) in mechanisms {
        assert_eq!(asked(known, named), Some(Some("IX".into())), "{known:?}");
        assert_eq!(asked(known, nothing_left), None, "{known:?}");
        assert_eq!(asked(known, nobody), Some(None), "{known:?}");
    }
    // Where there is one name only, it is prepared.
    let user = "user=\u{2168}\x01auth=Bearer t\x01\x01";
    assert_eq!(asked(Known::XOAuth2, user), Some(Some("IX".into())));
    let mut cram = server(Known::CramMd5);
    challenge(cram.step(None));
    let question = ask(cram.step(Some("\u{2168} 0".as_bytes())));
    assert_eq!(question, Question::Secret(Identity::new("IX")));
    let mut cram = server(Known::CramMd5);
    challenge(cram.step(None));
    assert_eq!(cram.step(Some("\u{ad} 0".as_bytes())), Step::Failed);

    let all = Credentials::password("alice", "pw").unwrap().with_token("t").unwrap();
    let all = all.with_external().acting_for("\u{2168}").unwrap();
    let around = || Surroundings {
        nonce: Nonce::parse("c").unwrap(),
        channel: None,
        binding_offered: false,
        iterations: 4096..=4096,
    };
    for (known, said) in [
        (Known::Plain, "IX\0alice\0pw"),
        (Known::ScramSha256, "n,a=IX,n=alice,r=c"),
        (Known::External, "IX"),
        (Known::OAuthBearer, "n,a=IX,\x01auth=Bearer t\x01\x01"),
    ] {
        let mut mechanism = all.mechanism(known, around()).unwrap();
        assert_eq!(mechanism.initial_response().unwrap().as_str(), Some(said));
    }
    let token = Credentials::token("\u{2168}", "t").unwrap();
    let mut old = token.mechanism(Known::XOAuth2, around()).unwrap();
    let said = old.initial_response().unwrap();
    assert_eq!(said.as_str(), Some("user=IX\x01auth=Bearer t\x01\x01"));
    let external = |name| Credentials::external(name).map(drop);
    assert_eq!(external("\u{ad}"), Err(InvalidCredentials::Prohibited));
    assert_eq!(Credentials::token("\u{ad}", "t").unwrap_err(), InvalidCredentials::Prohibited);
    let scram = client::Scram::new(ScramHash::Sha1, "a", "b", Nonce::parse("c").unwrap()).unwrap();
    assert_eq!(scram.acting_for("\u{ad}").unwrap_err(), InvalidCredentials::Prohibited);
}

#[test]
fn c27_credentials_are_masked() {
    let credentials =
        Credentials::password("alice", "s3cret!").unwrap().with_token("ya29").unwrap();
    let shown = format!("{credentials:?}");
    assert!(shown.contains("alice") && !shown.contains("s3cret") && !shown.contains("ya29"));
}

#[test]
fn names_and_nonces() {
    for known in Known::ALL {
        assert_eq!(Known::of(&known.as_str().to_ascii_lowercase()), Some(known));
        assert_eq!(server(known).name(), known.as_str());
        assert_eq!(server(known).plaintext(), known.is_plaintext());
    }
    assert_eq!(Known::of("DIGEST-MD5"), None);
    for bad in ["", "a,b", "a b", "a\u{e9}", "\x7f"] {
        assert!(Nonce::parse(bad).is_err(), "{bad:?}");
    }
    assert!(Nonce::parse(&"n".repeat(256)).is_ok() && Nonce::parse(&"n".repeat(257)).is_err());
    assert_eq!(Nonce::from_random(&[0xff; 24]).as_str(), "/".repeat(32));
    assert!(decoded("").is_empty());
}

/// Of octets that are no certificate nothing is made; of a certificate the hash its signature names.
#[test]
fn c40_the_end_point_is_a_hash_of_the_certificate() {
    let certificate = |oid: &[u8]| {
        let mut algorithm: Vec<u8> = [&[0x06, u8::try_from(oid.len()).unwrap()], oid].concat();
        algorithm = [&[0x30, u8::try_from(algorithm.len()).unwrap()], &algorithm[..]].concat();
        // A body with a length of two octets.
        let body = [&[0x30, 0x82, 0x01, 0x00][..], &[0x55; 256]].concat();
        let whole = [body, algorithm, [0x03, 0x01, 0x00].into()].concat();
        [&[0x30, 0x82], &u16::try_from(whole.len()).unwrap().to_be_bytes()[..], &whole].concat()
    };
    let rsa = |last| [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last];
    let hashes = [(0x05, 32), (0x0b, 32), (0x0c, 48), (0x0d, 64)];
    for (last, octets) in hashes {
        let certificate = certificate(&rsa(last));
        let data = server_end_point(&certificate).unwrap();
        assert_eq!(data.len(), octets);
        if octets == 32 {
            assert_eq!(data, ScramHash::Sha256.hash(&certificate));
        }
        for end in 0..280 {
            assert_eq!(server_end_point(&certificate[..end]), None);
        }
    }
    // The tags of the certificate, of its body, of the algorithm and of its identifier.
    for place in [0, 4, 264, 266] {
        let mut certificate = certificate(&rsa(0x0b));
        certificate[place] ^= 1;
        assert_eq!(server_end_point(&certificate), None, "{place}");
    }
    assert_eq!(server_end_point(&certificate(&rsa(0x0a))), None);
    assert_eq!(server_end_point(&certificate(&[0x2b, 0x65, 0x70])), None);
    assert_eq!(server_end_point(b"\x30\x84\xff\xff\xff\xff"), None);
    // BER may leave a length open; DER may not.
    let mut open = [&b"\x30\x80\x30\x02\x05\x00\x30\x0b\x06\x09"[..], &rsa(0x0b)].concat();
    open.resize(2 + 128, 0);
    assert_eq!(server_end_point(&open), None);
    assert_eq!(Channel::new().best(), None);
}
