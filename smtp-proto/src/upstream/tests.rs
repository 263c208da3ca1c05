use alloc::string::ToString;
use alloc::vec::Vec;

use super::*;
use crate::command::{Command, Verb};
use crate::error::Rule;
use crate::profile::Syntax;

fn xclient(line: &str) -> Overrides {
    let Command::XClient(command) = Command::parse(line.as_bytes(), &Syntax::INTERNET).unwrap()
    else {
        panic!("{line}")
    };
    let mut overrides = Overrides::default();
    overrides.update(&command);
    overrides
}

fn xforward(line: &str) -> Forwarded {
    let Command::XForward(command) = Command::parse(line.as_bytes(), &Syntax::INTERNET).unwrap()
    else {
        panic!("{line}")
    };
    let mut forwarded = Forwarded::default();
    forwarded.update(&command);
    forwarded
}

#[test]
fn names() {
    for attribute in Attribute::ALL {
        assert_eq!(Attribute::from_name(attribute.as_str().as_bytes()), Some(attribute));
        let lower = attribute.as_str().to_lowercase();
        assert_eq!(Attribute::from_name(lower.as_bytes()), Some(attribute));
    }
    assert_eq!(Attribute::from_name(b"FOO"), None);
    assert_eq!(AttributeSet::XCLIENT.iter().count(), 8);
    assert_eq!(AttributeSet::XFORWARD.iter().count(), 7);
}

#[test]
fn sets_of_attributes() {
    let mut set = AttributeSet::EMPTY;
    assert!(set.is_empty() && set.iter().next().is_none());
    for (count, attribute) in Attribute::ALL.into_iter().enumerate() {
        assert!(!set.contains(attribute));
        set = set.with(attribute);
        assert!(!set.is_empty() && set.contains(attribute));
        assert_eq!((set.with(attribute), set.iter().count()), (set, count + 1));
    }
    assert!(!AttributeSet::XCLIENT.is_empty() && !AttributeSet::XFORWARD.is_empty());
}

/// What was told can be gone through, in its order, and set anew.
#[test]
fn all_that_was_told() {
    use core::net::{Ipv4Addr, Ipv6Addr};
    let told = xclient("XCLIENT PORT=25 NAME=[TEMPUNAVAIL] ADDR=[UNAVAILABLE]");
    let all: Vec<_> = told.iter().collect();
    assert_eq!(
        all,
        [
            (Attribute::Port, Value::Known("25")),
            (Attribute::Name, Value::TempUnavail),
            (Attribute::Addr, Value::Unavailable),
        ]
    );
    assert_eq!(told.to_string(), "PORT=25 NAME=[TEMPUNAVAIL] ADDR=[UNAVAILABLE]");
    assert_eq!(told.name().and_then(Value::known), None);
    crate::tests::passes_errors_on(&told);
    assert!(!told.is_empty() && Overrides::default().is_empty());
    let nobody = Overrides::default();
    assert!(nobody.address().is_none() && nobody.port().is_none() && nobody.protocol().is_none());
    assert!(nobody.destination_address().is_none() && nobody.destination_port().is_none());

    let mut forwarded = Forwarded::default();
    assert!(forwarded.is_empty() && forwarded.ip_address().is_none() && forwarded.port().is_none());
    for (address, text) in [
        (IpAddr::from(Ipv4Addr::LOCALHOST), "127.0.0.1"),
        (IpAddr::from(Ipv6Addr::LOCALHOST), "IPV6:::1"),
    ] {
        forwarded.set_address(Value::Known(address));
        assert_eq!((forwarded.address(), forwarded.ip_address()), (Some(text), Some(address)));
        let mut overrides = Overrides::default();
        overrides.set_address(Value::Known(address));
        assert_eq!(overrides.address(), Some(Value::Known(address)));
        assert_eq!(overrides.to_string(), alloc::format!("ADDR={text}"));
    }
    forwarded.set_address(Value::Unavailable);
    assert_eq!((forwarded.address(), forwarded.is_empty()), (None, false));
    assert_eq!(forwarded.iter().collect::<Vec<_>>(), [(Attribute::Addr, Value::Unavailable)]);
}

/// A value whose xtext is no UTF-8, or longer than an attribute may be.
#[test]
fn values_that_are_none() {
    let long = "x".repeat(256);
    for value in ["+FF", "a+C3", &long] {
        let line = alloc::format!("XCLIENT LOGIN={value}");
        let error = Command::parse(line.as_bytes(), &Syntax::INTERNET).unwrap_err();
        assert_eq!(error.rule(), Rule::AttributeValue, "{value}");
    }
    // The name of a protocol is shorter than other values.
    for (octets, fits) in [(64, true), (65, false)] {
        let line = alloc::format!("XFORWARD PROTO={}", "x".repeat(octets));
        assert_eq!(Command::parse(line.as_bytes(), &Syntax::INTERNET).is_ok(), fits, "{octets}");
    }
}

