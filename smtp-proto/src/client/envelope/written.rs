//! Where the addresses of a field stand in its octets.

use alloc::vec::Vec;

/// An entry of a list of addresses, as it stands in a field.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written<'f> {
    /// From its first word to its last.
    pub(super) text: &'f [u8],
    /// The address, where it is one piece: in angle brackets, or all that there is but comments.
    pub(super) address: Option<&'f [u8]>,
}

impl Written<'_> {
    /// Whether it can be nothing else than an address.
    fn is_address(&self) -> bool {
        self.address.is_some_and(|word| word.contains(&b'@') && !word.contains(&b'"'))
    }
}

/// The entries of a field, of groups too, in their order (RFC 5322 section 3.4). `None` where a comment, a
/// quoted string or an angle bracket is left open: it is not known then what belongs to it.
pub(super) fn written(field: &[u8]) -> Option<Vec<Written<'_>>> {
    let mut found = Vec::new();
    let mut entry = Entry::default();
    let mut at = 0;
    while let Some(octet) = field.get(at) {
        let single = at + 1;
        at = match (octet, entry.place) {
            (b' ' | b'\t' | b'\r' | b'\n', _) => single,
            (b'(', _) => end_of_comment(field, at)?,
            (b'<', Place::Phrase) => {
                entry.open(at);
                single
            }
            (b'>', Place::Brackets) => {
                entry.close(single);
                single
            }
            (b',' | b';', Place::Phrase | Place::Behind) => {
                found.extend(entry.take(field));
                single
            }
            // What stands before it is the name of a group, but an address is none (RFC 5322 section 3.2.5).
            (b':', Place::Phrase) => {
                found.extend(entry.take(field).filter(Written::is_address));
                single
            }
            _ => {
                let end = end_of_word(field, at, entry.place)?;
                entry.word(at, end);
                end
            }
        };
    }
    if entry.place == Place::Brackets {
        return None;
    }
    found.extend(entry.take(field));
    Some(found)
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Where a name may stand, or an address without brackets.
    #[default]
    Phrase,
    /// Within angle brackets.
    Brackets,
    /// Behind them.
    Behind,
}

/// What has been seen of an entry.
#[derive(Debug, Default)]
struct Entry {
    place: Place,
    from: Option<usize>,
    to: usize,
    /// The last word, and how many may be the address: those in brackets and behind, or all.
    word: (usize, usize),
    words: usize,
}

impl Entry {
    fn word(&mut self, at: usize, end: usize) {
        self.from.get_or_insert(at);
        self.to = end;
        self.word = (at, end);
        self.words += 1;
    }

    fn open(&mut self, at: usize) {
        self.from.get_or_insert(at);
        self.place = Place::Brackets;
        self.words = 0;
    }

    fn close(&mut self, end: usize) {
        self.to = end;
        self.place = Place::Behind;
    }

    /// The entry, unless there is nothing of it, and the start of the next.
    fn take<'f>(&mut self, field: &'f [u8]) -> Option<Written<'f>> {
        let Self { from, to, word: (at, end), words, .. } = core::mem::take(self);
        let address = if words == 1 { field.get(at..end) } else { None };
        Some(Written { text: field.get(from?..to)?, address })
    }
}

/// Behind a word that begins there: octets up to a blank, a comment or a delimiter, and what is quoted.
fn end_of_word(field: &[u8], start: usize, place: Place) -> Option<usize> {
    let mut at = start;
    while let Some(octet) = field.get(at) {
        let over = match (octet, place) {
            (b' ' | b'\t' | b'\r' | b'\n' | b'(', _) | (b'>', Place::Brackets) => true,
            (b',' | b';', Place::Phrase | Place::Behind) => true,
            (b'<' | b':', Place::Phrase) => true,
            (b'"', _) => {
                at = end_of_quoted(field, at)?;
                continue;
            }
            _ => false,
        };
        if over {
            break;
        }
        at += 1;
    }
    Some(at)
}

/// Behind the quoted string that begins there.
fn end_of_quoted(field: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at = match field.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at + 2,
            _ => at + 1,
        };
    }
}

/// Behind the comment that begins there, and those within it.
fn end_of_comment(field: &[u8], start: usize) -> Option<usize> {
    let mut open = 0_usize;
    let mut at = start;
    loop {
        at = match field.get(at)? {
            b'(' => {
                open += 1;
                at + 1
            }
            b')' if open == 1 => return Some(at + 1),
            b')' => {
                open -= 1;
                at + 1
            }
            b'\\' => at + 2,
            _ => at + 1,
        };
    }
}
