//! What a queued transaction becomes when it is sent on.

use alloc::vec::Vec;
use core::time::Duration;

use super::Queued;
use super::retry::deadline;
use crate::answer::Rejection;
use crate::client::{Content, Downgrade, Downgrades, Envelope, Recipient};
use crate::date::Timestamp;
use crate::extension::{Capabilities, Extension};
use crate::parameter::{
    AuthParameter, By, ByMode, IfRecipientChanged, MailParameters, Notify, Parameter,
    ParameterList, RcptParameters,
};
use crate::path::{ForwardPath, ReversePath};
use crate::report::{Onward, plain_utf8_address};

/// The longest `BY=` time either way, in seconds (RFC 2852 section 4).
const MAX_BY: i64 = 999_999_999;

/// A server that a transaction is sent on to, and when.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'h> {
    /// What it offers; `None` when it knows HELO only.
    pub capabilities: Option<Capabilities<'h>>,
    /// This client has authenticated to it.
    pub authenticated: bool,
    /// The time of sending.
    pub now: Timestamp,
}

impl Hop<'_> {
    fn offers(&self, extension: Extension) -> bool {
        self.capabilities.is_some_and(|all| all.offers(extension))
    }

    fn offers_keyword(&self, keyword: &str) -> bool {
        self.capabilities.is_some_and(|all| all.parameters(keyword).is_some())
    }
}

/// A transaction as it goes to one server: who of its recipients may be sent to, with what.
///
/// The parameters are those received, but for what time and the server change. SIZE, BODY and SMTPUTF8
/// are the [`Transaction`](crate::client::Transaction)'s to add, from [`content`](Self::content).
#[derive(Clone, Debug)]
pub struct Outgoing<'q> {
    reverse_path: ReversePath<'q>,
    parameters: ParameterList,
    recipients: Vec<(usize, ForwardPath<'q>, ParameterList)>,
    refused: Vec<(usize, Rejection<'static>)>,
    downgrades: Downgrades,
    content: Content,
    onward: Onward,
}

impl Queued {
    /// Makes the transaction for some of the recipients, by their numbers, and one server.
    ///
    /// - RET, ENVID, NOTIFY and ORCPT go on unchanged, or not at all (C-75); only an ORCPT with UTF-8
    ///   of the wrong kind is mended.
    /// - BY goes on with the time that is left. In mode R it must, and the server must take it; in mode
    ///   N a server that does not know it is asked for reports of delay at least (C-78).
    /// - MT-PRIORITY, SOLICIT and CONPERM go on where they are offered (C-79).
    /// - HOLDFOR and HOLDUNTIL were for this host (C-80).
    /// - RRVS goes on, or the recipient is refused unless the sender said otherwise (C-81).
    /// - MTRK goes on with its timeout less the time that the message was here (C-82).
    /// - AUTH goes to servers that this client has authenticated to (C-83).
    /// - REQUIRETLS goes on, or nothing does, unless the message is from nobody (RFC 8689 section
    ///   4.2.1).
    /// - A parameter nobody here knows goes on where its keyword is offered.
    #[must_use]
    pub fn outgoing(
        &self,
        recipients: impl IntoIterator<Item = usize>,
        hop: &Hop<'_>,
    ) -> Outgoing<'_> {
        let parameters = self.parameters();
        let onward = Onward {
            dsn: hop.offers(Extension::Dsn),
            deliver_by: hop.offers(Extension::DeliverBy),
        };
        let mut outgoing = Outgoing {
            reverse_path: self.reverse_path(),
            parameters: ParameterList::new(),
            recipients: Vec::new(),
            refused: Vec::new(),
            downgrades: Downgrades::NONE,
            content: self.content(),
            onward,
        };
        let refusal = outgoing.mail(&parameters, self.arrived(), hop);
        for number in recipients {
            let Some((path, parameters_of)) = self.recipient(number) else { continue };
            let allowed = match &refusal {
                Some(refusal) => Err(refusal.clone()),
                None => outgoing.rcpt(&parameters_of, parameters.by(), self.arrived(), hop),
            };
            match allowed {
                Ok(list) => outgoing.recipients.push((number, path, list)),
                Err(refusal) => outgoing.refused.push((number, refusal)),
            }
        }
        outgoing
    }
}

