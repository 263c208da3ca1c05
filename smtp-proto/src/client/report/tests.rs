use alloc::string::{String, ToString};

use super::*;
use crate::reply::Reply;

fn reply(text: &str) -> ReplyBuf {
    Reply::parse(alloc::format!("{text}\r\n").as_bytes()).unwrap().to_owned()
}

#[test]
fn a_reply_blames_by_its_enhanced_code_then_by_its_command() {
    use Blame::{Message, Nobody, Recipient, Session};
    let cases = [
        (Phase::Delivery, "250 2.0.0 taken", Nobody),
        (Phase::Mail, "451 4.3.0 local error", Session),
        (Phase::Mail, "452 4.3.1 no room", Session),
        (Phase::Mail, "552 5.3.4 too big", Message),
        (Phase::Mail, "550 5.1.8 no such domain", Message),
        (Phase::Mail, "550 5.7.1 listed", Message),
        (Phase::Mail, "550 no", Message),
        (Phase::Mail, "452 no room", Session),
        (Phase::Mail, "503 5.5.1 bad sequence", Session),
        (Phase::Rcpt, "550 5.1.1 nobody", Recipient),
        (Phase::Rcpt, "452 4.2.2 full", Recipient),
        (Phase::Rcpt, "550 5.7.1 relaying denied", Recipient),
        (Phase::Rcpt, "550 nobody", Recipient),
        (Phase::Rcpt, "450 busy", Recipient),
        (Phase::Rcpt, "451 4.4.3 no answer of the directory", Session),
        (Phase::Data, "554 5.5.1 no valid recipients", Session),
        (Phase::Data, "554 no", Message),
        (Phase::Delivery, "554 5.6.0 content", Message),
        (Phase::Delivery, "554 5.4.6 loop", Message),
        (Phase::Delivery, "550 5.7.1 spam", Message),
        (Phase::Delivery, "452 4.2.2 full", Recipient),
        (Phase::Delivery, "451 try again", Session),
        (Phase::Delivery, "554 no", Message),
    ];
    for (phase, text, blame) in cases {
        assert_eq!(Outcome::replied(phase, reply(text)).blame(), blame, "{text} at {phase:?}");
    }
}

#[test]
fn too_many_recipients_is_nobodys_fault_but_the_sessions() {
    let outcomes = [
        Outcome::crowded(reply("452 4.5.3 too many")),
        Outcome::crowded(reply("552 too many")).retried(Retry::Later),
        Outcome::limited(Limit::RcptMax, Retry::AtOnce),
        Outcome::limited(Limit::MailMax, Retry::NewSession),
    ];
    for outcome in outcomes {
        assert_eq!((outcome.blame(), outcome.status()), (Blame::Session, Status::Deferred));
        assert_eq!(outcome.to_string().split(' ').next(), Some("deferred"), "{outcome}");
    }
}

#[test]
fn what_broke_the_session_was_not_this_message() {
    let faults = [
        Fault::Closed,
        Fault::Timeout,
        Fault::ServiceNotAvailable(reply("421 4.7.0 you again")),
        Fault::UnexpectedReply(reply("250 what")),
        Fault::PlaintextBehindStartTls,
    ];
    for fault in faults {
        for status in [Status::Deferred, Status::InDoubt] {
            let cause = Cause::Fault(fault.clone());
            let outcome = Outcome::of(status, Phase::Delivery, cause);
            assert_eq!(outcome.blame(), Blame::Session, "{outcome}");
        }
    }
    let local = Outcome::local(Rejection::MESSAGE_TOO_BIG);
    assert_eq!(local.blame(), Blame::Message);
    let content = Outcome::deferred(Phase::Content, Cause::Content(String::from("gone")));
    assert_eq!(content.blame(), Blame::Message);
}
