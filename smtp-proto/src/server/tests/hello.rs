//! What the reply to a hello says, and what the session knows by it.

use super::*;
use crate::{extension::FutureRelease, parameter::DateTime};

/// RFC 5321 section 4.1.1.1: the first line has the server's name, and words of the application's if there
/// are any; a keyword without parameters stands alone.
#[test]
fn lines_of_the_reply() {
    let classes = |classes: &[&str]| mx().no_soliciting(classes).unwrap();
    for (config, text, first, line) in [
        (mx(), "", "250-mx.example", "250-PIPELINING"),
        (mx(), "at your service", "250-mx.example at your service", "250-PIPELINING"),
        (classes(&[]), "", "250-mx.example", "250-NO-SOLICITING"),
        (classes(&["a:b", "c"]), "", "250-mx.example", "250-NO-SOLICITING a:b,c"),
        (mx().limits(|limits| limits.message = None), "", "250-mx.example", "250-SIZE"),
    ] {
        let mut session = session(config, &[]);
        session.greeting();
        session.question(EHLO, |event| match event {
            Event::Hello(hello) => hello.accept_with(text),
            event => panic!("{event:?}"),
        });
        let said = session.said().replace("\r\n250 ", "\r\n250-");
        assert_eq!(said.lines().next(), Some(first));
        assert!(said.lines().any(|one| one == line), "{line}: {said}");
    }
}

/// RFC 5321 section 4.2.4: a verb that is not offered is refused by 502, and no line tells of it.
#[test]
fn help_that_is_not_offered() {
    for (config, code) in [(mx(), "214 "), (mx().withhold(Extension::Help), "502 ")] {
        let mut session = Session::new(config);
        assert_eq!(session.say(EHLO).contains("HELP"), code == "214 ");
        let said = session.say("HELP\r\n");
        assert!(said.starts_with(code), "{said}");
    }
}

/// RFC 5321 section 4.5.3.1.5: the line of BURL is no longer than a reply line may be; what does not fit is
/// left out, and what is behind it fits perhaps.
#[test]
fn arguments_of_burl_that_fit() {
    let store = |octets: usize| format!("imap://{}", "x".repeat(octets - "imap://".len()));
    // "250-BURL imap", a blank, the argument and CRLF.
    let most = 512 - "250-BURL imap \r\n".len();
    for (octets, fits) in [(most, true), (most + 1, false)] {
        let said = session(mx().burl(&["imap", &store(octets)]), &[]).say(EHLO);
        assert!(said.lines().all(|line| line.len() <= 510), "{said}");
        assert_eq!(said.contains(&format!("BURL imap {}\r\n", store(octets))), fits, "{said}");
    }
    let said = session(mx().burl(&[&store(600), "imap"]), &[]).say(EHLO);
    assert!(said.contains("BURL imap\r\n"), "{said}");
}

/// RFC 4865 section 4.2: what was told at one hello is told at no other, nor by one that was not accepted,
/// and the next client of an XCLIENT does not know it.
#[test]
fn limits_of_one_hello() {
    let until = DateTime::parse("2030-01-02T03:04:05Z").unwrap();
    let other = FutureRelease::parse("90 2031-01-02T03:04:05Z").unwrap();
    let config = mx().future_release(FutureRelease::new(60, until).unwrap());
    let mut session = Session::new(config.offer(Extension::XClient));
    session.amend(&[("XCLIENT", "")]);
    let hold = "MAIL FROM:<a@x.example> HOLDFOR=70\r\n";
    let told = |said: &str| said.contains("FUTURERELEASE 90 ");
    let tell = |session: &mut Session, then: fn(Hello<'_>)| {
        session.question(EHLO, |event| match event {
            Event::Hello(mut hello) => {
                hello.future_release(other);
                then(hello);
            }
            event => panic!("{event:?}"),
        });
        session.said()
    };
    session.greeting();
    // A question that was dropped is asked again, and answered by nobody who said so.
    assert!(tell(&mut session, |hello| drop(hello)).contains("FUTURERELEASE 60 "));
    assert!(tell(&mut session, |hello| hello.reject(Rejection::POLICY)).starts_with("550 "));
    assert!(session.say(hold).starts_with("501 "));
    assert!(told(&tell(&mut session, |hello| hello.accept())));
    assert!(session.say(hold).starts_with("250 "));
    assert!(!told(&session.say(EHLO)));
    assert!(session.say(hold).starts_with("501 "));
    assert!(told(&tell(&mut session, |hello| hello.accept())));
    assert!(session.say("XCLIENT NAME=z.example\r\n").starts_with("220 "));
    assert_eq!(
        session.server.session.future_release(),
        session.server.config().arguments.future_release
    );
}

/// RFC 3207 section 4.2: of what was said outside TLS nothing is known inside it.
#[test]
fn what_was_said_before_tls() {
    let until = DateTime::parse("2030-01-02T03:04:05Z").unwrap();
    let config = mx().offer(Extension::StartTls).offer(Extension::XForward);
    let config = config.future_release(FutureRelease::new(60, until).unwrap());
    let mut session = Session::new(config);
    session.amend(&[("XFORWARD", "")]);
    session.amend(&[("FUTURERELEASE", "90 2031-01-02T03:04:05Z")]);
    assert!(session.say(EHLO).contains("FUTURERELEASE 90 2031-01-02T03:04:05Z\r\n"));
    session.say("XFORWARD NAME=y.example\r\n");
    let known = |server: &Server| (server.transmission_type(), server.forwarded().is_some());
    assert_eq!(known(&session.server), ("ESMTP", true));
    session.say("STARTTLS\r\n");
    assert_eq!(known(&session.server), ("SMTP", false));
    assert!(session.say(MAIL).starts_with("503 "));
    assert!(session.say(EHLO).contains("FUTURERELEASE 60 2030-01-02T03:04:05Z\r\n"));
    assert_eq!(known(&session.server), ("ESMTPS", false));
}
