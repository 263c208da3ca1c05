//! Writing a header field so that nothing put into it can end it (RFC 5322 section 2.1.1, 2.2.3).

use alloc::string::String;
use core::fmt::{self, Write as _};

/// The line length aimed at, in octets without the CRLF.
const AIM: usize = 78;
/// The longest line, in octets without the CRLF.
const MOST: usize = 998;

/// What a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    Ascii,
    /// RFC 6532.
    Utf8,
}

impl Charset {
    pub(crate) const fn of(utf8: bool) -> Self {
        if utf8 { Self::Utf8 } else { Self::Ascii }
    }
}

/// A field that is being written. Its words are separated by one blank each, or by a fold where the
/// line would grow too long; controls, and what the charset has not, become `?`.
#[derive(Debug)]
pub(crate) struct Field<'o> {
    out: &'o mut String,
    charset: Charset,
    /// Octets on the line so far.
    column: usize,
    /// The next character that shows begins a line: one of blanks only would end the field's section
    /// for some readers (RFC 5322 section 3.2.2).
    folds: bool,
    /// The next word comes without a blank before it.
    glue: bool,
}

impl<'o> Field<'o> {
    /// Begins a field; `name` is one this crate knows.
    pub(crate) fn new(out: &'o mut String, name: &str, charset: Charset) -> Self {
        out.push_str(name);
        out.push(':');
        Self { out, charset, column: name.len() + 1, folds: false, glue: false }
    }

    /// Begins a paragraph of text with a word, to be folded as a field is.
    pub(crate) fn paragraph(out: &'o mut String, word: &str, charset: Charset) -> Self {
        let mut this = Self { out, charset, column: 0, folds: false, glue: true };
        this.word(word);
        this
    }

    /// Adds a word, blanks in it included.
    pub(crate) fn word(&mut self, word: &str) -> &mut Self {
        let length = if self.charset == Charset::Utf8 { word.len() } else { word.chars().count() };
        if core::mem::take(&mut self.glue) {
            self.put(word);
            return self;
        }
        if self.column + 1 + length > AIM && self.column > 1 {
            self.fold();
        } else {
            self.out.push(' ');
            self.column += 1;
        }
        self.put(word);
        self
    }

    /// Adds what is shown.
    pub(crate) fn show(&mut self, value: impl fmt::Display) -> &mut Self {
        let mut word = String::new();
        // Writing to a string does not fail.
        let _ = write!(word, "{value}");
        self.word(&word)
    }

    /// Adds a text, to be folded at any of its blanks.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        for word in text.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()) {
            self.word(word);
        }
        self
    }

    /// What comes next stands directly behind what is there.
    pub(crate) fn glued(&mut self) -> &mut Self {
        self.glue = true;
        self
    }

    /// Goes on in the next line, if anything comes.
    pub(crate) fn fold(&mut self) -> &mut Self {
        self.folds = true;
        self.glue = true;
        self
    }

    fn put(&mut self, word: &str) {
        self.glue = false;
        for c in word.chars() {
            let fits = !c.is_control() && (self.charset == Charset::Utf8 || c.is_ascii());
            let c = if fits { c } else { '?' };
            self.folds |= self.column + c.len_utf8() > MOST;
            if self.folds {
                if c == ' ' {
                    continue;
                }
                self.out.push_str("\r\n\t");
                self.column = 1;
                self.folds = false;
            }
            self.out.push(c);
            self.column += c.len_utf8();
        }
    }

    /// Ends the field.
    pub(crate) fn end(self) {
        self.out.push_str("\r\n");
    }
}

/// A text in which a peer cannot end a comment: what may not stand in one becomes `?` (RFC 5322
/// section 3.2.2).
pub(crate) fn comment(text: &str) -> String {
    let fits = |c: char| matches!(c, '!'..='~') && !matches!(c, '(' | ')' | '\\');
    text.chars().map(|c| if fits(c) { c } else { '?' }).collect()
}
