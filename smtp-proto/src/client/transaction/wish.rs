//! What becomes of what the server does not offer: it is done without, or the message is not sent.

use super::{Fate, Transaction};
use crate::{
    answer::Rejection,
    auth::Channel,
    client::{Client, Content, Downgrade, Downgrades, Misuse, Recipient, report::Outcome},
    extension::{Extension, ExtensionSet},
    parameter::{
        Body, ByMode, IfRecipientChanged, MailParameters, Parameter, ParameterList, Parameters,
        RcptParameters,
    },
    path::ReversePath,
};

/// What is done with a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// It is sent; if it cannot be, the caller is to blame.
    Send,
    /// It is left out.
    Drop(Downgrade),
    /// Without it, nothing is sent.
    Refuse(Rejection<'static>),
}

impl Wish {
    fn of_unoffered(extension: Extension) -> Self {
        Downgrade::of(extension).map_or(Self::Send, Self::Drop)
    }

    /// Why not to send, if a downgrade is to be refused or not.
    fn refusal(self, downgrades: bool) -> Option<Rejection<'static>> {
        match self {
            Self::Refuse(rejection) => Some(rejection),
            Self::Drop(downgrade) if downgrades => Some(downgrade.refusal()),
            Self::Send | Self::Drop(_) => None,
        }
    }
}

