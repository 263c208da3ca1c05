//! What is said to proxies, octet for octet, and what their answers mean.

use super::*;

fn destination(host: &str, port: u16) -> Destination {
    Destination::of(&Target::new(host, port)).unwrap()
}

fn socks(host: &str, with: Option<(&'static str, &'static str)>) -> Socks5 {
    let of = |(name, password): (&'static str, &'static str)| Credentials {
        name,
        password: password.as_bytes(),
    };
    Socks5::new(&destination(host, 25), with.map(of)).unwrap()
}

/// Answers each that is said, and gives what was said and what came of it. What is answered is cut as
/// it is asked for; what is left over belongs to the session.
fn talk(
    tunnel: &mut impl Tunnel,
    answers: &[&[u8]],
) -> (Vec<Vec<u8>>, Result<Vec<u8>, ProxyError>) {
    let mut answers = answers.iter();
    let (mut said, mut left) = (Vec::new(), Vec::new());
    loop {
        match tunnel.step() {
            Step::Say(octets) => {
                said.push(octets);
                left.extend_from_slice(answers.next().copied().unwrap_or_default());
            }
            Step::Hear(count) if left.len() < count => {
                return (said, Err(ProxyError::Io(io::ErrorKind::UnexpectedEof.into())));
            }
            Step::Hear(count) => {
                let heard: Vec<u8> = left.drain(..count).collect();
                if let Err(error) = tunnel.heard(&heard) {
                    return (said, Err(error));
                }
            }
            Step::Done => return (said, Ok(left)),
        }
    }
}

#[test]
fn socks_known_answers() {
    let greeting = b"220 mx\r\n";
    let bound_v4 = [[5, 0, 0, 1, 10, 0, 0, 1, 4, 1].as_slice(), greeting].concat();
    let (said, left) = talk(&mut socks("192.0.2.7", None), &[&[5, 0], &bound_v4]);
    assert_eq!(said, [vec![5, 1, 0], vec![5, 1, 0, 1, 192, 0, 2, 7, 0, 25]]);
    assert_eq!(left.unwrap(), greeting);

    let bound_v6 = [[5, 0, 0, 4].as_slice(), &[0; 18], greeting].concat();
    let (said, left) = talk(&mut socks("[2001:db8::1]", None), &[&[5, 0], &bound_v6]);
    assert_eq!(said[1][..8], [5, 1, 0, 4, 0x20, 0x01, 0x0d, 0xb8]);
    assert_eq!((said[1].len(), left.unwrap().as_slice()), (22, greeting.as_slice()));

    // The proxy looks the name up; it may say a name itself.
    let bound_name = [[5, 0, 0, 3, 2, b'm', b'x', 0, 25].as_slice(), greeting].concat();
    let answers: [&[u8]; 3] = [&[5, 2], &[1, 0], &bound_name];
    let (said, left) = talk(&mut socks("MX.example", Some(("tim", "tanstaaf"))), &answers);
    assert_eq!(said[0], [5, 2, 0, 2]);
    assert_eq!(said[1], b"\x01\x03tim\x08tanstaaf");
    assert_eq!(said[2], b"\x05\x01\x00\x03\x0amx.example\x00\x19");
    assert_eq!(left.unwrap(), greeting);
}

#[test]
fn what_socks_refuses() {
    let refused =
        |answers: &[&[u8]], with| talk(&mut socks("mx.example", with), answers).1.unwrap_err();
    let tim = Some(("tim", "x"));
    assert!(matches!(refused(&[&[5, 255]], None), ProxyError::CredentialsWanted));
    assert!(matches!(refused(&[&[5, 2]], None), ProxyError::Malformed));
    assert!(matches!(refused(&[&[4, 0]], tim), ProxyError::Malformed));
    assert!(matches!(refused(&[&[5, 2], &[1, 1]], tim), ProxyError::CredentialsRefused));
    assert!(matches!(refused(&[&[5, 0], &[5, 0, 0, 9, 0]], tim), ProxyError::Malformed));
    assert!(matches!(refused(&[&[5]], tim), ProxyError::Io(_)));
    for code in 1..=9 {
        let error = refused(&[&[5, 0], &[5, code, 0, 1, 0]], None);
        let temporary = matches!(code, 1 | 3 | 4 | 5 | 6);
        assert_eq!(error.is_temporary(), temporary, "{code}: {error}");
    }
}

