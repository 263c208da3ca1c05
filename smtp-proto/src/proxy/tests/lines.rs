//! Version 1.

use alloc::format;
use alloc::string::ToString;

use super::*;

/// G-60, both ways.
#[test]
fn known_lines() {
    for (header, line) in [
        (v4(), "PROXY TCP4 192.0.2.7 198.51.100.1 4711 25\r\n"),
        (v6(), "PROXY TCP6 2001:db8::7 ::1 4711 25\r\n"),
        (Header::UNKNOWN, "PROXY UNKNOWN\r\n"),
        (
            Header::new(address("0.0.0.0:0"), address("255.255.255.255:65535")),
            "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n",
        ),
        // One family, and no dotted IPv4 in a line of IPv6.
        (
            Header::new(address("192.0.2.7:1"), address("[::]:2")),
            "PROXY TCP6 ::ffff:c000:207 :: 1 2\r\n",
        ),
    ] {
        assert_eq!(v1_of(&header), line);
        assert_eq!(whole(line.as_bytes()), header);
    }
    assert_eq!(v1_of(&Header::LOCAL), "PROXY UNKNOWN\r\n");
    let unix = Header::unix(UnixAddress::default(), UnixAddress::default());
    assert_eq!(v1_of(&unix), "PROXY UNKNOWN\r\n");
}

/// G-60: anything but the exact form.
#[test]
fn bad_lines() {
    for (line, expected) in [
        ("proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n", ProxyError::Signature),
        ("Proxy UNKNOWN\r\n", ProxyError::Signature),
        (" PROXY UNKNOWN\r\n", ProxyError::Signature),
        ("PROXY\r\n", ProxyError::Signature),
        ("PROXY\tUNKNOWN\r\n", ProxyError::Signature),
        ("EHLO client.example\r\n", ProxyError::Signature),
    ] {
        assert_eq!(error(line.as_bytes()), expected, "{line:?}");
    }
    for line in [
        "PROXY \r\n",
        "PROXY  UNKNOWN\r\n",
        "PROXY unknown\r\n",
        "PROXY UNKNOWM\r\n",
        "PROXY UNKNOWN\n",
        "PROXY UNKNOWN \n\r\n",
        "PROXY UNKNOWN\r\r\n",
        "PROXY UNKNOWN a\rb\r\n",
        "PROXY TCP6 1:2:3:4:5:6:7::8 ::1 1 2\r\n",
        "PROXY tcp4 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY TCP5 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7  198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1  1 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1  2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r \n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 00\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 99999\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 -1 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 +1 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 0x1 2\r\n",
        "PROXY TCP4 192.0.02.7 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7.1 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0..7 198.51.100.1 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY TCP6 ::1 198.51.100.1 1 2\r\n",
        "PROXY TCP6 [::1] [::1] 1 2\r\n",
        "PROXY TCP6 ::1%1 ::1 1 2\r\n",
        "PROXY TCP6 1:2:3:4:5:6:7 ::1 1 2\r\n",
        "PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2\r\n",
        "PROXY TCP6 1:2:3:4:5:6:7:8:: ::1 1 2\r\n",
        "PROXY TCP6 ::1:2:3:4:5:6:7:8 ::1 1 2\r\n",
        "PROXY TCP6 1::2::3 ::1 1 2\r\n",
        "PROXY TCP6 1:::2 ::1 1 2\r\n",
        "PROXY TCP6 ::: ::1 1 2\r\n",
        "PROXY TCP6 :1::2 ::1 1 2\r\n",
        "PROXY TCP6 1::2: ::1 1 2\r\n",
        "PROXY TCP6 12345:: ::1 1 2\r\n",
        "PROXY TCP6 ::g ::1 1 2\r\n",
        "PROXY TCP6 ::fffe:192.0.2.7 ::1 1 2\r\n",
        "PROXY TCP6 ::ffff:192.0.2 ::1 1 2\r\n",
        "PROXY TCP6 ::ffff:192.0.2.256 ::1 1 2\r\n",
        "PROXY TCP6 ::ffff:1:192.0.2.7 ::1 1 2\r\n",
        "PROXY TCP6 64:ff9b::192.0.2.7 ::1 1 2\r\n",
    ] {
        assert_eq!(error(line.as_bytes()), ProxyError::Line, "{line:?}");
    }
}

#[test]
fn longest_lines() {
    let line = |octets: usize| format!("PROXY UNKNOWN{}\r\n", "x".repeat(octets - 15));
    assert!(whole(line(MAX_V1).as_bytes()).is_unknown());
    assert_eq!(error(line(MAX_V1 + 1).as_bytes()), ProxyError::TooLong);
    // Told at the first octet that leaves no room for the line end.
    let endless = "PROXY UNKNOWN ".to_string() + &"x".repeat(200);
    assert_eq!(parsed(&endless.as_bytes()[..105]), Ok(None));
    assert_eq!(error(&endless.as_bytes()[..106]), ProxyError::TooLong);

    let most = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let line = format!("PROXY TCP6 {most} {most} 65535 65535\r\n");
    assert_eq!(line.len(), 104);
    assert_eq!(v1_of(&whole(line.as_bytes())), line);
}
