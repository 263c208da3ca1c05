//! The header section, read as it streams by.

use alloc::string::String;

use super::fold::{Charset, Field};
use super::keyword::{Keyword, Tail, Word};
use crate::answer::Rejection;
use crate::date::Date;
use crate::domain::Host;
use crate::utf8::Utf8Check;

/// How many `Received:` fields make a loop, unless said otherwise (RFC 5321 section 6.3).
pub const MAX_HOPS: u32 = 100;
/// The least that can be said: mail has been seen to go over two dozen hosts.
pub const MIN_HOPS: u32 = 30;

/// Reads the header section of a message as its octets come, in any pieces, and keeps next to nothing
/// of it (RFC 5322 section 2.2).
///
/// A line that is no field is passed over: that it hides fields behind it must not help a loop.
#[derive(Clone, Debug, Default)]
pub struct HeaderScanner {
    at: At,
    name: Word<16>,
    known: Option<Known>,
    value: Keyword,
    /// Octets so far, up to the end of the header section.
    octets: u64,
    received: u32,
    return_paths: u32,
    tls_required: u32,
    tls_required_no: bool,
    has_date: bool,
    has_message_id: bool,
    has_from: bool,
    automatic: bool,
    /// Of `Content-Type:`, what is in front of the slash, and the slash.
    media: Word<12>,
    composite: bool,
    text: Utf8Check,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// At the start of a line.
    #[default]
    Line,
    /// Behind a CR at the start of a line.
    Cr,
    Name,
    Value,
    /// Behind the header section.
    Body,
}

/// Fields that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Received,
    ReturnPath,
    TlsRequired,
    AutoSubmitted,
    Date,
    MessageId,
    From,
    ContentType,
}

/// Types of content that have no header sections in them (RFC 2046 section 3, RFC 8081), with the slash.
const DISCRETE: [&[u8]; 6] = [b"text/", b"image/", b"audio/", b"video/", b"application/", b"font/"];

impl Known {
    fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"received" => Self::Received,
            b"return-path" => Self::ReturnPath,
            b"tls-required" => Self::TlsRequired,
            b"auto-submitted" => Self::AutoSubmitted,
            b"date" => Self::Date,
            b"message-id" => Self::MessageId,
            b"from" => Self::From,
            b"content-type" => Self::ContentType,
            _ => return None,
        })
    }
}

impl HeaderScanner {
    /// At the start of a message.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next octets of the message. Behind the header section nothing is looked at.
    pub fn scan(&mut self, octets: &[u8]) {
        if self.at == At::Body {
            return;
        }
        let mut rest = octets;
        while let Some((&octet, behind)) = rest.split_first() {
            match self.at {
                At::Body => break,
                At::Line => match octet {
                    b' ' | b'\t' => self.at = At::Value,
                    b'\r' => self.at = At::Cr,
                    b'\n' => self.end(),
                    _ => {
                        self.end_of_field();
                        self.name.clear();
                        self.at = At::Name;
                        continue;
                    }
                },
                At::Cr => {
                    if octet == b'\n' {
                        // The empty line is not of the header section.
                        self.octets = self.octets.saturating_sub(1);
                        self.end();
                        break;
                    }
                    self.at = At::Value;
                    continue;
                }
                At::Name => match octet {
                    b':' => {
                        self.known = Known::named(self.name.octets());
                        self.value.clear();
                        self.media.clear();
                        self.at = At::Value;
                    }
                    b'\n' => self.at = At::Line,
                    // Blanks before the colon were allowed once (RFC 5322 section 4.5).
                    b' ' | b'\t' | b'\r' => {}
                    _ => self.name.push(octet),
                },
                At::Value => {
                    let (line, behind) = match memchr::memchr(b'\n', rest) {
                        Some(end) => {
                            self.at = At::Line;
                            rest.split_at(end + 1)
                        }
                        None => (rest, &[][..]),
                    };
                    self.value_octets(line);
                    rest = behind;
                    continue;
                }
            }
            if self.at != At::Body {
                self.octets += 1;
            }
            rest = behind;
        }
        let header = octets.len() - rest.len();
        self.text.read(octets.get(..header).unwrap_or_default());
    }

    fn value_octets(&mut self, octets: &[u8]) {
        self.octets += u64::try_from(octets.len()).unwrap_or(u64::MAX);
        match self.known {
            Some(Known::TlsRequired | Known::AutoSubmitted) => {
                octets.iter().for_each(|octet| self.value.push(*octet));
            }
            Some(Known::ContentType) => {
                for &octet in octets {
                    if !octet.is_ascii_whitespace() && !self.media.octets().ends_with(b"/") {
                        self.media.push(octet);
                    }
                }
            }
            _ => {}
        }
    }