impl<'e> Transaction<'e> {
    /// As what the content is sent to this server.
    ///
    /// # Errors
    /// Why the message is not sent to it.
    pub(super) fn judge_message(
        &mut self,
        client: &Client,
        offered: ExtensionSet,
    ) -> Result<Content, Rejection<'static>> {
        let offers = |extension| offered.contains(extension);
        let limit = client.capabilities().and_then(|all| all.size_limit());
        if !offers(Extension::SmtpUtf8) {
            if self.content.smtputf8 {
                return Err(Rejection::permanent(6, 9, "the server does not offer SMTPUTF8"));
            }
            if self.envelope.reverse_path.needs_smtputf8() {
                return Err(NO_SMTPUTF8);
            }
        }
        let mut content = self.content;
        let most = if offers(Extension::BinaryMime) && offers(Extension::Chunking) {
            Body::BinaryMime
        } else if offers(Extension::EightBitMime) {
            Body::EightBitMime
        } else {
            Body::SevenBit
        };
        if rank(content.body) > rank(most) {
            content = self.convert(most)?;
        }
        if let (Some(limit), Some(size)) = (limit, content.size)
            && size > limit
        {
            return Err(Rejection::permanent(3, 4, "larger than the server takes"));
        }
        let mut parameters = self.envelope.parameters.iter();
        let refusal = parameters.find_map(|parameter| {
            let wish = self.wish_of_mail(parameter, client, offered);
            wish.refusal(self.options.refuse_downgrades)
        });
        refusal.map_or(Ok(content), Err)
    }

    /// As what content is sent that the server does not take as it is.
    fn convert(&mut self, most: Body) -> Result<Content, Rejection<'static>> {
        let content = self.content;
        let begun = self.converter.as_mut().and_then(|converter| converter.begin(content, most));
        match begun.filter(|converted| rank(converted.body) <= rank(most)) {
            Some(converted) => {
                self.converts = true;
                // The header is no other.
                Ok(Content { smtputf8: content.smtputf8, ..converted })
            }
            None if content.body == Body::BinaryMime => {
                Err(Rejection::permanent(6, 3, "the server does not offer BINARYMIME"))
            }
            None => Err(Rejection::permanent(6, 3, "the server does not offer 8BITMIME")),
        }
    }

    /// Settles those who are not sent to by this server.
    pub(super) fn judge_recipients(&mut self, offered: ExtensionSet) {
        let refuse = self.options.refuse_downgrades;
        let mut refused = false;
        for (index, recipient) in self.envelope.recipients.iter().enumerate() {
            if !self.fates.is_left(index) {
                continue;
            }
            let wish = |parameter| wish_of_rcpt(recipient, parameter, offered);
            let needs_smtputf8 = || {
                recipient.path.needs_smtputf8() || says_more_than_ascii(recipient.parameters, wish)
            };
            let refusal = if !offered.contains(Extension::SmtpUtf8) && needs_smtputf8() {
                Some(NO_SMTPUTF8)
            } else {
                let mut parameters = recipient.parameters.iter();
                parameters.find_map(|parameter| wish(parameter).refusal(refuse))
            };
            if let Some(refusal) = refusal {
                self.fates.set(index, Fate::Settled(Outcome::local(refusal)));
                refused = true;
            }
        }
        if refused && self.options.all_or_nothing {
            self.fates.settle_all(Outcome::local(OTHER_REFUSED));
        }
    }

    /// Whether SMTPUTF8 is needed for the message, or for a recipient that is left, or where the caller does
    /// not say it already for a parameter of either (RFC 6531 section 3.4). It is not for a domain alone,
    /// which has A-labels.
    pub(super) fn needs_smtputf8(&mut self, client: &Client, offered: ExtensionSet) -> bool {
        if self.content.smtputf8 || self.envelope.reverse_path.needs_smtputf8() {
            return true;
        }
        let wish = |parameter| self.wish_of_mail(parameter, client, offered);
        if self.parameters_need_smtputf8(self.envelope.parameters, offered, wish) {
            return true;
        }
        while let Some(last) = self.international.checked_sub(1) {
            let needs = self.envelope.recipients.get(last).is_some_and(|recipient| {
                let wish = |parameter| wish_of_rcpt(recipient, parameter, offered);
                recipient.path.needs_smtputf8()
                    || self.parameters_need_smtputf8(recipient.parameters, offered, wish)
            });
            if needs && self.fates.is_left(last) {
                return true;
            }
            self.international = last;
        }
        false
    }

    /// Whether these parameters need SMTPUTF8, the server offers it, and the caller does not say it already.
    #[inline]
    fn parameters_need_smtputf8<'p>(
        &self,
        all: Parameters<'p>,
        offered: ExtensionSet,
        wish: impl Fn(Parameter<'p>) -> Wish,
    ) -> bool {
        says_more_than_ascii(all, wish)
            && offered.contains(Extension::SmtpUtf8)
            && self.envelope.parameters.get("SMTPUTF8").is_none()
    }

    pub(super) fn wish_of_mail(
        &self,
        parameter: Parameter<'_>,
        client: &Client,
        offered: ExtensionSet,
    ) -> Wish {
        let Some(extension) = MailParameters::extension(parameter) else {
            return Wish::Send;
        };
        match extension {
            Extension::RequireTls => self.require_tls(client, offered),
            // A tracked message needs an ENVID, which belongs to DSN.
            Extension::Mtrk if !offered.contains(Extension::Dsn) => Wish::Drop(Downgrade::Tracking),
            _ if offered.contains(extension) => Wish::Send,
            // What is to come back must not go where nobody looks at the time (RFC 2852 section
            // 4.1.4.1).
            Extension::DeliverBy if self.mode() == Some(ByMode::Return) => {
                Wish::Refuse(Downgrade::DeliverBy.refusal())
            }
            _ => Wish::of_unoffered(extension),
        }
    }

    /// The caller's parameters of MAIL for this server.
    pub(super) fn mail_parameters<'l>(
        &mut self,
        client: &Client,
        offered: ExtensionSet,
        list: &'l mut ParameterList,
    ) -> Result<Parameters<'l>, Misuse>
    where
        'e: 'l,
    {
        let all = self.envelope.parameters;
        let wish = |parameter| self.wish_of_mail(parameter, client, offered);
        if all.iter().all(|parameter| wish(parameter) == Wish::Send) {
            return Ok(all);
        }
        let mut downgrades = self.downgrades;
        keep(all, list, &mut downgrades, wish)?;
        self.downgrades = downgrades;
        Ok(list.as_parameters())
    }

    fn mode(&self) -> Option<ByMode> {
        let parameters = MailParameters::parse(self.envelope.parameters).ok()?;
        parameters.by().map(|by| by.mode())
    }

    /// REQUIRETLS goes inside TLS to a server that is known to be the right one, and that offers it
    /// (RFC 8689 section 4.2.1). A report may go without (section 5).
    fn require_tls(&self, client: &Client, offered: ExtensionSet) -> Wish {
        let safe = client.is_tls() && client.channel().is_some_and(Channel::is_server_verified);
        if safe && offered.contains(Extension::RequireTls) {
            Wish::Send
        } else if self.envelope.reverse_path == ReversePath::Null {
            Wish::Drop(Downgrade::RequireTls)
        } else if safe {
            Wish::Refuse(Downgrade::RequireTls.refusal())
        } else {
            Wish::Refuse(Rejection::permanent(7, 10, "no TLS with a server that is verified"))
        }
    }
}

