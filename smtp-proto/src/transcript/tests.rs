mod forms;

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use proptest::prelude::*;

use super::*;

fn recorder(content: Content) -> Recorder {
    Recorder::new(Recording::from(content))
}

fn gathered(recorder: &mut Recorder) -> Transcript {
    let mut transcript = Transcript::new(Speaker::Server);
    transcript.take(recorder);
    transcript
}

fn file(recorder: &mut Recorder) -> String {
    let transcript = gathered(recorder);
    let file = transcript.to_string();
    assert_eq!(file.parse(), Ok(transcript), "{file}");
    file
}

#[test]
fn known_file() {
    let mut recorder = recorder(Content::Kept { limit: 20 });
    recorder.line(Speaker::Server, b"220 mx.example\r\n");
    recorder.line(Speaker::Client, b"EHLO c.example");
    recorder.line(Speaker::Server, b"250-mx.example\r\n250 SIZE \r\n");
    recorder.line(Speaker::Client, b"AUTH PLAIN AGEAYg==");
    recorder.line(Speaker::Server, b"535 5.7.8 no\r\n");
    recorder.line(Speaker::Client, b"*#\\ \x1b[2J\xff");
    recorder.push(Entry::Answer(Answer::accept(&crate::answer::Acceptance::new("251 x\ny"))));
    recorder.content(false, b"..a\r\nb", 6);
    recorder.content(false, b"\r\n0123456789abcdef", 18);
    recorder.push(Entry::EndOfData);
    recorder.content(true, b"binary\0\r", 8);
    recorder.push(Entry::Expired { unread: true });
    assert_eq!(
        file(&mut recorder),
        "smtp-transcript 1 server\n\
         S: 220 mx.example\n\
         C: EHLO c.example\n\
         S: 250-mx.example\n\
         S: 250 SIZE\\x20\n\
         C* AUTH PLAIN ********\n\
         S: 535 5.7.8 no\n\
         C* ### \\x1b####\n\
         accept - - 251 x\\ny\n\
         C| ..a\n\
         C| b\n\
         C+ 0123456789ab\n\
         C- 4\n\
         C.\n\
         B+ binary\\0\\r\n\
         expire unread\n"
    );
}

/// What TLS brings to an AUTH exchange is told by name, and its data are not.
#[test]
fn facts_of_a_channel() {
    use crate::auth::{Binding, Channel};
    let mut recorder = recorder(Content::Elided);
    let channel = Channel::new().with(Binding::TlsExporter, b"keying material".as_slice().into());
    for channel in [Channel::new(), channel.clone(), channel.client_certificate(true)] {
        recorder.push(Entry::Channel((&channel).into()));
    }
    recorder.push(Entry::Leniency(crate::profile::Leniency::NulInText));
    let shown: Vec<_> = gathered(&mut recorder).entries().iter().map(Entry::to_string).collect();
    assert_eq!(
        shown,
        [
            "-- channel: nothing to bind to --",
            "-- channel: tls-exporter --",
            "-- channel: tls-exporter certificate --",
            "-- forgiven: nul_in_text --",
        ]
    );
    let text =
        "channel\nchannel tls-exporter\nchannel tls-exporter certificate\nforgiven nul_in_text\n";
    let transcript: Transcript = format!("smtp-transcript 1 server\n{text}").parse().unwrap();
    assert_eq!(transcript.to_string(), format!("smtp-transcript 1 server\n{text}"));
    assert_eq!(transcript.entries().iter().map(Entry::to_string).collect::<Vec<_>>(), shown);
}

#[test]
fn what_people_see() {
    let mut recorder = recorder(Content::Elided);
    recorder.line(Speaker::Server, b"220 mx.example\r\n");
    recorder.line(Speaker::Server, b"250-mx.example\r\n250 2.0.0 \x1b[31mred\r\n");
    recorder.line(Speaker::Client, b"AUTH PLAIN AGEAYg==");
    recorder.secret(Speaker::Server, b"334 QUJD\r\n");
    recorder.content(false, b"", 77);
    let entries: Vec<Entry> = recorder.drain().collect();
    let shown: Vec<String> = entries.iter().map(Entry::to_string).collect();
    assert_eq!(
        shown,
        [
            "S: 220 mx.example",
            "S: 250-mx.example\nS: 250 2.0.0 \\u{1b}[31mred",
            "C: AUTH PLAIN ***",
            "S: 334 ***",
            "C: [77 octets of content]",
        ]
    );
    assert!(matches!(entries[0], Entry::Greeting(_)));
    assert_eq!(entries[1].code().unwrap().value(), 250);
    assert_eq!(entries[1].enhanced().unwrap().to_string(), "2.0.0");
    assert_eq!(entries[2].verb(), Some("AUTH"));
    assert_eq!((entries[4].octets(), entries[4].speaker()), (77, Some(Speaker::Client)));
}

