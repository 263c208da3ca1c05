//! What a server offers, and its limits.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::time::Duration;

use super::{answer::REPLY_TEXT, arguments::Arguments};
use crate::{
    auth::{Channel, Known},
    command::Mechanism,
    domain::Host,
    extension::{Extension, ExtensionSet, Registered},
    limits::{ServerLimits, ServerTimeouts},
    profile::{HelloSyntax, Profile, Verdict},
    sequence::Protocol,
};

/// The configuration of a server, shared by its sessions.
///
/// [`Config::new`] offers what a mail server on the Internet offers by default: PIPELINING, SIZE,
/// ENHANCEDSTATUSCODES, 8BITMIME, SMTPUTF8, CHUNKING, LIMITS and HELP. STARTTLS and AUTH appear
/// when they are configured.
#[derive(Debug, Clone)]
pub struct Config {
    pub(super) host: Box<str>,
    pub(super) banner: Box<str>,
    pub(super) help: Box<str>,
    pub(super) protocol: Protocol,
    pub(super) offered: ExtensionSet,
    pub(super) mechanisms: Vec<Offered>,
    pub(super) verbs: Vec<Box<str>>,
    pub(super) extensions: Vec<Registered>,
    /// The arguments of BURL in the reply to EHLO, each behind a blank.
    pub(super) burl: String,
    pub(super) tls_required: bool,
    pub(super) auth_required: bool,
    pub(super) postmaster_admitted: bool,
    pub(super) qualified: bool,
    pub(super) profile: Profile,
    pub(super) limits: ServerLimits,
    pub(super) timeouts: ServerTimeouts,
    pub(super) arguments: Arguments,
}

/// LMTP delivers, and nothing else (RFC 2033 section 1).
const NOT_FOR_LMTP: [Extension; 3] = [Extension::Etrn, Extension::Atrn, Extension::Burl];

/// An AUTH mechanism as the server offers it.
#[derive(Debug, Clone)]
pub(super) struct Offered {
    pub(super) name: Box<str>,
    pub(super) plaintext: bool,
    /// There is no initial response.
    pub(super) server_first: bool,
}

impl Offered {
    /// Whether it is bound to the channel, which its name tells (RFC 5802 section 4).
    fn is_bound(&self) -> bool {
        self.name.ends_with("-PLUS")
    }

    /// Whether it lives of what TLS knows of the client (RFC 4422 appendix A).
    fn is_external(&self) -> bool {
        &*self.name == "EXTERNAL"
    }
}

impl Config {
    /// The default server of `host`, whose name or address literal begins the greeting and the hello
    /// replies (RFC 5321 section 4.2); in A-labels, with the feature `idna` (RFC 6531 section 3.7.1).
    pub fn new(host: Host<'_>) -> Self {
        let offered = [
            Extension::Pipelining,
            Extension::Size,
            Extension::EnhancedStatusCodes,
            Extension::EightBitMime,
            Extension::SmtpUtf8,
            Extension::Chunking,
            Extension::Limits,
            Extension::Help,
        ];
        Self {
            host: match host {
                Host::Domain(domain) => domain.key().into(),
                Host::Literal(literal) => alloc::format!("{literal}").into_boxed_str(),
            },
            banner: "ESMTP".into(),
            help: "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP STARTTLS AUTH".into(),
            protocol: Protocol::Smtp,
            offered: offered.into_iter().fold(ExtensionSet::default(), ExtensionSet::with),
            mechanisms: Vec::new(),
            verbs: Vec::new(),
            extensions: Vec::new(),
            burl: String::new(),
            tls_required: false,
            auth_required: false,
            postmaster_admitted: false,
            qualified: false,
            profile: Profile::default(),
            limits: ServerLimits::default(),
            timeouts: ServerTimeouts::default(),
            arguments: Arguments::default(),
        }
    }

    /// Speaks LMTP instead of SMTP: LHLO, and a reply for each recipient (RFC 2033). Not for port 25.
    #[must_use]
    pub fn lmtp(mut self) -> Self {
        self.protocol = Protocol::Lmtp;
        if &*self.banner == "ESMTP" {
            self.banner = "LMTP".into();
        }
        // RFC 2033 section 5 requires both.
        self.offered.insert(Extension::Pipelining);
        self.offered.insert(Extension::EnhancedStatusCodes);
        for extension in NOT_FOR_LMTP {
            self.offered.remove(extension);
        }
        self
    }

