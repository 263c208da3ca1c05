use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use crate::auth::{
    Binding, Channel, InvalidVerifier, Nonce, ScramHash, Secret, Verifier,
    client::{self, Mechanism as _, Refused},
    server::{Answer, Mechanism, Question, Scram, Setting, Step},
};

const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";

fn decoded(text: &str) -> Vec<u8> {
    super::decoded(text).as_slice().to_owned()
}

fn text(secret: &Secret) -> &str {
    secret.as_str().unwrap()
}

fn nonce(text: &str) -> Nonce {
    Nonce::parse(text).unwrap()
}

fn channel() -> Channel {
    let data: Vec<u8> = (0..32).collect();
    Channel::new().with(Binding::TlsExporter, data.into())
}

fn scram(user: &str, password: &str) -> client::Scram {
    client::Scram::new(ScramHash::Sha256, user, password, nonce("client")).unwrap()
}

/// A server's side, and the verifier it is answered with.
struct Server {
    mechanism: Scram,
    answer: Answer,
}

impl Server {
    fn new(bound: bool, channel: &Channel, offers_bound: bool) -> Self {
        let decoy = Secret::from("decoy");
        let setting = Setting::new(nonce("server"), &decoy).channel(Some(channel), offers_bound);
        let mechanism = Scram::new(ScramHash::Sha256, bound, &setting);
        let verifier = Verifier::from_password(ScramHash::Sha256, "s3cret!", b"salt", 4096);
        Self { mechanism, answer: Answer::Verifier(verifier.unwrap()) }
    }

    fn step(&mut self, response: &[u8]) -> Step {
        match self.mechanism.step(Some(response)) {
            Step::Ask(Question::Verifier { .. }) => self.mechanism.answer(self.answer.clone()),
            step => step,
        }
    }

    fn challenge(&mut self, response: &[u8]) -> Secret {
        match self.step(response) {
            Step::Challenge(challenge) => challenge,
            step => panic!("{step:?}"),
        }
    }
}

/// Both sides, with each message changed on its way; whether both were satisfied.
fn play(
    client: client::Scram,
    server: Server,
    change: impl FnMut(usize, &str) -> String,
) -> Result<(), String> {
    let (mut client, mut server, mut change) = (client, server, change);
    let mut message = client.initial_response().unwrap();
    let mut count = 0;
    loop {
        let sent = change(count, text(&message));
        count += 1;
        match server.step(sent.as_bytes()) {
            Step::Challenge(challenge) => {
                let sent = change(count, text(&challenge));
                count += 1;
                message = client.respond(sent.as_bytes()).map_err(|error| format!("{error}"))?;
            }
            Step::Accept(identity) => {
                assert_eq!(identity.authcid(), "alice");
                return client.accepted().map_err(|error| format!("{error}"));
            }
            step => return Err(format!("{step:?}")),
        }
    }
}