/// C-27: behind an AUTH command that was refused, what is no command is a response.
#[test]
fn stray_responses_are_masked() {
    let mut recorder = recorder(Content::Elided);
    recorder.command(b"AUTH LOGIN", |_| false, false);
    recorder.command(b"YWxpY2U=", |_| false, false);
    recorder.command(b"c2VjcmV0", |_| false, false);
    recorder.command(b"XOWN it", |_| false, true);
    recorder.command(b"NOOP", |_| false, false);
    recorder.command(b"FOO bar", |_| false, false);
    let file = file(&mut recorder);
    assert!(
        file.ends_with(
            "\nC* AUTH *****\nC* ########\nC* ********\nC: XOWN it\nC: NOOP\nC: FOO bar\n"
        )
    );
}

/// RFC 4467 section 3.
#[test]
fn the_token_of_a_url_is_masked() {
    let mut recorder = recorder(Content::Elided);
    recorder.line(
        Speaker::Client,
        b"burl imap://h/Sent;uid=2/;section=1;expire=x;urlauth=submit+f:internal:91354a LAST",
    );
    let file = file(&mut recorder);
    assert!(file.contains(";urlauth=************************ LAST\n"), "{file}");
}

#[test]
fn bounds() {
    let mut recorder = Recorder::new(Recording::default().bounds(3, 10_000));
    for _ in 0..10 {
        recorder.line(Speaker::Client, b"NOOP");
    }
    assert_eq!((recorder.dropped(), recorder.drain().count()), (7, 3));
    for _ in 0..3 {
        recorder.line(Speaker::Client, &[b'x'; 6000]);
    }
    assert_eq!((recorder.dropped(), recorder.drain().count()), (9, 1));
    let bounded = Recording::from(Content::Kept { limit: usize::MAX }).bounds(100, 1000);
    let mut recorder = Recorder::new(bounded);
    for _ in 0..100 {
        recorder.content(false, &[b'x'; 50], 50);
    }
    let entries: Vec<Entry> = recorder.drain().collect();
    let [Entry::Content(body)] = &entries[..] else {
        panic!("{entries:?}");
    };
    assert!((900..=1000).contains(&body.kept().len()));
    assert_eq!(body.octets(), 5000);
    assert!(
        gathered(&mut Recorder::new(bounded))
            .to_string()
            .starts_with(Transcript::title(Speaker::Server))
    );
}

/// Behind octets of a message that were left out none is kept, also where there is room again; of the
/// next message there is.
#[test]
fn only_the_beginning_of_a_message_is_kept() {
    let bounded = Recording::from(Content::Kept { limit: usize::MAX }).bounds(100, 1000);
    let (mut recorder, mut transcript) = (Recorder::new(bounded), Transcript::new(Speaker::Server));
    for octets in [&[b'x'; 1500][..], b"abc"] {
        recorder.content(false, octets, octets.len());
        transcript.take(&mut recorder);
    }
    recorder.push(Entry::EndOfData);
    recorder.content(false, b"abc", 3);
    transcript.take(&mut recorder);
    let [Entry::Content(first), Entry::EndOfData, Entry::Content(next)] = transcript.entries()
    else {
        panic!("{transcript:?}");
    };
    assert_eq!((first.kept().len(), first.octets()), (1000, 1503));
    assert_eq!((next.kept(), next.octets()), (&b"abc"[..], 3));
}

/// Where they were written down makes no difference; whose, what and how much there is does.
#[test]
fn what_makes_transcripts_equal() {
    let of = |text: &str| text.parse::<Transcript>().unwrap();
    let one = of("smtp-transcript 1 server\nS: 220 x\nC: NOOP\n");
    assert_eq!(one, of("smtp-transcript 1 server\n\nS: 220 x\n\nC: NOOP\n"));
    for other in [
        "smtp-transcript 1 client\nS: 220 x\nC: NOOP\n",
        "smtp-transcript 1 server\ndropped 1\nS: 220 x\nC: NOOP\n",
        "smtp-transcript 1 server\nS: 220 x\nC: RSET\n",
        "smtp-transcript 1 server\nS: 220 x\n",
    ] {
        assert_ne!(one, of(other), "{other}");
    }
}

