//! No message makes a SASL mechanism panic or accept, on either side: whoever does not know the password
//! gets neither in nor the client's trust.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtp_proto::auth::{
    Binding, Channel, Known, Nonce, ScramHash, Verifier,
    client::{Credentials, Mechanism as _, Scram},
    saslprep,
    server::{Answer, Question, Setting, Step},
    server_end_point,
};

fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else {
        return;
    };
    // Messages are apart by a line end.
    let messages: Vec<&[u8]> = rest.split(|octet| *octet == b'\n').take(4).collect();
    if choice & 0x80 == 0 {
        server(*choice, &messages)
    } else {
        client(*choice, &messages)
    }
    if let Ok(text) = std::str::from_utf8(rest) {
        let _ = Verifier::parse(text);
        let _ = Credentials::password(text, text);
        if let Ok(prepared) = saslprep(text) {
            let prepared = prepared.as_str().expect("text").to_owned();
            assert_eq!(
                saslprep(&prepared).ok().and_then(|again| again.as_str().map(str::to_owned)),
                Some(prepared)
            );
        }
    }
    let _ = server_end_point(rest);
});

fn channel() -> Channel {
    Channel::new().with(Binding::TlsExporter, vec![7; 32].into())
}

fn server(choice: u8, messages: &[&[u8]]) {
    let known = Known::ALL[usize::from(choice) % Known::ALL.len()];
    let (decoy, channel) = ("decoy".into(), channel());
    let nonce = Nonce::parse("server").expect("a nonce");
    let setting = Setting::new(nonce, &decoy).channel(Some(&channel), choice & 0x40 != 0);
    let mut mechanism = known.server(&setting);
    for message in messages {
        let mut step = mechanism.step(Some(message));
        if let Step::Ask(question) = step {
            let _ = format!("{question:?}");
            step = mechanism.answer(match question {
                Question::Verifier { hash, .. } => verifier(hash),
                Question::Secret(_) => Answer::Secret("not to be guessed".into()),
                _ => Answer::Deny,
            });
        }
        match step {
            Step::Challenge(_) => {}
            Step::Failed => break,
            other => panic!("{other:?}"),
        }
    }
}

/// Of a password that nobody knows; made of keys, as iterations would take all the time.
fn verifier(hash: ScramHash) -> Answer {
    let key = vec![9; hash.octets()];
    let made = Verifier::new(hash, b"salt", 4096, key.clone().into(), key.into());
    Answer::Verifier(made.expect("a verifier"))
}

fn client(choice: u8, messages: &[&[u8]]) {
    let nonce = Nonce::parse("client").expect("a nonce");
    let made = Scram::new(ScramHash::Sha256, "user", "not to be guessed", nonce);
    let mut scram = made.expect("credentials").iterations(1..=4);
    if choice & 1 != 0 {
        scram = scram.bound_to(&channel()).expect("data");
    }
    let _ = scram.initial_response();
    for message in messages {
        if scram.respond(message).is_err() {
            break;
        }
    }
    assert!(scram.accepted().is_err(), "a server that does not know the password is believed");
}