    /// The text of the greeting behind the host's name; "ESMTP" or "LMTP" by default. A product's
    /// name and version are told to strangers only when they are put here.
    #[must_use]
    pub fn banner(mut self, text: &str) -> Self {
        self.banner = text.into();
        self
    }

    /// The text of the reply to HELP; each line of it becomes a line of the reply.
    #[must_use]
    pub fn help(mut self, text: &str) -> Self {
        self.help = text.into();
        self
    }

    /// The default server of `host` for the first hop of a message, on port 587 or 465 (RFC 6409): a
    /// client must authenticate before MAIL (section 4.3), and addresses must have qualified domains
    /// (section 4.2), but its hello may be anything visible, as desktop programs say what their host
    /// is called. [`mechanism`](Self::mechanism)s are to be added. Whether a sender is the client's own
    /// is for the application to judge (section 6.1).
    pub fn submission(host: Host<'_>) -> Self {
        Self { qualified: true, ..Self::new(host) }
            .require_auth(true)
            .profile(|profile| profile.syntax.hello = HelloSyntax::Any)
    }

    /// Offers `extension`, and what it depends on.
    ///
    /// STARTTLS is offered while the session is in plaintext. DSN is for applications that send or
    /// pass on delivery reports (RFC 3461), BINARYMIME for those whose store keeps any octet.
    /// EXPN, ETRN and ATRN offer the verb, whose question is then asked. ATRN is listed where there is
    /// a [`mechanism`](Self::mechanism) to log in by; it is for the port of RFC 2645, and neither it nor
    /// ETRN for a submission server (RFC 6409 section 7). BURL is for submission servers only (RFC 4468
    /// section 3.1); see [`burl`](Self::burl). None of the three is offered in LMTP. XCLIENT and
    /// XFORWARD are offered to those clients that
    /// [`allow_xclient`](super::Connected::allow_xclient) and
    /// [`allow_xforward`](super::Connected::allow_xforward) are said of.
    ///
    /// DELIVERBY, MT-PRIORITY and NO-SOLICITING have methods of their own, which also say what their
    /// lines tell. FUTURERELEASE is offered by [`future_release`](Self::future_release) only, as it
    /// must tell its limits. CHECKPOINT, CONNEG and CONPERM are read and handed over, and nothing more
    /// is done about them here.
    #[must_use]
    pub fn offer(mut self, extension: Extension) -> Self {
        let unkept =
            extension == Extension::FutureRelease && self.arguments.future_release.is_none();
        let lmtp = self.protocol == Protocol::Lmtp;
        if unkept || (lmtp && NOT_FOR_LMTP.contains(&extension)) {
            return self;
        }
        self.offered.insert(extension);
        match extension {
            // RFC 6531 section 3.1, item 8.
            Extension::SmtpUtf8 => {
                self.offered.insert(Extension::EightBitMime);
                self.profile.syntax.utf8 = true;
            }
            // RFC 3030 section 3.
            Extension::BinaryMime => {
                self.offered.insert(Extension::Chunking);
            }
            // RFC 4468 section 4.
            Extension::Burl => {
                self.offered.insert(Extension::EightBitMime);
            }
            // ENVID and ORCPT belong to it (RFC 3885 section 2).
            Extension::Mtrk => {
                self.offered.insert(Extension::Dsn);
            }
            _ => {}
        }
        self
    }

    /// Does not offer `extension`, nor what depends on it. LMTP keeps PIPELINING and
    /// ENHANCEDSTATUSCODES, which it requires.
    #[must_use]
    pub fn withhold(mut self, extension: Extension) -> Self {
        let required = matches!(extension, Extension::Pipelining | Extension::EnhancedStatusCodes);
        if !(required && self.protocol == Protocol::Lmtp) {
            self.offered.remove(extension);
        }
        match extension {
            Extension::EightBitMime | Extension::SmtpUtf8 => {
                self.offered.remove(Extension::SmtpUtf8);
                self.profile.syntax.utf8 = false;
                if extension == Extension::EightBitMime {
                    self.offered.remove(Extension::Burl);
                }
            }
            Extension::Dsn => {
                self.offered.remove(Extension::Mtrk);
            }
            Extension::Chunking => {
                self.offered.remove(Extension::BinaryMime);
            }
            _ => {}
        }
        self
    }