/// As much as is said, to the octet; and no entry is so large that it is not held at all.
#[test]
fn the_bound_of_octets_is_one_that_may_be_reached() {
    let held = |entries: &[&[u8]]| {
        let lines = entries.iter().map(|line| Entry::Command(Spoken::plain(line)).held());
        lines.sum::<usize>()
    };
    let octets = held(&[b"NOOP", b"HELP"]);
    for (octets, dropped) in [(octets, 0), (octets - 1, 1), (0, 1)] {
        let mut recorder = Recorder::new(Recording::default().bounds(100, octets));
        recorder.line(Speaker::Client, b"NOOP");
        recorder.line(Speaker::Client, b"HELP");
        assert_eq!(recorder.dropped(), dropped, "{octets}");
        let left: Vec<String> = recorder.drain().map(|entry| entry.to_string()).collect();
        assert_eq!(left.last().map(String::as_str), Some("C: HELP"));
    }
}

/// An octet that is no text is shown as it was where nothing is masked, and only there a mask needs none.
#[test]
fn octets_that_look_like_masks() {
    let octets = b"*#\\ \xff\xfe";
    let plain = Spoken::plain(octets);
    assert!(plain.octets().eq(octets.iter().copied()) && !plain.is_masked());
    let line = |line: &str| {
        let file = format!("smtp-transcript 1 server\nS: 220 x\n{line}\n");
        file.parse::<Transcript>().map(|_| ()).map_err(|error| error.problem())
    };
    for (text, good) in [
        ("C: *#", true),
        ("C: \\*", false),
        ("C: \\#", false),
        ("C* **\\*\\#", true),
        ("C* \\q", false),
    ] {
        assert_eq!(line(text), if good { Ok(()) } else { Err(Problem::Escape) }, "{text}");
    }
}

/// Content of no octets is none, and nothing stands for it.
#[test]
fn content_of_no_octets() {
    for void in ["C- 0", "B- 0"] {
        let file = format!("smtp-transcript 1 server\nS: 220 x\n{void}\nC: NOOP\n");
        let transcript: Transcript = file.parse().unwrap();
        assert_eq!(transcript.entries().len(), 2, "{void}");
        assert_eq!(transcript.line(1), 4);
    }
}

/// A bound of entries alone leaves the others as they are.
#[test]
fn how_much_is_recorded() {
    let few = Recording::from(3);
    assert_eq!(few, Recording { entries: 3, ..Recording::default() });
    let mut recorder = Recorder::new(few);
    (0..5).for_each(|_| recorder.line(Speaker::Client, b"NOOP"));
    assert_eq!((recorder.drain().count(), recorder.dropped()), (3, 2));
}

/// Behind the last entry it is the end of the file that is told, blank lines and all.
#[test]
fn the_line_behind_the_last_entry() {
    for (blank, line) in [("", 4), ("\n", 5), ("\n\n", 6)] {
        let text = format!("smtp-transcript 1 server\nS: 220 x\nC: NOOP\n{blank}");
        let transcript: Transcript = text.parse().unwrap();
        assert_eq!((transcript.line(1), transcript.line(2)), (3, line), "{text:?}");
    }
}

/// Nor by way of a file.
#[test]
fn nothing_shown_is_a_control_character() {
    for line in [
        "C~ 9 A\\x1b[2J",
        "proxy \\x1b",
        "# \\n",
        "with \\x1b \\x07",
        "C? \\x1b",
        "accept \\x1b\\r",
    ] {
        let transcript: Transcript = format!("smtp-transcript 1 server\n{line}\n").parse().unwrap();
        let shown = transcript.entries()[0].to_string();
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
    }
}

/// An empty text is none that was left out, nor is an empty line.
#[test]
fn empty_texts() {
    for text in [
        "reject 550 5.7.1 \\r",
        "reject 550 5.7.1 \\n\\n",
        "reject 550 5.7.1 a\\n\\n",
        "reject 550 5.7.1 \\na",
        "abort 421 4.3.2 \\n",
        "refuse 550 5.1.1",
        "accept - - -",
    ] {
        let transcript: Transcript = format!("smtp-transcript 1 server\n{text}\n").parse().unwrap();
        let file = transcript.to_string();
        assert_eq!(file.parse(), Ok(transcript), "{file}");
    }
}