/// How much more than lines of ASCII it is.
const fn rank(body: Body) -> u8 {
    match body {
        Body::SevenBit => 0,
        Body::EightBitMime => 1,
        Body::BinaryMime => 2,
    }
}

const NO_SMTPUTF8: Rejection<'static> =
    Rejection::permanent(6, 7, "the server does not offer SMTPUTF8");

/// With all-or-nothing: nothing is sent.
pub(super) const OTHER_REFUSED: Rejection<'static> =
    Rejection::temporary(5, 0, "another recipient was refused");

fn wish_of_rcpt(
    recipient: &Recipient<'_>,
    parameter: Parameter<'_>,
    offered: ExtensionSet,
) -> Wish {
    let Some(extension) = RcptParameters::extension(parameter) else {
        return Wish::Send;
    };
    if offered.contains(extension) {
        return Wish::Send;
    }
    // RFC 7293 section 5.1.1.
    if extension == Extension::Rrvs
        && let Some(rrvs) = RcptParameters::parse(recipient.parameters).unwrap_or_default().rrvs()
        && rrvs.action() == IfRecipientChanged::Reject
    {
        return Wish::Refuse(Downgrade::OwnerCheck.refusal());
    }
    Wish::of_unoffered(extension)
}

/// Whether a parameter that is sent has a value beyond ASCII, such as an ORCPT in UTF-8 (RFC 6533 section 3).
#[inline]
fn says_more_than_ascii<'p>(all: Parameters<'p>, wish: impl Fn(Parameter<'p>) -> Wish) -> bool {
    let beyond = |value: &str| !value.is_ascii();
    // Mostly there are none.
    !all.is_empty()
        && !all.is_ascii()
        && all.iter().any(|one| one.value().is_some_and(beyond) && wish(one) == Wish::Send)
}

/// The parameters of RCPT for a server that offers this.
pub(super) fn rcpt_parameters<'r>(
    recipient: &'r Recipient<'_>,
    offered: ExtensionSet,
    list: &'r mut ParameterList,
    downgrades: &mut Downgrades,
) -> Result<Parameters<'r>, Misuse> {
    let all = recipient.parameters;
    if all.iter().all(|parameter| wish_of_rcpt(recipient, parameter, offered) == Wish::Send) {
        return Ok(all);
    }
    keep(all, list, downgrades, |parameter| wish_of_rcpt(recipient, parameter, offered))?;
    Ok(list.as_parameters())
}

/// Puts those parameters on the list that are sent.
fn keep<'p>(
    all: Parameters<'p>,
    list: &mut ParameterList,
    downgrades: &mut Downgrades,
    wish: impl Fn(Parameter<'p>) -> Wish,
) -> Result<(), Misuse> {
    for parameter in all.iter() {
        match wish(parameter) {
            Wish::Drop(downgrade) => downgrades.insert(downgrade),
            Wish::Send | Wish::Refuse(_) => {
                list.push(parameter).map_err(|_| Misuse::Parameter)?;
            }
        }
    }
    Ok(())
}