    /// Offers an AUTH mechanism (RFC 4954), in the order of the calls; those that do not fit into a
    /// reply line of 512 octets any more can be used and are not listed. A `plaintext` mechanism (one
    /// that shows the server a password or token) is offered inside TLS only, unless
    /// the [profile](crate::profile::ServerPolicy::plaintext_auth) allows it.
    ///
    /// One whose name ends with -PLUS is offered only when there is channel binding data, and EXTERNAL
    /// only when the client has shown a certificate
    /// ([`describe_channel`](super::Server::describe_channel)).
    ///
    /// The core carries the exchange and knows nothing of the mechanism; see
    /// [`auth::server`](crate::auth::server) for those that are ready to use.
    #[must_use]
    pub fn mechanism(mut self, name: Mechanism<'_>, plaintext: bool) -> Self {
        let name: Box<str> = name.as_str().to_ascii_uppercase().into();
        self.mechanisms.retain(|offered| offered.name != name);
        let server_first = Known::of(&name).is_some_and(Known::is_server_first);
        self.mechanisms.push(Offered { name, plaintext, server_first });
        self
    }

    /// Offers an AUTH mechanism of this crate, as [`mechanism`](Self::mechanism) does.
    #[must_use]
    pub fn known_mechanism(self, known: Known) -> Self {
        match Mechanism::parse(known.as_str()) {
            Ok(name) => self.mechanism(name, known.is_plaintext()),
            Err(_) => self,
        }
    }

    /// In a mechanism that was offered, the server speaks first: an initial response is answered with
    /// 501 (RFC 4954 section 4). Of CRAM-MD5 that is known.
    #[must_use]
    pub fn server_first(mut self, name: Mechanism<'_>) -> Self {
        for offered in &mut self.mechanisms {
            offered.server_first |= offered.name.eq_ignore_ascii_case(name.as_str());
        }
        self
    }

    /// Offers BURL with `arguments`: `imap` for IMAP URLs that are keys by URLAUTH, and
    /// `imap://host` for plain ones of a server that trusts this one (RFC 4468 section 3.3). Where
    /// there is a [`mechanism`](Self::mechanism), BURL is for clients that have logged in, and the
    /// arguments are told to them only. What is neither of the two is left out, and so is what does not
    /// fit into a reply line of 512 octets any more.
    #[must_use]
    pub fn burl(mut self, arguments: &[&str]) -> Self {
        self.burl.clear();
        for argument in arguments {
            let store = argument.strip_prefix("imap://").is_some_and(|authority| {
                !authority.is_empty() && crate::grammar::all(authority, crate::grammar::VISIBLE)
            });
            let length = Extension::Burl.keyword().len() + self.burl.len() + 1 + argument.len();
            if (*argument == "imap" || store) && length <= REPLY_TEXT {
                self.burl.push(' ');
                self.burl.push_str(argument);
            }
        }
        self.offer(Extension::Burl)
    }

    /// Asks the application about a verb this crate does not know
    /// ([`Event::Extension`](super::Event::Extension)) and that no EHLO line tells of; one that is to
    /// be listed comes with its [`extension`](Self::extension). `verb` is letters, digits and hyphens;
    /// one of SMTP's own verbs, or anything else, is ignored.
    #[must_use]
    pub fn verb(mut self, verb: &str) -> Self {
        use crate::command::Verb;
        let wellformed = !verb.is_empty()
            && verb.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
        if wellformed && Verb::of(verb.as_bytes()) == Verb::Other {
            self.verbs.push(String::from(verb).to_ascii_uppercase().into());
        }
        self
    }

    /// Offers an extension that this crate does not know: it is listed in the EHLO reply behind those
    /// that are known, its parameters are taken and handed over with the others
    /// ([`MailParameters::all`](crate::parameter::MailParameters::all)), and its verbs are asked about.
    /// What it needs of a command line is added to the limit. One of the same keyword is replaced.
    #[must_use]
    pub fn extension(mut self, extension: Registered) -> Self {
        self.extensions.retain(|known| known.keyword() != extension.keyword());
        self.extensions.push(extension);
        self.limits(|_| {})
    }

    /// Refuses everything but NOOP, EHLO, STARTTLS and QUIT with 530 until TLS is active (RFC 3207
    /// section 4). Not for servers that take mail from strangers.
    #[must_use]
    pub fn require_tls(mut self, required: bool) -> Self {
        self.tls_required = required;
        self
    }

    /// Refuses everything but AUTH, hello, STARTTLS, NOOP, RSET and QUIT with 530 until the client
    /// has authenticated (RFC 4954 section 6).
    #[must_use]
    pub fn require_auth(mut self, required: bool) -> Self {
        self.auth_required = required;
        self
    }