#[test]
fn malformed_files() {
    let problem =
        |text: &str| text.parse::<Transcript>().map_err(|error| (error.line(), error.problem()));
    assert_eq!(problem(""), Err((1, Problem::Title)));
    assert_eq!(problem("smtp-transcript 2 server\n"), Err((1, Problem::Title)));
    let of = |rest: &str| problem(&format!("smtp-transcript 1 client\n\n{rest}")).unwrap_err();
    for (text, expected) in [
        ("X: a", Problem::Word),
        ("C: a\\", Problem::Escape),
        ("C: a\\q", Problem::Escape),
        ("C: a\\x1", Problem::Escape),
        ("C: a\\r\\nb", Problem::Escape),
        ("C* a\\xff", Problem::Escape),
        ("C- x", Problem::Number),
        ("C- 99999999999999999999", Problem::Number),
        ("S: 25", Problem::Reply),
        ("S: 250-a", Problem::Reply),
        ("S: 250-a\nC: b", Problem::Reply),
        ("S: 250-a\\n250 b", Problem::Reply),
        ("S> 250 a", Problem::Reply),
        ("S> 250 a\\r\\n", Problem::Reply),
        ("accept 550 - a", Problem::Code),
        ("reject 550 4.1.1 a", Problem::Code),
        ("reject 250 2.1.1 a", Problem::Code),
        ("reject 550", Problem::Code),
        ("proxy \\xff", Problem::Text),
        ("expire never", Problem::Word),
        ("dropped -1", Problem::Number),
        ("channel tls", Problem::Name),
        ("forgiven everything", Problem::Name),
    ] {
        let (line, problem) = of(text);
        assert_eq!(problem, expected, "{text}");
        assert!(line >= 3, "{text}");
    }
}

fn entries() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    let octets = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        "[ -~\\\\*#]{0,30}".prop_map(String::into_bytes),
        ".{0,20}".prop_map(String::into_bytes),
    ];
    prop::collection::vec((0..14u8, octets), 0..20)
}

proptest! {
    /// Whatever is said: what is written is read back, and every line begins with a word of the form.
    #[test]
    fn written_is_read(said in entries(), limit in 0..60_usize) {
        let mut recorder = recorder(Content::Kept { limit });
        for (kind, octets) in said {
            let mut line = octets.clone();
            line.retain(|octet| *octet != b'\n');
            match kind {
                0 => recorder.line(Speaker::Client, &line),
                1 => recorder.secret(Speaker::Client, &line),
                2 => recorder.command(&[b"AUTH ", &line[..]].concat(), |_| false, false),
                3 => recorder.line(Speaker::Server, &[b"250-", &line[..], b"\r\n250 x\r\n"].concat()),
                4 => recorder.line(Speaker::Server, &[b"250 ", &line[..], b"\n"].concat()),
                5 => recorder.secret(Speaker::Server, &[b"334 ", &line[..], b"\r\n"].concat()),
                6 | 7 => recorder.content(kind == 6, &octets, octets.len()),
                8 => recorder.foreign(Speaker::Server, &octets),
                9 => {
                    let text = String::from_utf8_lossy(&octets);
                    let rejection = crate::answer::Rejection::POLICY.with_text(text);
                    recorder.push(Entry::Answer(Answer::reject(&rejection)));
                }
                10 => {
                    let text = String::from_utf8_lossy(&octets);
                    let acceptance = crate::answer::Acceptance::new(text);
                    recorder.push(Entry::Answer(Answer::accept(&acceptance)));
                }
                11 => {
                    let place = octets.first().map_or(0, |octet| usize::from(*octet));
                    let leniency = crate::profile::Leniency::ALL[place % 16];
                    recorder.push(Entry::Leniency(leniency));
                }
                12 => {
                    use crate::auth::{Binding, Channel};
                    let odd = |place: usize| octets.get(place).is_some_and(|octet| octet % 2 == 1);
                    let mut channel = Channel::new().client_certificate(odd(3));
                    for (place, binding) in Binding::ALL.into_iter().enumerate() {
                        if odd(place) {
                            channel = channel.with(binding, octets.as_slice().into());
                        }
                    }
                    recorder.push(Entry::Channel((&channel).into()));
                }
                _ => recorder.push(Entry::Remark(String::from_utf8_lossy(&octets).into())),
            }
        }
        let transcript = gathered(&mut recorder);
        let file = transcript.to_string();
        let read: Transcript = file.parse().unwrap();
        prop_assert_eq!(&read, &transcript);
        prop_assert_eq!(read.to_string(), file.clone());
        prop_assert!(file.chars().all(|character| character == '\n' || !character.is_control()));
        for (number, entry) in transcript.entries().iter().enumerate() {
            prop_assert_eq!(read.line(number), transcript.line(number), "{:?}", entry);
        }
    }

    /// No text is too odd to be refused, and what is taken is written in one way.
    #[test]
    fn any_text(text in "[CSB]?[:>*|+\\-.~?#^]? ?.{0,20}\n?.{0,20}") {
        if let Ok(transcript) = format!("smtp-transcript 1 client\n{text}").parse::<Transcript>() {
            let file = transcript.to_string();
            prop_assert_eq!(file.parse(), Ok(transcript));
        }
    }
}