#[test]
fn http_known_answers() {
    let with = Credentials { name: "Aladdin", password: b"open sesame" };
    let mut http = Http::new(&destination("mx.example", 587), Some(with));
    let (said, left) = talk(&mut http, &[b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n220 mx\r\n"]);
    let request = "CONNECT mx.example:587 HTTP/1.1\r\nHost: mx.example:587\r\n\
                   Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
    assert_eq!(said, [request.as_bytes()]);
    assert_eq!(left.unwrap(), b"220 mx\r\n");
    let mut http = Http::new(&destination("2001:db8::1", 25), None);
    let (said, left) = talk(&mut http, &[b"HTTP/1.0 200\n\n"]);
    assert_eq!(said, [b"CONNECT [2001:db8::1]:25 HTTP/1.1\r\nHost: [2001:db8::1]:25\r\n\r\n"]);
    assert_eq!(left.unwrap(), b"");
}

#[test]
fn what_http_refuses() {
    let refused = |answer: &[u8]| {
        talk(&mut Http::new(&destination("mx.example", 25), None), &[answer]).1.unwrap_err()
    };
    let answer = |status: &str| refused(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes());
    assert!(matches!(answer("403 No"), ProxyError::Forbidden));
    assert!(matches!(answer("407 Who"), ProxyError::CredentialsWanted));
    assert!(matches!(answer("502 Bad"), ProxyError::NotReached));
    assert!(matches!(answer("503 Busy"), ProxyError::Http(503)));
    assert!(matches!(answer("100 Wait"), ProxyError::Http(100)));
    for malformed in ["2000 OK", "20 OK", "abc", "", "099 x"] {
        assert!(matches!(answer(malformed), ProxyError::Malformed), "{malformed}");
    }
    assert!(matches!(refused(b"220 mx.example ESMTP\r\n\r\n"), ProxyError::Malformed));
    assert!(matches!(refused(&[b'x'; 2000]), ProxyError::Malformed));
    let endless = [b"HTTP/1.1 200 OK\r\n".as_slice(), &[b'x'; 20_000]].concat();
    assert!(matches!(refused(&endless), ProxyError::Malformed));
    let with = Some(Credentials { name: "a", password: b"b" });
    let mut http = Http::new(&destination("mx.example", 25), with);
    let answer: &[u8] = b"HTTP/1.1 407 no\r\n\r\n";
    assert!(matches!(talk(&mut http, &[answer]).1, Err(ProxyError::CredentialsRefused)));
}

/// Nothing can be slipped into a request by a host name, nor by credentials.
#[test]
fn what_cannot_be_asked_is_not() {
    for host in ["a b", "a\r\nX: y", "", "\u{378}.example", "a..b", &"a".repeat(300)] {
        let target = Target::new(host, 25);
        assert!(matches!(Destination::of(&target), Err(ProxyError::HostName)), "{host}");
    }
    let http = Proxy::http("127.0.0.1", 3128);
    for (name, password) in [("a:b", "x"), ("a", "\r\n"), (&"a".repeat(256), "x")] {
        assert!(http.clone().credentials(name, password).is_err());
    }
    let socks = Proxy::socks5("127.0.0.1", 1080);
    assert!(socks.clone().credentials("", "x").is_err() && socks.credentials("a", "").is_err());
    let shown = format!("{:?}", http.credentials("a", "secret").unwrap());
    assert_eq!(shown, "Proxy(http://127.0.0.1:3128)");
}

#[test]
fn proxies_as_they_are_written() {
    let read = |text: &str| text.parse::<Proxy>();
    for text in ["socks5://127.0.0.1:9050", "http://proxy.example:3128", "socks5://[::1]:1080"] {
        assert_eq!(read(text).unwrap().to_string(), text);
    }
    assert_eq!(read("SOCKS5H://tor:9050/").unwrap().to_string(), "socks5://tor:9050");
    let proxy = read("http://a%40b:p%3aw:x@proxy:80").unwrap();
    let (name, password) = proxy.credentials.unwrap();
    assert_eq!((&*name, password.as_slice()), ("a@b", b"p:w:x".as_slice()));
    let scheme = ["", "proxy:80", "https://proxy:80", "://x:1"];
    assert!(scheme.iter().all(|text| matches!(read(text), Err(InvalidProxy::Scheme))));
    let host = ["http://", "http://proxy", "http://:80", "http://a b:1", "http://::1:80"];
    let host = host.iter().chain(&["http://proxy:80/x", "http://proxy:65536", "http://[a]b]:1"]);
    for text in host {
        assert!(matches!(read(text), Err(InvalidProxy::Host)), "{text}");
    }
    for text in ["socks5://name@proxy:1080", "http://a%0d:x@proxy:80", "http://a%4:x@proxy:80"] {
        assert!(matches!(read(text), Err(InvalidProxy::Credentials(_))), "{text}");
    }
}
