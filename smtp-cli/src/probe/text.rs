//! Text of a peer, made harmless.

use std::fmt::Write;

/// Printable characters as they are, all others as escapes: what a server says must not steer a
/// terminal, nor break a line of the page in two.
pub(super) fn shown(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for chunk in octets.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() || turns(character) {
                text.extend(character.escape_default());
            } else {
                text.push(character);
            }
        }
        for octet in chunk.invalid() {
            // Writing to a String does not fail.
            let _ = write!(text, "\\x{octet:02x}");
        }
    }
    text
}

/// Whether a character breaks lines, changes the direction of text or is not to be seen.
fn turns(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn nothing_that_steers_a_terminal_is_left() {
        let cases: [(&[u8], &str); 5] = [
            (b"mx.example \xc3\xa9", "mx.example é"),
            (b"\x1b]0;title\x07", "\\u{1b}]0;title\\u{7}"),
            ("\u{9b}2J".as_bytes(), "\\u{9b}2J"),
            (b"a\tb\xff", "a\\tb\\xff"),
            ("\u{202e}moc".as_bytes(), "\\u{202e}moc"),
        ];
        for (octets, text) in cases {
            assert_eq!(shown(octets), text);
        }
    }
}
