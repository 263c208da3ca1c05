//! Arguments by themselves: what they say, and how long they may be.

use super::*;

/// RFC 4468 section 3.3: a key that names a user is for that user.
#[test]
fn urls_and_whom_they_are_for() {
    let url = Url::parse("imap://j@x.example:143/a;urlauth=submit+j%6fe:internal:91").unwrap();
    assert!(url.is_key() && url.is_for(Some("joe")));
    assert!(!url.is_for(Some("jane")) && !url.is_for(None));
    assert_eq!((url.scheme(), url.authority()), ("imap", Some("j@x.example:143")));
    for free in ["imap://x/a;URLAUTH=anonymous:internal:91", "imap://x/a+b", "data:,x"] {
        let url = Url::parse(free).unwrap();
        assert!(url.is_for(None), "{free}");
    }
    assert_eq!(Url::parse("data:,x").unwrap().authority(), None);
    for none in ["", "imap", "imap:", ":x", "1map:x", "imap:%4", "imap:%4g", "imap:%g4", "imap:a b"]
    {
        assert!(Url::parse(none).is_err(), "{none:?}");
    }
}

/// RFC 2645 section 4.2.1: a list of domains finds room in a line of 512 octets.
#[test]
fn domains_of_one_line() {
    for (last, fits) in [("xxxxxxx.example", true), ("xxxxxxxx.example", false)] {
        let list = "a.example,".repeat(49) + last;
        let line = format!("ATRN {list}\r\n");
        assert_eq!(DomainList::parse(&list).is_ok(), fits, "{}", line.len());
        assert_eq!(line.len() <= 512, fits);
    }
}

/// A queue's name has 255 octets at the most; an initial response of none is told from others.
#[test]
fn bounds_of_other_arguments() {
    assert!(QueueName::parse(&"q".repeat(255)).is_ok());
    let long = QueueName::parse(&"q".repeat(256)).unwrap_err();
    assert_eq!((long.rule(), long.offset()), (Rule::Node, 255));
    for (text, empty) in [("=", true), ("YQ==", false)] {
        assert_eq!(InitialResponse::parse(text.as_bytes()).unwrap().is_empty(), empty, "{text}");
    }
}

/// What is wrong has its place in the line, whatever is wider in front of it than it need be.
#[test]
fn an_error_has_its_place_behind_blanks() {
    for line in
        ["XCLIENT NAME=a NOSUCH=1", "XCLIENT   NAME=a NOSUCH=1", "XCLIENT  NAME=a   NOSUCH=1"]
    {
        let error = Command::parse(line.as_bytes(), &Syntax::LENIENT).unwrap_err();
        assert_eq!((error.rule(), Some(error.offset())), (Rule::Attribute, line.find("NOSUCH")));
    }
}