/// RFC 5802 §5, RFC 7677 §3, and one of our own with channel binding.
#[test]
fn c37_c38_known_answers() {
    struct Vector {
        hash: ScramHash,
        bound: bool,
        user: &'static str,
        password: &'static str,
        nonces: [&'static str; 2],
        salt: &'static str,
        messages: [&'static str; 4],
    }
    let vectors = [
        Vector {
            hash: ScramHash::Sha1,
            bound: false,
            user: "user",
            password: "pencil",
            nonces: ["fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j"],
            salt: "QSXCR+Q6sek8bf92",
            messages: [
                "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
                "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
                "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,\
                 p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
                "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
            ],
        },
        Vector {
            hash: ScramHash::Sha256,
            bound: false,
            user: "user",
            password: "pencil",
            nonces: ["rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"],
            salt: SALT,
            messages: [
                "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
                "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                 s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                 p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
                "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
            ],
        },
        Vector {
            hash: ScramHash::Sha256,
            bound: true,
            user: "alice",
            password: "s3cret!",
            nonces: ["clientnonce24chars+0123", "servernonce/4567"],
            salt: "c2FsdHNhbHRzYWx0MTIzNA==",
            messages: [
                "p=tls-exporter,,n=alice,r=clientnonce24chars+0123",
                "r=clientnonce24chars+0123servernonce/4567,s=c2FsdHNhbHRzYWx0MTIzNA==,i=4096",
                "c=cD10bHMtZXhwb3J0ZXIsLAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f,\
                 r=clientnonce24chars+0123servernonce/4567,\
                 p=nrI4vYp0apewR+wuM74AhLX+bYDAa0THLnixuehXN1A=",
                "v=M0RqmuUEPO7rKG8q3OvUcz3LilBm2f10UHg0r2SA8GI=",
            ],
        },
    ];
    for vector in vectors {
        let [of_client, of_server] = vector.nonces.map(nonce);
        let mut client =
            client::Scram::new(vector.hash, vector.user, vector.password, of_client).unwrap();
        let channel = channel();
        if vector.bound {
            client = client.bound_to(&channel).unwrap();
        }
        let decoy = Secret::from("decoy");
        let setting = Setting::new(of_server, &decoy).channel(Some(&channel), vector.bound);
        let mut server = Scram::new(vector.hash, vector.bound, &setting);
        assert_eq!(client.name(), Mechanism::name(&server));

        let first = client.initial_response().unwrap();
        assert_eq!(text(&first), vector.messages[0]);
        let Step::Ask(Question::Verifier { identity, hash }) = server.step(Some(first.as_slice()))
        else {
            panic!("asks for the verifier")
        };
        assert_eq!((identity.name(), hash), (vector.user, vector.hash));
        let salt = decoded(vector.salt);
        let verifier = Verifier::from_password(hash, vector.password, &salt, 4096).unwrap();
        let kept = verifier.to_text();
        assert_eq!(Verifier::parse(text(&kept)), Ok(verifier.clone()));
        let shown = format!("{verifier:?}");
        assert!(shown.contains("4096"), "{shown}");
        assert!(!shown.contains(text(&kept).rsplit(':').next().unwrap()), "{shown}");
        let Step::Challenge(challenge) = server.answer(Answer::Verifier(verifier)) else {
            panic!("salt and iterations")
        };
        assert_eq!(text(&challenge), vector.messages[1]);
        let last = client.respond(challenge.as_slice()).unwrap();
        assert_eq!(text(&last), vector.messages[2]);
        let Step::Challenge(proof) = server.step(Some(last.as_slice())) else { panic!("a proof") };
        assert_eq!(text(&proof), vector.messages[3]);
        // C-23: not before the proof was seen.
        assert_eq!(client.accepted(), Err(Refused::NO_PROOF));
        assert!(client.respond(proof.as_slice()).unwrap().is_empty());
        assert_eq!(client.accepted(), Ok(()));
        let Step::Accept(identity) = server.step(Some(b"")) else { panic!("accepted") };
        assert_eq!(identity.name(), vector.user);
    }
}

#[test]
fn c39_whatever_is_changed_on_the_way_fails() {
    let start = || (scram("alice", "s3cret!"), Server::new(false, &Channel::new(), false));
    let (client, server) = start();
    assert_eq!(play(client, server, |_, message| message.to_owned()), Ok(()));

    let changes: &[(usize, &str, &str)] = &[
        // Each with the number of the message.
        (0, "n,,", "y,,n=mallory,"),
        (0, "n,,", "p=tls-exporter,,"),
        (0, "n,,", "p=,,"),
        (0, "n,,", "x,,"),
        (0, "n,,", "n,a=,"),
        (0, "n,,", "n,bob,"),
        (0, "n=alice", "m=x,n=alice"),
        (0, "n=alice", "n="),
        (0, "n=alice", "n=al=2xice"),
        (0, "n=alice", "n=al=ice"),
        (0, "n=alice,r=client", "r=client,n=alice"),
        (0, "r=client", "r="),
        (0, "r=client", "r=cli\u{e9}nt"),
        (0, "r=client", "r=client,m=x"),
        (0, "r=client", "r=clienT"),
        (0, "r=client", "r=client,"),
        (0, "r=client", "r=client,x"),
        (1, "r=client", "r=clienT"),
        (1, "r=clientserver", "r=client"),
        (1, "r=client", "m=x,r=client"),
        (1, "clientserver", "clientservex"),
        (1, "s=", "s=AAAA"),
        (1, "s=c2FsdA==", "s="),
        (1, "s=c2FsdA==", "s=c2FsdA"),
        (1, "i=4096", "i=4095"),
        (1, "i=4096", "i=4097"),
        (1, "i=4096", "i=04096"),
        (1, "i=4096", "i=+4096"),
        (1, "i=4096", "i=1000001"),
        (1, "i=4096", "i=99999999999"),
        (1, "i=4096", "i=0"),
        (1, "i=4096", "i=4096,m=x"),
        (1, "i=4096", "i=4096,x=y"),
        (2, "c=biws", "c=eSws"),
        (2, "c=biws", "c="),
        (2, "c=biws", "c=biw"),
        (2, "c=biws,r=", "r="),
        (2, "clientserver", "clientserves"),
        (2, "clientserver", "clientserver,m=x"),
        (2, "clientserver", "clientserver,x=y"),
        (2, "c=biws", "x=y,c=biws"),
        (2, ",p=", ",p=AAAA"),
        (2, ",p=", ",q="),
        (3, "v=", "v=AAAA"),
        (3, "v=", "e="),
        (3, "v=", "x="),
    ];
    for (number, from, to) in changes {
        let (client, server) = start();
        let mut changed = false;
        let result = play(client, server, |count, message| {
            if count == *number {
                assert!(message.contains(from), "{message} has no {from}");
                changed = true;
                return message.replacen(from, to, 1);
            }
            message.to_owned()
        });
        assert!(changed && result.is_err(), "{number} {from} {to}: {result:?}");
    }
    // A wrong bit anywhere in the proofs.
    for number in [2, 3] {
        let (client, server) = start();
        let result = play(client, server, |count, message| {
            if count != number {
                return message.to_owned();
            }
            let at = message.len() - 10;
            let other = if message.as_bytes()[at] == b'A' { "B" } else { "A" };
            format!("{}{other}{}", &message[..at], &message[at + 1..])
        });
        assert!(result.is_err());
    }
    // Something behind the server's proof.
    let (client, server) = start();
    let result =
        play(
            client,
            server,
            |count, message| {
                if count == 4 { "more".to_owned() } else { message.to_owned() }
            },
        );
    assert!(result.is_err());
}

/// RFC 5802 §5: no proof is shown to a server whose nonce is not the client's with something of its own
/// behind it.
#[test]
fn c39_no_proof_for_a_nonce_that_is_none() {
    for (nonce, good) in [
        ("clientserver", true),
        ("client", false),
        ("clienTserver", false),
        ("server", false),
        // Printable characters alone.
        ("client server", false),
        ("client\tserver", false),
        ("clients\u{e9}rver", false),
    ] {
        let mut client = scram("alice", "s3cret!");
        client.initial_response();
        let challenge = format!("r={nonce},s=c2FsdA==,i=4096");
        assert_eq!(client.respond(challenge.as_bytes()).is_ok(), good, "{nonce}");
    }
}

/// RFC 5802 §7: a server that says what is wrong is told from one that proves nothing.
#[test]
fn c39_a_proof_that_was_refused() {
    let reason = |last: &[u8]| {
        let mut client = scram("alice", "s3cret!");
        client.initial_response();
        client.respond(b"r=clientserver,s=c2FsdA==,i=4096").unwrap();
        client.respond(last).unwrap_err()
    };
    assert_eq!(reason(b"v=AAAA"), Refused::NO_PROOF);
    assert_ne!(reason(b"e=invalid-proof"), Refused::NO_PROOF);
}

/// Extensions that both sides have seen, and that neither knows, change nothing (C-39).
#[test]
fn c39_unknown_attributes_are_passed_over() {
    let mut server = Server::new(false, &Channel::new(), false);
    let challenge = server.challenge(b"n,,n=alice,r=client,x=y,Z=1=2");
    assert_eq!(text(&challenge), "r=clientserver,s=c2FsdA==,i=4096");

    let mut client = scram("alice", "s3cret!");
    client.initial_response();
    assert!(client.respond(b"r=clientserver,s=c2FsdA==,i=4096,x=y").is_ok());
}

#[test]
fn c39_names_are_escaped() {
    let mut client = scram("a=b,c", "s3cret!").acting_for("x,y").unwrap();
    let first = client.initial_response().unwrap();
    assert_eq!(text(&first), "n,a=x=2Cy,n=a=3Db=2Cc,r=client");
    let decoy = Secret::from("decoy");
    let setting = Setting::new(nonce("server"), &decoy);
    let mut server = Scram::new(ScramHash::Sha256, false, &setting);
    let Step::Ask(Question::Verifier { identity, .. }) = server.step(Some(first.as_slice())) else {
        panic!("asks for the verifier")
    };
    assert_eq!((identity.authcid(), identity.authzid()), ("a=b,c", Some("x,y")));
}

#[test]
fn c40_what_the_flags_mean() {
    let (none, some) = (Channel::new(), channel());
    let same = |_: usize, message: &str| message.to_owned();
    let plain = || scram("alice", "s3cret!");
    let bound = |channel: &Channel| plain().bound_to(channel).unwrap();

    assert_eq!(play(bound(&some), Server::new(true, &some, true), same), Ok(()));
    // Two TLS sessions with somebody between them.
    let other = Channel::new().with(Binding::TlsExporter, "other".into());
    assert!(play(bound(&some), Server::new(true, &other, true), same).is_err());
    // Data of a kind the server has none of.
    let unique = Channel::new().with(Binding::TlsUnique, "unique".into());
    assert!(play(bound(&unique), Server::new(true, &some, true), same).is_err());
    // No -PLUS without binding, and none with it but in -PLUS.
    assert!(play(plain(), Server::new(true, &some, true), same).is_err());
    assert!(play(bound(&some), Server::new(false, &some, true), same).is_err());
    // y: good where -PLUS is not offered, a sign of meddling where it is.
    assert_eq!(play(plain().not_offered_binding(), Server::new(false, &none, false), same), Ok(()));
    assert!(play(plain().not_offered_binding(), Server::new(false, &some, true), same).is_err());
    assert_eq!(play(plain(), Server::new(false, &some, true), same), Ok(()));
    // n was made of y.
    let result =
        play(plain().not_offered_binding(), Server::new(false, &some, true), |_, message| {
            message.replacen("y,,", "n,,", 1)
        });
    assert!(result.is_err());
    assert!(plain().bound_to(&none).is_err());
}

/// RFC 5802 section 7: the nonce is of printable characters, the count of iterations a number without a
/// sign or leading zeros.
#[test]
fn c39_what_is_no_message() {
    for (iterations, good) in [
        ("4096", true),
        ("04096", false),
        ("+4096", false),
        ("-4096", false),
        ("4096 ", false),
        ("4_096", false),
        ("", false),
    ] {
        let mut client = scram("alice", "s3cret!");
        client.initial_response();
        let challenge = format!("r=clientserver,s=c2FsdA==,i={iterations}");
        assert_eq!(client.respond(challenge.as_bytes()).is_ok(), good, "{iterations}");
    }
    for (nonce, good) in [("client", true), ("cli ent", false), ("cli\u{e9}nt", false), ("", false)]
    {
        let first = format!("n,,n=alice,r={nonce}");
        let step = Server::new(false, &Channel::new(), false).step(first.as_bytes());
        assert_eq!(matches!(step, Step::Challenge(_)), good, "{nonce}");
    }
}

#[test]
fn c41_the_client_bounds_iterations() {
    let respond = |iterations: u32, range| {
        let mut client = scram("alice", "s3cret!").iterations(range);
        client.initial_response();
        client.respond(format!("r=clientserver,s=c2FsdA==,i={iterations}").as_bytes())
    };
    assert!(respond(4096, 4096..=8192).is_ok());
    assert!(respond(8192, 4096..=8192).is_ok());
    assert!(respond(8193, 4096..=8192).is_err());
    assert!(respond(4095, 4096..=8192).is_err());
    let few = Verifier::from_password(ScramHash::Sha1, "s3cret!", b"salt", 4095);
    assert_eq!(few.unwrap_err(), InvalidVerifier::Iterations);
    let more = Verifier::from_password(ScramHash::Sha1, "s3cret!", b"salt", 4097);
    assert_eq!(more.unwrap().iterations(), 4097);
    let none = Verifier::from_password(ScramHash::Sha1, "s3cret!", b"", 4096);
    assert_eq!(none.unwrap_err(), InvalidVerifier::Salt);
}

/// The challenge for `user` of a server that keeps `key` for those who do not exist.
fn challenged(hash: ScramHash, header: &str, user: &str, key: &str, answer: Answer) -> String {
    let decoy = Secret::from(key);
    let setting = Setting::new(nonce("server"), &decoy);
    let mut server = Scram::new(hash, false, &setting);
    let first = format!("{header}n={user},r=client");
    assert!(matches!(server.step(Some(first.as_bytes())), Step::Ask(_)));
    let Step::Challenge(challenge) = server.answer(answer) else { panic!("a challenge") };
    text(&challenge).to_owned()
}

/// S-73: a user that does not exist looks like one that does, each time the same.
#[test]
fn s73_nobody_learns_which_users_exist() {
    let answered = |user: &str, key: &str, answer: Answer| {
        challenged(ScramHash::Sha256, "n,,", user, key, answer)
    };
    let challenge = |user: &str, key: &str| answered(user, key, Answer::Deny);
    let carol = challenge("carol", "key");
    assert_eq!(carol, challenge("carol", "key"));
    assert_ne!(carol, challenge("dave", "key"));
    assert_ne!(carol, challenge("carol", "other key"));
    assert!(carol.starts_with("r=clientserver,s=") && carol.ends_with(",i=10000"), "{carol}");
    // Who does exist has a salt for each hash.
    assert_ne!(carol, challenged(ScramHash::Sha1, "n,,", "carol", "key", Answer::Deny));

    // Nor who of them has no verifier for this mechanism.
    let other = Verifier::from_password(ScramHash::Sha1, "s3cret!", b"salt", 4096).unwrap();
    assert_eq!(carol, answered("carol", "key", Answer::Verifier(other.clone())));
    assert_eq!(carol, answered("carol", "key", Answer::DenyVerifier(other)));

    let mut server = Server::new(false, &Channel::new(), false);
    server.answer = Answer::Deny;
    let result = play(scram("alice", "s3cret!"), server, |_, message| message.to_owned());
    assert_eq!(result, Err("Failed".to_owned()));
    // Not even with the empty password.
    let mut server = Server::new(false, &Channel::new(), false);
    let other = Verifier::from_password(ScramHash::Sha256, "other", b"salt", 4096).unwrap();
    server.answer = Answer::Verifier(other);
    let result = play(scram("alice", "s3cret!"), server, |_, message| message.to_owned());
    assert_eq!(result, Err("Failed".to_owned()));
}

/// S-73: who may not act for another sees the salt that is always theirs, and fails at the proof, even
/// with the right password.
#[test]
fn s73_nobody_learns_it_by_acting_for_another() {
    let kept = Verifier::from_password(ScramHash::Sha256, "s3cret!", b"salt", 4096).unwrap();
    let alice =
        |header: &str, answer| challenged(ScramHash::Sha256, header, "alice", "key", answer);
    let itself = alice("n,,", Answer::Verifier(kept.clone()));
    assert_eq!(itself, alice("n,a=bob,", Answer::DenyVerifier(kept.clone())));
    let nobody = alice("n,,", Answer::Deny);
    assert_eq!(nobody, alice("n,a=bob,", Answer::Deny));

    let mut server = Server::new(false, &Channel::new(), false);
    server.answer = Answer::DenyVerifier(kept);
    let client = scram("alice", "s3cret!").acting_for("bob").unwrap();
    assert_eq!(play(client, server, |_, message| message.to_owned()), Err("Failed".to_owned()));
}

#[test]
fn verifiers_are_checked() {
    let good = Verifier::from_password(ScramHash::Sha1, "s3cret!", b"salt", 4096).unwrap();
    let kept = good.to_text();
    let kept = text(&kept);
    assert!(kept.starts_with("SCRAM-SHA-1$4096:c2FsdA==$"), "{kept}");
    for (from, to) in [
        ("SHA-1", "SHA-3"),
        ("SHA-1", "SHA-256"),
        ("4096", "4095"),
        ("4096", ""),
        ("c2FsdA==", ""),
        ("$4096", "4096"),
        (":", ""),
        ("c2FsdA==$", "c2FsdA==$AAAA"),
        ("SCRAM", "$SCRAM"),
        ("$4096:", ":4096:"),
        ("c2FsdA==$", "c2FsdA=="),
        ("c2FsdA==$", "c2FsdA==$!"),
        ("=:", "=:!"),
        ("4096:", "4096"),
    ] {
        assert!(Verifier::parse(&kept.replacen(from, to, 1)).is_err(), "{from} {to}");
    }
    assert!(Verifier::parse(&format!("{kept}$")).is_err());
    for cut in ["", "SCRAM-SHA-1", "SCRAM-SHA-1$4096:c2FsdA==", "SCRAM-SHA-1$4096:c2FsdA==$AAAA"] {
        assert!(Verifier::parse(cut).is_err(), "{cut}");
    }
    let prohibited = Verifier::from_password(ScramHash::Sha1, "\u{7}", b"salt", 4096);
    assert!(prohibited.is_err());
}