/// G-35: in any case, IPv6 by its tag, and three kinds of nothing.
#[test]
fn what_was_told() {
    let told = xclient("XCLIENT name=[tempunavail] addr=ipv6:2001:DB8::7 port=1025 proto=esmtp");
    assert_eq!(told.name(), Some(Value::TempUnavail));
    assert_eq!(told.address(), Some(Value::Known("2001:db8::7".parse().unwrap())));
    assert_eq!(told.port(), Some(Value::Known(1025)));
    assert_eq!(told.protocol(), Some("esmtp"));
    assert_eq!((told.hello_name(), told.login()), (None, None));
    let told = xclient("XCLIENT HELO=a+2Bb LOGIN=joe+20doe+C3+B6 DESTADDR=192.0.2.1 DESTPORT=25");
    assert_eq!(told.hello_name(), Some(Value::Known("a+b")));
    assert_eq!(told.login(), Some(Value::Known("joe doe\u{f6}")));
    assert_eq!(told.destination_address(), Some(Value::Known([192, 0, 2, 1].into())));
    assert_eq!(told.destination_port(), Some(Value::Known(25)));
    let told = xclient("XCLIENT ADDR=[Unavailable] PORT=[UNAVAILABLE]");
    assert_eq!((told.address(), told.port()), (Some(Value::Unavailable), Some(Value::Unavailable)));

    let told =
        xforward("XFORWARD NAME=x ADDR=IPV6:::1 PORT=25 PROTO=UUCP HELO=h IDENT=1 SOURCE=local");
    assert_eq!(told.ip_address(), Some(IpAddr::V6("::1".parse().unwrap())));
    assert_eq!((told.name(), told.protocol(), told.ident()), (Some("x"), Some("UUCP"), Some("1")));
    assert_eq!(
        (told.hello_name(), told.port(), told.is_local()),
        (Some("h"), Some(25), Some(true))
    );
    assert_eq!(xforward("XFORWARD SOURCE=REMOTE").is_local(), Some(false));
    let mut numbered = Overrides::default();
    numbered.set_port(Value::Known(25));
    assert_eq!((numbered.port(), numbered.to_string()), (Some(Value::Known(25)), "PORT=25".into()));
    let told = xforward("XFORWARD ADDR=uucp!host NAME=[UNAVAILABLE]");
    assert_eq!((told.address(), told.ip_address(), told.name()), (Some("uucp!host"), None, None));
}

/// G-36: what is not xtext is taken as it stands.
#[test]
fn raw_values() {
    assert_eq!(xclient("XCLIENT HELO=a+b").hello_name(), Some(Value::Known("a+b")));
    assert_eq!(xclient("XCLIENT HELO=a=b").hello_name(), Some(Value::Known("a=b")));
    assert_eq!(xforward("XFORWARD IDENT=+zz").ident(), Some("+zz"));
    // And goes on as xtext.
    assert_eq!(xclient("XCLIENT HELO=a=b").to_string(), "HELO=a+3Db");
}

#[test]
fn values_that_cannot_be_sent_do_not_exist() {
    let mut overrides = Overrides::default();
    for (attribute, value) in [
        (Attribute::Name, Value::Known("")),
        (Attribute::Name, Value::Known("a b")),
        (Attribute::HeloName, Value::Known("a\r\nb")),
        (Attribute::HeloName, Value::Known("[unavailable]")),
        (Attribute::HeloName, Value::TempUnavail),
        (Attribute::Login, Value::Known("a\0")),
        (Attribute::Proto, Value::Unavailable),
        (Attribute::Addr, Value::Known("example.org")),
        (Attribute::Port, Value::Known("-1")),
    ] {
        let error = overrides.set(attribute, value).unwrap_err();
        assert_eq!(error.rule(), Rule::AttributeValue, "{attribute} {value:?}");
    }
    let long = "+".repeat(86);
    assert!(overrides.set(Attribute::Login, Value::Known(&long)).is_err());
    assert!(overrides.set(Attribute::Login, Value::Known(&long[1..])).is_ok());
    let foreign = overrides.set(Attribute::Ident, Value::Known("1")).unwrap_err();
    assert_eq!(foreign.rule(), Rule::Attribute);
    let mut forwarded = Forwarded::default();
    assert!(forwarded.set(Attribute::Name, Value::Known("a,b")).is_err());
    assert!(forwarded.set(Attribute::Proto, Value::Known(&"a".repeat(65))).is_err());
    assert!(forwarded.set(Attribute::Login, Value::Known("a")).is_err());
    // A value that came in raw has to fit when it goes out, too.
    let raw = alloc::format!("XCLIENT HELO={}", "=".repeat(86));
    assert!(Command::parse(raw.as_bytes(), &Syntax::INTERNET).is_err());
}

/// C-84: lines within 512 octets, ADDR last; and what is read of them is what was to be said.
#[test]
fn lines_are_split() {
    let long = "x".repeat(255);
    let mut overrides = Overrides::default();
    overrides.set_address(Value::Known([192, 0, 2, 7].into()));
    overrides.set_port(Value::Known(25));
    for attribute in [Attribute::Name, Attribute::HeloName, Attribute::Login] {
        overrides.set(attribute, Value::Known(&long)).unwrap();
    }
    let lines = overrides.lines();
    assert!(lines.len() > 1 && lines.iter().all(|line| line.len() + 2 <= 512), "{lines:?}");
    assert!(lines.last().unwrap().ends_with(" ADDR=192.0.2.7"));
    let mut read = Overrides::default();
    for line in &lines {
        let Ok(Command::XClient(command)) = Command::parse(line.as_bytes(), &Syntax::STRICT) else {
            panic!("{line}")
        };
        read.update(&command);
    }
    let sorted = |told: &Overrides| {
        let mut all: Vec<_> =
            told.iter().map(|(name, value)| (name, value.map(str::to_string))).collect();
        all.sort_by_key(|(name, _)| *name);
        all
    };
    assert_eq!(sorted(&read), sorted(&overrides));
    assert!(Overrides::default().lines().is_empty());
    assert_eq!(Verb::of(lines[0].as_bytes()), Verb::XClient);
}
