//! What the least that a mail server can do says and remembers, on any runtime.
//!
//! It looks at the first letter of each line and at the last octets of content, no more; it keeps nothing
//! and checks nothing.

/// Octets read at once: commands.
pub const COMMANDS: usize = 8 * 1024;
/// While content comes.
pub const CONTENT: usize = 64 * 1024;

/// What a client is greeted with.
pub const GREETING: &[u8] = b"220 floor.example ESMTP\r\n";
const EHLO: &[u8] =
    b"250-floor.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n";
const OK: &[u8] = b"250 2.0.0 ok\r\n";
const GO_AHEAD: &[u8] = b"354 go ahead\r\n";
const BYE: &[u8] = b"221 2.0.0 bye\r\n";
const END: [u8; 5] = *b"\r\n.\r\n";

/// What a session remembers between two reads.
#[derive(Debug, Default)]
pub struct Session {
    content: bool,
    /// The last octets of content.
    tail: [u8; 5],
    /// The first letter of a line that has not ended yet.
    letter: Option<u8>,
    over: bool,
}

impl Session {
    /// Whether content is coming: a large buffer is worth it then.
    pub fn is_content(&self) -> bool {
        self.content
    }

    /// Whether nothing more is answered.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// What to answer to what was read; none when nothing was, as nothing more comes.
    pub fn take(&mut self, octets: &[u8]) -> Option<&'static [u8]> {
        if octets.is_empty() {
            return None;
        }
        if self.content {
            return Some(self.content(octets));
        }
        // Every group that a client sends is answered whole: MAIL, RCPT and DATA, or one of them.
        let mut answers: (usize, &[u8]) = (0, b"");
        for &octet in octets {
            let letter = *self.letter.get_or_insert(octet.to_ascii_uppercase());
            if octet == b'\n' {
                self.letter = None;
                answers.1 = match letter {
                    b'E' => EHLO,
                    b'D' => GO_AHEAD,
                    b'Q' => BYE,
                    _ => OK,
                };
                self.content = letter == b'D';
                self.over = letter == b'Q';
                answers.0 += 1;
            }
        }
        Some(match answers {
            (0 | 1, only) => only,
            (2, GO_AHEAD) => b"250 2.0.0 ok\r\n354 go ahead\r\n",
            (2, _) => b"250 2.0.0 ok\r\n250 2.0.0 ok\r\n",
            (3, GO_AHEAD) => b"250 2.0.0 ok\r\n250 2.0.0 ok\r\n354 go ahead\r\n",
            (3, _) => b"250 2.0.0 ok\r\n250 2.0.0 ok\r\n250 2.0.0 ok\r\n",
            _ => {
                self.over = true;
                b"451 4.3.0 no such group is measured\r\n"
            }
        })
    }

    /// Content ends where a read ends with its end: the client says nothing more before it is answered.
    fn content(&mut self, octets: &[u8]) -> &'static [u8] {
        match octets.last_chunk() {
            Some(last) => self.tail = *last,
            None => {
                self.tail.rotate_left(octets.len());
                let start = self.tail.len() - octets.len();
                self.tail[start..].copy_from_slice(octets);
            }
        }
        if self.tail == END {
            self.content = false;
            self.tail = Default::default();
            OK
        } else {
            b""
        }
    }
}