    /// The field before is whole: it is counted, folded or not, once.
    fn end_of_field(&mut self) {
        let Some(known) = self.known.take() else { return };
        match known {
            Known::Received => self.received = self.received.saturating_add(1),
            Known::ReturnPath => self.return_paths = self.return_paths.saturating_add(1),
            Known::Date => self.has_date = true,
            Known::MessageId => self.has_message_id = true,
            Known::From => self.has_from = true,
            Known::ContentType => self.composite |= !DISCRETE.contains(&self.media.octets()),
            Known::TlsRequired => {
                self.tls_required = self.tls_required.saturating_add(1);
                self.tls_required_no = self.value.is_all(b"no");
            }
            Known::AutoSubmitted => {
                let made_by_hand = match self.value.tail() {
                    Tail::Nothing => self.value.is(b"no") || self.value.is(b""),
                    Tail::Parameters => self.value.is(b"no"),
                    Tail::Else => false,
                };
                self.automatic |= !made_by_hand;
            }
        }
    }

    fn end(&mut self) {
        self.end_of_field();
        self.at = At::Body;
    }

    /// The message is over; a header section without a body ends here.
    pub fn finish(&mut self) {
        self.end();
    }

    /// Whether the header section is over.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.at == At::Body
    }

    /// The octets of the header section so far, the empty line behind it not counted.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.octets
    }

    /// How many `Received:` fields there are: over how many hosts the message has come.
    #[must_use]
    pub const fn received(&self) -> u32 {
        self.received
    }

    /// Refuses a message that goes round in a loop: one received `most` times already, though not
    /// less than [`MIN_HOPS`] (RFC 5321 section 6.3; T-11).
    ///
    /// # Errors
    ///
    /// [`Rejection::LOOP`], 554 5.4.6.
    pub fn check_loop(&self, most: u32) -> Result<(), Rejection<'static>> {
        if self.received >= most.max(MIN_HOPS) { Err(Rejection::LOOP) } else { Ok(()) }
    }

    /// How many `Return-Path:` fields there are; see [`WithoutFields`](super::WithoutFields).
    #[must_use]
    pub const fn return_paths(&self) -> u32 {
        self.return_paths
    }

    /// Whether the message says `TLS-Required: No`: TLS is then opportunistic, whatever the policy of
    /// the recipient's domain (RFC 8689 section 3). A field that comes twice, or says something else,
    /// says nothing. With the REQUIRETLS parameter it does not count.
    #[must_use]
    pub const fn tls_required_no(&self) -> bool {
        self.tls_required == 1 && self.tls_required_no
    }

    /// Whether the message was made by a machine (RFC 3834 section 5): it is not to be answered by
    /// one.
    #[must_use]
    pub const fn is_automatic(&self) -> bool {
        self.automatic
    }

    /// Whether there is a `Date:` field.
    #[must_use]
    pub const fn has_date(&self) -> bool {
        self.has_date
    }

    /// Whether there is a `Message-ID:` field.
    #[must_use]
    pub const fn has_message_id(&self) -> bool {
        self.has_message_id
    }

    /// Whether there is a `From:` field.
    #[must_use]
    pub const fn has_from(&self) -> bool {
        self.has_from
    }

    /// Whether the header section so far is UTF-8, and not ASCII alone, so that it needs SMTPUTF8 (RFC 6531
    /// section 3.2, RFC 6532 section 3). In another charset it is 8-bit, but SMTPUTF8 is no help to it.
    ///
    /// The header sections of body parts are not looked at; without [`is_composite`](Self::is_composite)
    /// there are none.
    #[must_use]
    pub const fn is_internationalized(&self) -> bool {
        self.text.is_beyond_ascii()
    }

    /// Whether the body may have header sections of its own: `Content-Type:` says that it is made of parts
    /// or is a message, or nothing that is known (RFC 2045 section 5.1).
    #[must_use]
    pub const fn is_composite(&self) -> bool {
        self.composite
    }

    /// The fields that a message lacks and a submission server may add in front of it: `Date:` and
    /// `Message-ID:` (RFC 6409 section 8.3, 8.2; T-12). Empty when it has both. A relay adds nothing
    /// (RFC 5321 section 6.4).
    ///
    /// `unique` becomes the left side of the message id, `host` the right one.
    #[must_use]
    pub fn missing_fields(&self, date: Date, unique: &str, host: Host<'_>) -> String {
        let mut out = String::new();
        if !self.has_date {
            let mut field = Field::new(&mut out, "Date", Charset::Ascii);
            field.show(date);
            field.end();
        }
        if !self.has_message_id {
            let mut field = Field::new(&mut out, "Message-ID", Charset::Ascii);
            field.word(&message_id(unique, host));
            field.end();
        }
        out
    }
}

/// `msg-id = [CFWS] "<" id-left "@" id-right ">" [CFWS]`; what may not stand in it becomes `-`.
pub(crate) fn message_id(unique: &str, host: Host<'_>) -> String {
    use crate::grammar::{ATEXT, in_class};

    let fits = |c: char| c.is_ascii() && in_class(ATEXT)(c);
    let left: String = unique.chars().take(200).map(|c| if fits(c) { c } else { '-' }).collect();
    let left = if left.is_empty() { "-" } else { &left };
    alloc::format!("<{left}@{host}>")
}
