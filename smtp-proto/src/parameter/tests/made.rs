//! Lists of parameters that are made, not read.

use super::*;

#[test]
fn a_list_is_made() {
    let mut list = ParameterList::new();
    let mailbox = Mailbox::parse("e=mc2@example.com").unwrap();
    list.size(5).body(Body::BinaryMime).smtputf8().ret(Ret::Full).auth(Some(mailbox)).size(6);
    list.envid(b"a b").unwrap();
    assert_eq!(
        list.as_parameters().as_str(),
        "BODY=BINARYMIME SMTPUTF8 RET=FULL AUTH=e+3Dmc2@example.com SIZE=6 ENVID=a+20b"
    );
    assert_eq!(MailParameters::parse(list.as_parameters()).unwrap().size(), Some(6));
    assert!(list.envid(b"").is_err());
    assert!(list.envid(b"a\n").is_err());
    // RFC 3461 section 4.4: 100 octets, each `+` of which three are made.
    for (name, fits) in
        [("x".repeat(100), true), ("x".repeat(101), false), ("x".repeat(200), false)]
    {
        assert_eq!(list.envid(name.as_bytes()).is_ok(), fits, "{name}");
    }
    assert!(list.envid("+".repeat(33).as_bytes()).is_ok());
    assert!(list.envid("+".repeat(34).as_bytes()).is_err());
    let size = Parameter::new("Size", Some("7")).unwrap();
    assert_eq!(list.push(size).unwrap_err().rule(), Rule::DuplicateParameter);
    list.clear();
    list.auth(None).notify(Notify::SUCCESS.and(Notify::DELAY));
    list.orcpt("rfc822", "bob+x@example.net").unwrap();
    assert_eq!(
        list.as_parameters().as_str(),
        "AUTH=<> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob+2Bx@example.net"
    );
    list.orcpt("utf-8", "j\u{f6} rg@x").unwrap();
    assert!(list.as_parameters().as_str().ends_with(" ORCPT=utf-8;j\\x{F6}\\x{20}rg@x"));
    assert!(list.orcpt("rfc822", "").is_err());
    // RFC 3461 section 4.2: 500 octets, the kind included.
    let octets = 500 - "rfc822;".len();
    assert!(list.orcpt("rfc822", &"x".repeat(octets)).is_ok());
    assert!(list.orcpt("rfc822", &"x".repeat(octets + 1)).is_err());
    // An atom may hold it, the value of a parameter may not.
    assert!(list.orcpt("a=b", "x").is_err());
    assert!(list.orcpt("rfc822", "\u{f6}").is_err());
    for (keyword, value) in
        [("", None), ("A=", None), ("A", Some("")), ("A", Some("b c")), ("A", Some("b\r\n"))]
    {
        assert!(Parameter::new(keyword, value).is_err());
    }
}

#[test]
fn a_list_of_rare_ones_is_made() {
    let mut list = ParameterList::new();
    let time = DateTime::parse("2026-01-01T01:00:00+01:00").unwrap();
    list.by(By::new(-5, ByMode::Notify, true).unwrap()).mt_priority(MtPriority::new(-9).unwrap());
    list.hold_for(5).unwrap().hold_until(time).solicit(Solicit::parse("a:b,c").unwrap());
    list.envid(b"a@b").unwrap().mtrk("QUI=", Some(30)).unwrap().transid("<a@b>").unwrap();
    assert_eq!(
        list.as_parameters().as_str(),
        "BY=-5;NT MT-PRIORITY=-9 HOLDUNTIL=2026-01-01T00:00:00Z SOLICIT=a:b,c ENVID=a@b \
         MTRK=QUI=:30 TRANSID=<a@b>"
    );
    let read = MailParameters::parse(list.as_parameters()).unwrap();
    assert_eq!(read.hold().and_then(|hold| hold.until()), Some(time));
    assert_eq!(read.by().unwrap().with_seconds(7).unwrap().to_string(), "7;NT");
    assert!(list.hold_for(0).is_err() && list.hold_for(1_000_000_000).is_err());
    assert!(list.mtrk("Q", None).is_err() && list.mtrk("QUI=", Some(1_000_000_000)).is_err());
    assert!(list.transid("a@b").is_err());
    assert_eq!(By::new(0, ByMode::Return, false), None);
    assert_eq!(By::new(1_000_000_000, ByMode::Return, false), None);
    assert_eq!(By::new(i32::MIN, ByMode::Notify, false), None);
    assert_eq!((MtPriority::new(10), MtPriority::new(-10)), (None, None));
    list.clear();
    list.rrvs(time, IfRecipientChanged::Continue);
    assert_eq!(list.as_parameters().as_str(), "RRVS=2026-01-01T00:00:00Z;C");
    list.rrvs(time, IfRecipientChanged::Reject);
    assert_eq!(list.as_parameters().as_str(), "RRVS=2026-01-01T00:00:00Z");
    assert!(RcptParameters::parse(list.as_parameters()).is_ok());
}