    /// Lets mail to postmaster pass although [`require_auth`](Self::require_auth) is set: MAIL is taken,
    /// and RCPT for postmaster, here or at any domain, is asked about; other recipients get 530. A
    /// server that takes mail for a domain must take it for postmaster from anybody (RFC 5321 section
    /// 4.5.1). Not for submission.
    #[must_use]
    pub fn admit_postmaster(mut self, admitted: bool) -> Self {
        self.postmaster_admitted = admitted;
        self
    }

    /// Changes how strict the session is: `profile` is [`Profile::INTERNET`] at first. UTF-8 is taken
    /// where SMTPUTF8 is offered, whatever the profile says of it.
    ///
    /// ```
    /// # use smtp_proto::{domain::Host, profile::{Profile, Verdict}, server::Config};
    /// let config = Config::new(Host::parse("mx.example.net")?).profile(|profile| {
    ///     *profile = Profile::LENIENT;
    ///     profile.server.nul_in_text = Verdict::Reject;
    /// });
    /// # Ok::<(), smtp_proto::error::ParseError>(())
    /// ```
    #[must_use]
    pub fn profile(mut self, change: impl FnOnce(&mut Profile)) -> Self {
        change(&mut self.profile);
        self.profile.syntax.utf8 = self.offers(Extension::SmtpUtf8);
        self
    }

    /// Changes the limits. Those that are too low are raised: a command line to 2400 octets, which hold a command
    /// of 512 with all parameters that this crate knows, and to what extensions and verbs of one's own need besides;
    /// a line of AUTH to 12288 octets and CRLF (RFC 4954 section 4); `endless_line` to the longer of these two;
    /// recipients, MAIL commands and domains of recipients to one; and `content_buffer` to 4096 octets.
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(&mut ServerLimits)) -> Self {
        change(&mut self.limits);
        let limits = &mut self.limits;
        // The most that all parameters this crate knows may add to MAIL.
        let mut command_line = 2400;
        for extension in &self.extensions {
            command_line += extension.line_growth();
        }
        let verbs = self.extensions.iter().flat_map(|extension| extension.verbs());
        let longest = verbs.map(|verb| verb.line_limit()).max().unwrap_or_default();
        limits.command_line = limits.command_line.max(command_line).max(longest);
        limits.auth_line = limits.auth_line.max(12_290);
        limits.endless_line = limits.endless_line.max(limits.auth_line).max(limits.command_line);
        limits.recipients = limits.recipients.max(1);
        limits.mails = limits.mails.map(|most| most.max(1));
        limits.recipient_domains = limits.recipient_domains.map(|most| most.max(1));
        limits.content_buffer = limits.content_buffer.max(4096);
        self
    }

    /// Changes how long the server waits.
    #[must_use]
    pub fn timeouts(mut self, timeouts: ServerTimeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// The name or address literal of this host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Which protocol the server speaks.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// How long a TLS handshake may take ([`ServerTimeouts::tls`]): for who does it before a session
    /// begins.
    pub fn handshake_timeout(&self) -> Duration {
        self.timeouts.tls
    }

    /// Whether a session begins with watching.
    pub(super) fn watches_for_early_talkers(&self) -> bool {
        let refused = self.profile.server.early_talker == Verdict::Reject;
        refused && !self.timeouts.greeting.is_zero()
    }

    /// The most octets the input buffer may hold while commands are read.
    pub(super) fn command_buffer(&self) -> usize {
        self.limits.command_line.max(self.limits.auth_line)
    }

    /// Whether `extension` is offered in a session that is inside TLS or not.
    pub(super) fn offers(&self, extension: Extension) -> bool {
        self.offered.contains(extension)
    }

    pub(super) fn has_mechanism(&self, name: &[u8]) -> bool {
        self.mechanisms.iter().any(|offered| offered.name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// The mechanisms that may be used now.
    pub(super) fn usable_mechanisms(
        &self,
        tls: bool,
        channel: Option<&Channel>,
    ) -> impl Iterator<Item = &Offered> {
        let safe = tls || self.profile.server.plaintext_auth;
        let bound = channel.is_some_and(|channel| channel.best().is_some());
        let external = channel.is_some_and(Channel::has_client_certificate);
        self.mechanisms.iter().filter(move |offered| {
            (safe || !offered.plaintext)
                && (bound || !offered.is_bound())
                && (external || !offered.is_external())
        })
    }

    /// Whether the client was offered to bind the exchange to the channel.
    #[cfg(feature = "sasl")]
    pub(super) fn offers_binding(&self, channel: Option<&Channel>) -> bool {
        self.usable_mechanisms(true, channel).any(Offered::is_bound)
    }
}
