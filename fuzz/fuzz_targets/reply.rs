//! Invariant: the end of a reply does not depend on how its octets arrive, whatever a server says
//! can be looked at and shown as one harmless line, and a reply that is written can be read again.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use smtp_fuzz::Cuts;
use smtp_proto::{
    extension::Capabilities,
    reply::{
        CodeMismatch, Reply, ReplyBuf, ReplyError, ReplyReader, ReplyRules, TextCharset,
        write_reply,
    },
    status::{Code, EnhancedCode},
};

#[derive(Debug, Arbitrary)]
struct Input<'i> {
    cuts: Cuts,
    rules: u8,
    code: u16,
    enhanced: (u8, u16, u16),
    octets: &'i [u8],
}

fn rules(choice: u8) -> ReplyRules {
    let mut rules = ReplyRules::default();
    rules.lenient_lf = choice & 1 != 0;
    if choice & 2 != 0 {
        rules.code_mismatch = CodeMismatch::Last;
    }
    if choice & 4 != 0 {
        rules.max_line = 40;
    }
    if choice & 8 != 0 {
        rules.max_lines = 3;
    }
    if choice & 16 != 0 {
        rules.max_octets = 100;
    }
    rules
}

fn find(octets: &[u8], rules: &ReplyRules, cuts: Cuts) -> Result<Option<usize>, ReplyError> {
    let (mut reader, mut arrived) = (ReplyReader::default(), 0);
    for piece in cuts.pieces(octets) {
        arrived += piece.len();
        if let Some(length) = reader.find(&octets[..arrived], rules)? {
            assert!(length <= arrived);
            return Ok(Some(length));
        }
    }
    Ok(None)
}

fn look_at(reply: Reply<'_>) {
    assert!((200..600).contains(&reply.code().value()));
    if let Some(enhanced) = reply.enhanced() {
        assert_eq!(enhanced.severity(), reply.severity());
    }
    let newlines = reply.octets().iter().filter(|octet| **octet == b'\n').count();
    assert_eq!(reply.lines().count(), newlines);
    assert_eq!(reply.texts().count(), newlines);
    for (line, text) in reply.lines().zip(reply.texts()) {
        assert!(line.ends_with(text));
    }
    for shown in [format!("{reply}"), format!("{reply:?} {:?}", reply.lines())] {
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
    }
    let _ = reply.host();
    let owned = reply.to_owned();
    assert_eq!(owned.as_reply(), reply);
    assert_eq!((owned.code(), owned.enhanced()), (reply.code(), reply.enhanced()));

    let capabilities = Capabilities::parse(reply);
    let _ = (capabilities.host(), capabilities.limits());
    assert_ne!(capabilities.size_limit(), Some(0));
    for extension in capabilities.set().iter() {
        assert!(capabilities.offers(extension));
    }
    for mechanism in capabilities.auth_mechanisms() {
        assert!(capabilities.offers_mechanism(mechanism));
    }
    assert!(capabilities.lines().count() < newlines);
}

fn write(code: Code, enhanced: Option<EnhancedCode>, text: &str, charset: TextCharset) {
    let mut octets = Vec::new();
    write_reply(&mut octets, code, enhanced, text, charset);
    let reply = match Reply::parse(&octets) {
        Ok(reply) => reply,
        Err(ReplyError::LineTooLong) if code == Code::CHALLENGE => return,
        Err(error) => panic!("{error}: {:?}", octets.escape_ascii().to_string()),
    };
    assert_eq!(reply.code(), code);
    if let Some(enhanced) = enhanced.filter(|enhanced| enhanced.severity() == code.severity()) {
        assert_eq!(reply.enhanced(), Some(enhanced));
    }
    assert!(reply.lines().count() <= 30);
    let ascii = charset == TextCharset::Ascii || code == Code::CHALLENGE;
    for line in reply.lines() {
        assert!(line.len() + "250 \r\n".len() <= 512 || code == Code::CHALLENGE);
        let line = std::str::from_utf8(line).expect("text is UTF-8");
        assert!(!ascii || line.is_ascii());
        assert!(line.chars().all(|character| character == '\t' || !character.is_ascii_control()));
    }
    if charset == TextCharset::Utf8 {
        let built = ReplyBuf::new(code, enhanced, text);
        assert_eq!(built.as_reply().octets(), octets);
    }
}

fuzz_target!(|input: Input<'_>| {
    let Input { cuts, octets, .. } = input;
    let rules = rules(input.rules);
    let whole = find(octets, &rules, Cuts::NONE);
    assert_eq!(find(octets, &rules, Cuts::ALL), whole);
    assert_eq!(find(octets, &rules, cuts), whole);
    if let Ok(Some(length)) = whole {
        assert!(length <= rules.max_octets);
        let reply = Reply::parse_with(&octets[..length], &rules).expect("it was found");
        look_at(reply);
        if length < octets.len() {
            assert_eq!(Reply::parse_with(octets, &rules), Err(ReplyError::Trailing));
        }
    }

    if let Some(code) = Code::new(200 + input.code % 400) {
        let (class, subject, detail) = input.enhanced;
        let enhanced = EnhancedCode::new(class, subject, detail);
        let text = String::from_utf8_lossy(octets);
        write(code, enhanced, &text, TextCharset::Ascii);
        write(code, enhanced, &text, TextCharset::Utf8);
    }
});
