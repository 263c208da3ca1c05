use alloc::string::{String, ToString};

use super::*;

///
#[test]
fn acceptance_is_2yz_only() {
    let answer = Acceptance::new("fine").with_enhanced(1, 5);
    assert_eq!(answer.enhanced().unwrap().to_string(), "2.1.5");
    assert_eq!((answer.code(), answer.text()), (None, "fine"));
    for code in [260, 299, 334, 354, 421, 450, 550] {
        let code = Code::new(code).unwrap();
        assert_eq!(answer.clone().with_code(code), Err(WrongClass));
    }
    let answer = answer.with_code(Code::WILL_FORWARD).unwrap();
    assert_eq!(answer.code(), Some(Code::WILL_FORWARD));
    assert_eq!(answer.clone().into_owned(), answer);
    assert_eq!(Acceptance::default(), Acceptance::new(""));
}

///
#[test]
fn rejection_keeps_its_class() {
    let success = EnhancedCode::new(2, 0, 0).unwrap();
    assert_eq!(Rejection::new(success, ""), Err(WrongClass));
    let code = EnhancedCode::new(5, 7, 1).unwrap();
    let rejection = Rejection::new(code, String::from("no")).unwrap();
    assert_eq!(rejection.code(), Code::MAILBOX_UNAVAILABLE);
    for code in [250, 334, 450, 421, 560, 599] {
        assert_eq!(rejection.clone().with_code(Code::new(code).unwrap()), Err(WrongClass));
    }
    let rejection = rejection.with_code(Code::TRANSACTION_FAILED).unwrap();
    assert_eq!(rejection.to_string(), "554 5.7.1 no");
    assert_eq!(rejection.clone().into_owned(), rejection);
    assert_eq!(Rejection::permanent(1000, 1000, "").enhanced().to_string(), "5.0.0");
}

/// The constants, as they go out.
#[test]
fn constants() {
    for (rejection, shown) in [
        (Rejection::MAILBOX_UNKNOWN, "550 5.1.1"),
        (Rejection::BAD_DESTINATION, "550 5.1.2"),
        (Rejection::NULL_MX, "556 5.1.10"),
        (Rejection::MAILBOX_DISABLED, "550 5.2.1"),
        (Rejection::MAILBOX_BUSY, "450 4.2.1"),
        (Rejection::MAILBOX_FULL, "452 4.2.2"),
        (Rejection::INSUFFICIENT_STORAGE, "452 4.3.1"),
        (Rejection::LOCAL_ERROR, "451 4.3.0"),
        (Rejection::SHUTTING_DOWN, "421 4.3.2"),
        (Rejection::NO_MAIL_SERVICE, "521 5.3.2"),
        (Rejection::MESSAGE_TOO_BIG, "552 5.3.4"),
        (Rejection::TIMEOUT, "421 4.4.2"),
        (Rejection::LOOP, "554 5.4.6"),
        (Rejection::TOO_MANY_RECIPIENTS, "452 4.5.3"),
        (Rejection::COMMAND_UNKNOWN, "500 5.5.2"),
        (Rejection::NOT_IMPLEMENTED, "502 5.5.1"),
        (Rejection::BAD_SEQUENCE, "503 5.5.1"),
        (Rejection::ARGUMENT_NOT_IMPLEMENTED, "504 5.5.4"),
        (Rejection::PARAMETER_UNKNOWN, "555 5.5.4"),
        (Rejection::PARAMETER_NOT_NOW, "455 4.5.4"),
        (Rejection::TRANSACTION_FAILED, "554 5.6.0"),
        (Rejection::RELAY_DENIED, "550 5.7.1"),
        (Rejection::POLICY, "550 5.7.1"),
        (Rejection::TRY_LATER, "450 4.7.1"),
        (Rejection::EXPANSION_DENIED, "550 5.7.2"),
        (Rejection::AUTHENTICATION_REQUIRED, "530 5.7.0"),
        (Rejection::TLS_REQUIRED, "530 5.7.0"),
        (Rejection::AUTH_UNAVAILABLE, "454 4.7.0"),
        (Rejection::TLS_UNAVAILABLE, "454 4.7.0"),
        (Rejection::BAD_CREDENTIALS, "535 5.7.8"),
        (Rejection::MECHANISM_TOO_WEAK, "534 5.7.9"),
        (Rejection::MECHANISM_NEEDS_ENCRYPTION, "538 5.7.11"),
        (Rejection::ACCOUNT_DISABLED, "525 5.7.13"),
    ] {
        assert!(!rejection.text().is_empty());
        assert_eq!(rejection.to_string(), alloc::format!("{shown} {}", rejection.text()));
        assert_eq!(rejection.code().severity(), rejection.severity());
    }
}

#[test]
fn display_is_one_harmless_line() {
    let rejection = Rejection::POLICY.with_text("a\nb\r\nc\x1b[0m\u{202e}");
    assert_eq!(rejection.to_string(), "550 5.7.1 a / b / c\\u{1b}[0m\\u{202e}");
}
