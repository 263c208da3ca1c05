//! The envelope of a report.

use crate::client;
use crate::parameter::{Notify, ParameterList, Parameters};
use crate::path::{ForwardPath, Mailbox, ReversePath};
use crate::report::Original;

/// From nobody to the sender of the original (RFC 3461 section 6.1; T-15 to T-17).
///
/// What the original asks for itself and its reports does not go on, but that it be carried by TLS
/// only, and its priority (RFC 8689 section 5, RFC 6710 section 4.6).
#[derive(Clone, Debug)]
pub struct ReportEnvelope<'a> {
    recipient: Mailbox<'a>,
    parameters: ParameterList,
    recipient_parameters: ParameterList,
}

impl<'a> ReportEnvelope<'a> {
    /// `None` for a message from nobody: there is no report about a report (RFC 5321 section 6.1).
    pub(super) fn of(original: &Original<'a>) -> Option<Self> {
        let recipient = original.reverse_path.mailbox()?;
        let mut parameters = ParameterList::new();
        if original.parameters.require_tls() {
            parameters.require_tls();
        }
        if let Some(priority) = original.parameters.all().get("MT-PRIORITY") {
            // Of a list so short this one is no duplicate.
            let _ = parameters.push(priority);
        }
        let mut recipient_parameters = ParameterList::new();
        recipient_parameters.notify(Notify::NEVER);
        Some(Self { recipient, parameters, recipient_parameters })
    }

    /// The reverse-path: null.
    #[must_use]
    pub const fn reverse_path(&self) -> ReversePath<'static> {
        ReversePath::Null
    }

    /// Parameters of MAIL: neither RET nor anything else about reports.
    #[must_use]
    pub fn parameters(&self) -> Parameters<'_> {
        self.parameters.as_parameters()
    }

    /// The one recipient, with NOTIFY=NEVER. A source route of the original has been cut.
    #[must_use]
    pub fn recipient(&self) -> client::Recipient<'_> {
        client::Recipient {
            path: ForwardPath::Mailbox(self.recipient),
            parameters: self.recipient_parameters.as_parameters(),
        }
    }
}