impl<'q> Outgoing<'q> {
    /// The recipients that are sent to, in order.
    #[must_use]
    pub fn recipients(&self) -> Vec<Recipient<'_>> {
        self.recipients
            .iter()
            .map(|(_, path, list)| Recipient { path: *path, parameters: list.as_parameters() })
            .collect()
    }

    /// Their numbers in the queued envelope.
    pub fn numbers(&self) -> impl Iterator<Item = usize> + '_ {
        self.recipients.iter().map(|(number, ..)| *number)
    }

    /// The envelope, with the [`recipients`](Self::recipients).
    #[must_use]
    pub fn envelope<'e>(&'e self, recipients: &'e [Recipient<'e>]) -> Envelope<'e> {
        let parameters = self.parameters.as_parameters();
        Envelope { reverse_path: self.reverse_path, parameters, recipients }
    }

    /// What the transaction must know of the content.
    #[must_use]
    pub const fn content(&self) -> Content {
        self.content
    }

    /// Recipients that may not be sent to by this server, by their numbers, and why. Another host may
    /// do.
    #[must_use]
    pub fn refused(&self) -> &[(usize, Rejection<'static>)] {
        &self.refused
    }

    /// What is lost on the way through this server.
    #[must_use]
    pub const fn downgrades(&self) -> Downgrades {
        self.downgrades
    }

    /// What the server is told, for [`Event::of`](crate::report::Event::of).
    #[must_use]
    pub const fn onward(&self) -> Onward {
        self.onward
    }

    /// The parameters of MAIL, or why nothing may be sent.
    fn mail(
        &mut self,
        parameters: &MailParameters<'_>,
        arrived: Timestamp,
        hop: &Hop<'_>,
    ) -> Option<Rejection<'static>> {
        for parameter in parameters.all() {
            match MailParameters::extension(parameter) {
                Some(
                    Extension::Size
                    | Extension::EightBitMime
                    | Extension::BinaryMime
                    | Extension::SmtpUtf8
                    | Extension::Auth
                    | Extension::FutureRelease
                    | Extension::DeliverBy
                    | Extension::Mtrk
                    // An interrupted transaction is between two hosts.
                    | Extension::Checkpoint,
                ) => {}
                extension => self.pass(parameter, extension, hop),
            }
        }
        if hop.authenticated && hop.offers(Extension::Auth) {
            let submitter = parameters.auth().as_ref().map_or("<>", AuthParameter::as_str);
            self.put("AUTH", submitter);
        }
        if let Some(mtrk) = parameters.mtrk() {
            let stay = hop.now.since(arrived);
            let left =
                mtrk.timeout().map(|all| Duration::from_secs(all.into()).saturating_sub(stay));
            let goes = hop.offers(Extension::Mtrk) && hop.offers(Extension::Dsn);
            match left {
                _ if !goes => self.downgrades.insert(Downgrade::Tracking),
                None => self.put("MTRK", mtrk.certifier()),
                Some(left) if left.is_zero() => self.downgrades.insert(Downgrade::Tracking),
                Some(left) => {
                    self.put("MTRK", &alloc::format!("{}:{}", mtrk.certifier(), left.as_secs()));
                }
            }
        }
        if parameters.require_tls()
            && !hop.offers(Extension::RequireTls)
            && self.reverse_path != ReversePath::Null
        {
            return Some(Downgrade::RequireTls.refusal());
        }
        parameters.by().and_then(|by| self.deliver_by(by, arrived, hop))
    }

    /// `BY=` with the time that is left (RFC 2852 section 4.1.4).
    fn deliver_by(
        &mut self,
        by: By,
        arrived: Timestamp,
        hop: &Hop<'_>,
    ) -> Option<Rejection<'static>> {
        let left = deadline(arrived, by).unix() - hop.now.unix();
        if by.mode() == ByMode::Return && left <= 0 {
            return Some(Rejection::permanent(4, 7, "delivery time expired"));
        }
        if !hop.offers(Extension::DeliverBy) {
            if by.mode() == ByMode::Return {
                return Some(Downgrade::DeliverBy.refusal());
            }
            self.downgrades.insert(Downgrade::DeliverBy);
            return None;
        }
        let least = hop.capabilities.and_then(|all| all.deliver_by_minimum());
        if by.mode() == ByMode::Return && least.is_some_and(|least| i64::from(least) > left) {
            return Some(Rejection::permanent(4, 7, "the server wants more time to deliver"));
        }
        let left = i32::try_from(left.clamp(-MAX_BY, MAX_BY)).unwrap_or_default();
        if let Some(by) = by.with_seconds(left) {
            self.parameters.by(by);
        }
        None
    }

    /// The parameters of RCPT, or why the recipient may not be sent to.
    fn rcpt(
        &mut self,
        parameters: &RcptParameters<'_>,
        by: Option<By>,
        arrived: Timestamp,
        hop: &Hop<'_>,
    ) -> Result<ParameterList, Rejection<'static>> {
        let mut list = ParameterList::new();
        let mail = core::mem::take(&mut self.parameters);
        for parameter in parameters.all() {
            self.pass(parameter, RcptParameters::extension(parameter), hop);
        }
        core::mem::swap(&mut list, &mut self.parameters);
        self.parameters = mail;
        if let Some(orcpt) = parameters.orcpt().filter(|orcpt| !orcpt.is_ascii())
            && (!hop.offers(Extension::SmtpUtf8) || orcpt.is_mislabelled())
            && hop.offers(Extension::Dsn)
        {
            // The same address in a form that any server takes (RFC 6533 section 3).
            let set = match orcpt.relabelled() {
                Some(address) => list.orcpt("utf-8", &address),
                None => list.orcpt(orcpt.addr_type(), &plain_utf8_address(orcpt.address())),
            };
            if set.is_err() {
                list.remove("ORCPT");
            }
        }
        if let Some(rrvs) = parameters.rrvs()
            && !hop.offers(Extension::Rrvs)
            && rrvs.action() == IfRecipientChanged::Reject
        {
            return Err(Downgrade::OwnerCheck.refusal());
        }
        // Where nobody looks after the time any more, delays are to be told (RFC 2852 section
        // 4.1.4.2).
        let unwatched = by.is_some_and(|by| {
            by.mode() == ByMode::Notify
                && !hop.offers(Extension::DeliverBy)
                && hop.now < deadline(arrived, by)
        });
        if unwatched && hop.offers(Extension::Dsn) {
            match parameters.notify() {
                Some(Notify::NEVER) => {}
                Some(notify) => {
                    list.notify(notify.and(Notify::DELAY));
                }
                None => {
                    list.notify(Notify::FAILURE.and(Notify::DELAY));
                }
            }
        }
        Ok(list)
    }

    /// Hands on a parameter where its extension, or its keyword, is offered.
    fn pass(&mut self, parameter: Parameter<'_>, extension: Option<Extension>, hop: &Hop<'_>) {
        let offered = match extension {
            Some(extension) => hop.offers(extension),
            None => hop.offers_keyword(parameter.keyword()),
        };
        if offered {
            // A list as long as the one it was read from, and no keyword twice.
            let _ = self.parameters.push(parameter);
            return;
        }
        let downgrade = extension.and_then(Downgrade::of);
        self.downgrades.insert(downgrade.unwrap_or(Downgrade::Other));
    }

    fn put(&mut self, keyword: &str, value: &str) {
        if let Ok(parameter) = Parameter::new(keyword, Some(value)) {
            // Nothing but what is put here once has these keywords.
            let _ = self.parameters.push(parameter);
        }
    }
}
