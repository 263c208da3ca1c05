//! Giving a recorded answer once more.

use super::Event;
use crate::{
    answer::Acceptance,
    extension::{Extension, FutureRelease},
    parameter::MtPriority,
    status::{Code, EnhancedCode},
    transcript::{Answer, replay::rejection},
};

impl Event<'_> {
    /// Whether it is to be answered.
    pub(crate) fn is_question(&self) -> bool {
        !matches!(
            self,
            Self::Body(_)
                | Self::Reset
                | Self::Turned(_)
                | Self::UpgradeTls { .. }
                | Self::Leniency(_)
                | Self::Fault(_)
        )
    }

    /// Sets what was set before the answer; whether that is something to be set.
    pub(crate) fn amend(&mut self, keyword: &str, value: &str) -> bool {
        let extension = Extension::from_keyword(keyword.as_bytes());
        match (self, extension) {
            (Self::Connected(client), Some(Extension::XClient)) => client.set_xclient(),
            (Self::Connected(client), Some(Extension::XForward)) => client.set_xforward(),
            (Self::Hello(hello), Some(Extension::FutureRelease)) => {
                FutureRelease::parse(value).map(|most| hello.future_release(most)).is_some()
            }
            (Self::Mail(mail), Some(Extension::MtPriority)) => {
                let priority = value.parse().ok().and_then(MtPriority::new);
                priority.map(|priority| mail.assign_priority(priority)).is_some()
            }
            (Self::Mail(mail), Some(Extension::Auth)) => {
                mail.trust_submitter();
                true
            }
            _ => false,
        }
    }

    /// Gives `answer` to a question; whether it is one that can be answered so.
    pub(crate) fn answer(self, answer: &Answer) -> bool {
        match answer {
            Answer::With { .. } => return false,
            Answer::Challenge(octets) => {
                let Self::Auth(auth) = self else {
                    return false;
                };
                auth.challenge(&alloc::vec![0; *octets]);
            }
            Answer::Accept { code, enhanced, text } => {
                let mut acceptance = Acceptance::new(&**text);
                if let Some(enhanced) = enhanced {
                    acceptance = with_enhanced(acceptance, *enhanced);
                }
                if let Some(code) = code {
                    let Ok(coded) = acceptance.with_code(*code) else {
                        return false;
                    };
                    acceptance = coded;
                }
                match self {
                    Self::Connected(question) => question.accept(),
                    Self::Hello(question) => question.accept_with(text),
                    Self::StartTls(question) => question.accept(),
                    Self::Auth(question) => question.accept_with(acceptance),
                    Self::Mail(question) => question.accept_with(acceptance),
                    Self::Rcpt(question) => question.accept_with(acceptance),
                    Self::Data(question) => question.accept(),
                    Self::Delivery(question) => question.accept_with(acceptance),
                    Self::Verify(question) if text.is_empty() => question.cannot_verify(),
                    Self::Verify(question) => question.accept_with(text),
                    Self::Extension(question) => question.accept_with(acceptance),
                    Self::Etrn(question) => match code.map(Code::value) {
                        Some(251) => question.nothing_waits(),
                        Some(252) => question.pending_started(),
                        Some(253) => question.messages_started(text.parse().unwrap_or_default()),
                        _ => question.accept(),
                    },
                    Self::Atrn(question) => question.accept(),
                    Self::Burl(question) => question.accept(text.parse().unwrap_or_default()),
                    Self::XClient(question) => question.accept(),
                    Self::XForward(question) => question.accept(),
                    Self::Body(_)
                    | Self::Reset
                    | Self::Turned(_)
                    | Self::UpgradeTls { .. }
                    | Self::Leniency(_)
                    | Self::Fault(_) => return false,
                }
            }
            Answer::Reject(reply) => {
                let rejection = rejection(reply);
                match self {
                    Self::Connected(question) => question.reject(rejection),
                    Self::Hello(question) => question.reject(rejection),
                    Self::StartTls(question) => question.reject(rejection),
                    Self::Auth(question) => question.reject(rejection),
                    Self::Mail(question) => question.reject(rejection),
                    Self::Rcpt(question) => question.reject(rejection),
                    Self::Data(question) => question.reject(rejection),
                    Self::Delivery(question) => question.reject(rejection),
                    Self::Verify(question) => question.reject(rejection),
                    Self::Extension(question) => question.reject(rejection),
                    Self::Etrn(question) => question.reject(rejection),
                    Self::Atrn(question) => question.reject(rejection),
                    Self::Burl(question) => question.reject(rejection),
                    Self::XClient(question) => question.reject(rejection),
                    Self::XForward(question) => question.reject(rejection),
                    Self::Body(_)
                    | Self::Reset
                    | Self::Turned(_)
                    | Self::UpgradeTls { .. }
                    | Self::Leniency(_)
                    | Self::Fault(_) => return false,
                }
            }
        }
        true
    }
}

fn with_enhanced(acceptance: Acceptance<'_>, enhanced: EnhancedCode) -> Acceptance<'_> {
    acceptance.with_enhanced(enhanced.subject(), enhanced.detail())
}
