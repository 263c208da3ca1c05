//! Replies that nobody words: they are written as they stand.

use crate::status::Code;

/// A positive reply of the core's own wording.
#[derive(Debug)]
pub(super) struct Stock {
    pub(super) code: Code,
    /// Subject and detail of the enhanced code.
    pub(super) enhanced: (u16, u16),
    pub(super) text: &'static str,
    /// The whole reply with its enhanced code, as it goes out.
    pub(super) whole: &'static str,
}

macro_rules! stock {
    ($name:ident = $code:ident $value:literal $subject:literal $detail:literal $text:literal) => {
        pub(super) const $name: Stock = Stock {
            code: Code::$code,
            enhanced: ($subject, $detail),
            text: $text,
            whole: concat!($value, " 2.", $subject, ".", $detail, " ", $text, "\r\n"),
        };
    };
}

stock!(MAIL = OK 250 1 0 "MAIL accepted");
stock!(RCPT = OK 250 1 5 "RCPT accepted");
stock!(DELIVERY = OK 250 0 0 "message accepted");
stock!(FETCHED = OK 250 5 0 "message accepted");
stock!(EXTENSION = OK 250 0 0 "OK");
stock!(AUTHENTICATED = AUTHENTICATED 235 7 0 "authenticated");

/// The reply to DATA (RFC 5321 section 4.1.1.4).
pub(super) const GO_AHEAD: &str = "354 send the message, end with <CRLF>.<CRLF>\r\n";

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec::Vec};

    use super::*;
    use crate::{
        reply::{TextCharset, write_reply},
        status::EnhancedCode,
    };

    #[test]
    fn they_are_what_would_be_written() {
        for stock in [MAIL, RCPT, DELIVERY, FETCHED, EXTENSION, AUTHENTICATED] {
            let (subject, detail) = stock.enhanced;
            let enhanced = EnhancedCode::new(2, subject, detail);
            let mut written = Vec::new();
            write_reply(&mut written, stock.code, enhanced, stock.text, TextCharset::Ascii);
            assert_eq!(String::from_utf8(written).unwrap(), stock.whole);
        }
        let mut written = Vec::new();
        let text = "send the message, end with <CRLF>.<CRLF>";
        write_reply(&mut written, Code::START_MAIL_INPUT, None, text, TextCharset::Ascii);
        assert_eq!(String::from_utf8(written).unwrap(), GO_AHEAD);
    }
}
