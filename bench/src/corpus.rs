//! What is parsed and sent.

/// The commands of an everyday session.
pub const EVERYDAY: [&[u8]; 8] = [
    b"EHLO client.example.org\r\n",
    b"MAIL FROM:<alice@example.org> SIZE=24576\r\n",
    b"RCPT TO:<bob@example.net>\r\n",
    b"RCPT TO:<carol.jones@mail.example.com>\r\n",
    b"DATA\r\n",
    b"RSET\r\n",
    b"NOOP\r\n",
    b"QUIT\r\n",
];

/// Commands of every kind: all parameters, quotes, literals, UTF-8, AUTH, BDAT.
pub const ALL: [&[u8]; 30] = [
    b"EHLO client.example.org\r\n",
    b"EHLO [192.0.2.7]\r\n",
    b"EHLO [IPv6:2001:db8::1]\r\n",
    b"HELO client.example.org\r\n",
    b"LHLO client.example.org\r\n",
    b"MAIL FROM:<>\r\n",
    b"MAIL FROM:<alice@example.org>\r\n",
    b"MAIL FROM:<alice@example.org> SIZE=24576 BODY=8BITMIME\r\n",
    b"MAIL FROM:<alice@example.org> SIZE=24576 BODY=8BITMIME SMTPUTF8\r\n",
    b"MAIL FROM:<alice@example.org> RET=HDRS ENVID=QQ314159+2B26\r\n",
    b"MAIL FROM:<e=mc2@example.com> AUTH=e+3Dmc2@example.com\r\n",
    b"MAIL FROM:<\"alice jones\"@example.org> AUTH=<> BODY=7BIT\r\n",
    "MAIL FROM:<j\u{f6}rg@b\u{fc}cher.example> SMTPUTF8\r\n".as_bytes(),
    b"MAIL FROM:<bounces+bob=example.net@lists.example.org> BY=120;R HOLDFOR=3600 MT-PRIORITY=3\r\n",
    b"RCPT TO:<bob@example.net>\r\n",
    b"RCPT TO:<Postmaster>\r\n",
    b"RCPT TO:<@relay.example,@hub.example:bob@example.net>\r\n",
    b"RCPT TO:<\"a>b@c\"@x.example>\r\n",
    b"RCPT TO:<bob@[192.0.2.9]>\r\n",
    b"RCPT TO:<bob@[IPv6:2001:db8::2:1]>\r\n",
    b"RCPT TO:<bob@example.net> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;bob+2Bx@example.net\r\n",
    b"RCPT TO:<bob@example.net> NOTIFY=NEVER\r\n",
    b"DATA\r\n",
    b"BDAT 86400 LAST\r\n",
    b"RSET\r\n",
    b"NOOP are you there\r\n",
    b"VRFY bob@example.net\r\n",
    b"AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHMzY3JldCE=\r\n",
    b"STARTTLS\r\n",
    b"QUIT\r\n",
];

/// A reply of one line, with an enhanced code.
pub const REPLY: &[u8] = b"250 2.1.5 recipient ok\r\n";

/// A reply to EHLO of twelve lines.
pub const EHLO_REPLY: &[u8] = b"250-mx.example.net greets client.example.org\r\n\
250-PIPELINING\r\n\
250-SIZE 52428800\r\n\
250-STARTTLS\r\n\
250-AUTH SCRAM-SHA-256 PLAIN LOGIN\r\n\
250-ENHANCEDSTATUSCODES\r\n\
250-8BITMIME\r\n\
250-SMTPUTF8\r\n\
250-DSN\r\n\
250-CHUNKING\r\n\
250-LIMITS RCPTMAX=1000\r\n\
250 HELP\r\n";

/// Octets of content in each measurement of it.
pub const CONTENT: usize = 1 << 20;

/// Octets that are handed over at a time, as they come from a socket.
pub const READ: usize = 16 * 1024;

/// A kind of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Lines of 60 to 76 octets; some begin with a dot.
    Text,
    /// Lines of 76 octets of base64.
    Base64,
    /// Every line is a dot before another octet.
    Dots,
    /// Lines of 998 octets.
    Long,
}

/// [`CONTENT`] octets of this kind, as a sender has them: dots as they are, the last line whole.
pub fn content(kind: Kind) -> Vec<u8> {
    let mut content = Vec::with_capacity(CONTENT);
    let mut number = 0;
    while content.len() < CONTENT {
        number += 1;
        match kind {
            Kind::Text => {
                if number % 50 == 0 {
                    content.push(b'.');
                }
                let words =
                    b"all work and no play makes a dull boy of jack and of his sister jane too.";
                content.extend_from_slice(&words[..60 + number % 14]);
            }
            Kind::Base64 => {
                content.extend(
                    (0..76).map(|place| b'A' + u8::try_from((place + number) % 26).unwrap_or(0)),
                );
            }
            Kind::Dots => content.extend_from_slice(b"."),
            Kind::Long => content.resize(content.len() + 998, b'x'),
        }
        content.extend_from_slice(b"\r\n");
    }
    content.truncate(CONTENT - 2);
    if content.last() == Some(&b'\r') {
        content.pop();
        content.push(b'x');
    }
    content.extend_from_slice(b"\r\n");
    content
}

/// The same as it goes over the wire: dots doubled, the end marked.
pub fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(content.len() + content.len() / 2 + 3);
    for line in content.split_inclusive(|&octet| octet == b'\n') {
        if line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

/// A message of 1 KiB, dots as they are.
pub fn message() -> Vec<u8> {
    let mut message =
        b"From: <alice@example.org>\r\nTo: <bob@example.net>\r\nSubject: figures\r\n\r\n".to_vec();
    while message.len() < 1022 {
        message.extend_from_slice(b"all work and no play makes jack a dull boy\r\n");
    }
    message.truncate(1022);
    message.extend_from_slice(b"\r\n");
    message
}
