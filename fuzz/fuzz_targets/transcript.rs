//! Invariant: no text is too odd to be read as a transcript, what was read is written in one way that
//! is read back, and no transcript makes a replay panic, spin, or say what cannot be shown.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use smtp_proto::{
    client::Client,
    domain::Host,
    server::{self, Server},
    transcript::{
        Speaker, Transcript,
        replay::{Replay, config},
    },
};

fuzz_target!(|input: &[u8]| {
    // The first line is the same in all that can be read.
    let Some((&choice, rest)) = input.split_first() else {
        return;
    };
    let role = if choice & 1 == 0 { Speaker::Server } else { Speaker::Client };
    let text = format!("{}{}", Transcript::title(role), String::from_utf8_lossy(rest));
    let Ok(transcript) = text.parse::<Transcript>() else {
        return;
    };
    let file = transcript.to_string();
    assert_eq!(file.parse().as_ref(), Ok(&transcript));
    assert!(file.chars().all(|character| character == '\n' || !character.is_control()));
    for entry in transcript.entries() {
        let shown = entry.to_string();
        assert!(shown.chars().all(|character| character == '\n' || !character.is_control()));
        let _ = (entry.speaker(), entry.verb(), entry.code(), entry.enhanced(), entry.octets());
    }
    let pieces = usize::from(choice >> 1).max(1);
    let replay = Replay::new(&transcript).in_pieces(pieces).limit(100_000);
    match role {
        Speaker::Server => {
            let config = config::server(&transcript)
                .unwrap_or_else(|| server::Config::new(Host::parse("mx.example").unwrap()));
            let _ = replay.serve(Server::new(Arc::new(config)), |_| {});
        }
        Speaker::Client => {
            let _ = replay.call(Client::new(config::client(&transcript)), |_| {});
        }
    }
});
