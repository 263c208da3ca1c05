//! What is recorded: one [`Entry`] for each thing that was said or that happened.

use alloc::{boxed::Box, vec::Vec};

use super::mask::{ILL, WELL};
use crate::{
    answer::{Acceptance, Rejection},
    auth::{Binding, Channel},
    profile::Leniency,
    reply::{Reply, ReplyBuf},
    status::{Code, EnhancedCode},
};

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Speaker {
    /// The SMTP client.
    Client,
    /// The SMTP server.
    Server,
}

/// Something that was said, or that happened.
///
/// `Display` shows it to people, in one line (a reply in as many as it has): control characters are
/// escaped, secrets are `***`. The form that can be read back is that of a
/// [`Transcript`](super::Transcript).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entry {
    /// A command, or a line of the AUTH exchange, without its CRLF.
    Command(Spoken),
    /// The server's first reply, whole, with its line ends (RFC 5321 section 4.3.1).
    Greeting(Spoken),
    /// Any other reply, whole, with its line ends.
    Reply(Spoken),
    /// Message content after 354, as it is on the wire, dots added, its end not included.
    Content(Body),
    /// The line with the dot that ends the content after 354.
    EndOfData,
    /// The octets of a BDAT chunk.
    Chunk(Body),
    /// A command line that is too long to be read; nothing of it is kept but its verb.
    OverLong {
        /// The verb, if it is one that is known; else empty.
        verb: Box<str>,
        /// Octets of the line without its CRLF.
        octets: u64,
    },
    /// Octets that are no line and no reply: another protocol, or a peer that speaks none.
    Foreign {
        /// Who said them.
        speaker: Speaker,
        /// They.
        octets: Spoken,
    },
    /// So many octets came together with what was said last, and were not read: plaintext behind
    /// STARTTLS, content before 354.
    Unread {
        /// Who said them.
        speaker: Speaker,
        /// How many.
        octets: u64,
    },
    /// The TLS handshake is done.
    Tls,
    /// The timer ran out.
    Expired {
        /// The peer had not even read what was said before.
        unread: bool,
    },
    /// The peer closed its side.
    Closed,
    /// The server's application answered the question that was open.
    Answer(Answer),
    /// The server's application ended or refused something unasked.
    Call(Call),
    /// The addresses that a PROXY protocol header gave.
    Proxy(Box<str>),
    /// What the channel below brings to the AUTH exchange.
    Channel(ChannelFacts),
    /// Something was forgiven, and told.
    Leniency(Leniency),
    /// A remark of the adapter's, such as the TLS version.
    Remark(Box<str>),
}

/// What is known of a [`Channel`]: of binding data its kinds, never the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChannelFacts {
    pub(super) bindings: [bool; Binding::ALL.len()],
    pub(super) client_certificate: bool,
}

impl ChannelFacts {
    /// The kinds of binding data there are, most wanted first.
    pub fn bindings(&self) -> impl Iterator<Item = Binding> + '_ {
        let known = Binding::ALL.into_iter().zip(self.bindings);
        known.filter_map(|(binding, known)| known.then_some(binding))
    }

    /// Whether the client has shown a certificate.
    pub fn has_client_certificate(&self) -> bool {
        self.client_certificate
    }
}

impl From<&Channel> for ChannelFacts {
    fn from(channel: &Channel) -> Self {
        Self {
            bindings: Binding::ALL.map(|binding| channel.data(binding).is_some()),
            client_certificate: channel.has_client_certificate(),
        }
    }
}

/// Octets of a command or a reply, in which secrets are masked.
#[derive(Clone, PartialEq, Eq)]
pub struct Spoken {
    octets: Box<[u8]>,
    masked: bool,
}

/// Content of a message: the first octets perhaps, and how many there were.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Body {
    pub(super) kept: Vec<u8>,
    pub(super) elided: u64,
}

/// What an application answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// Yes. What is not set was left to the command's default.
    Accept {
        /// The code.
        code: Option<Code>,
        /// The enhanced code.
        enhanced: Option<EnhancedCode>,
        /// The text.
        text: Box<str>,
    },
    /// No.
    Reject(ReplyBuf),
    /// A challenge of the AUTH exchange, of so many octets.
    Challenge(usize),
    /// What was set before the answer itself: of which extension, and to what. The question is still
    /// open.
    With {
        /// The extension's keyword.
        keyword: Box<str>,
        /// The value, as its parameter or EHLO line has it.
        value: Box<str>,
    },
}

/// What an application did unasked. The reply is the one it wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// [`Server::shut_down`](crate::server::Server::shut_down) took effect.
    ShutDown(ReplyBuf),
    /// [`Server::abort`](crate::server::Server::abort).
    Abort(ReplyBuf),
    /// [`Server::refuse_message`](crate::server::Server::refuse_message).
    Refuse(ReplyBuf),
    /// [`Server::tls_too_weak`](crate::server::Server::tls_too_weak).
    TlsTooWeak,
}

impl Spoken {
    pub(super) fn plain(octets: &[u8]) -> Self {
        Self { octets: octets.into(), masked: false }
    }

    /// Octets in which secrets were replaced by [`WELL`] and [`ILL`].
    pub(super) fn masked(octets: Vec<u8>) -> Self {
        let masked = octets.iter().any(|octet| matches!(*octet, WELL | ILL));
        Self { octets: octets.into(), masked }
    }

    /// The octets. Each octet of a secret is `*`, or `#` where what stood there was malformed.
    pub fn octets(&self) -> impl Iterator<Item = u8> + '_ {
        let masked = self.masked;
        self.octets.iter().map(move |octet| match *octet {
            WELL if masked => b'*',
            ILL if masked => b'#',
            octet => octet,
        })
    }

    /// Whether secrets in it were masked.
    pub fn is_masked(&self) -> bool {
        self.masked
    }

    pub(super) fn raw(&self) -> &[u8] {
        &self.octets
    }

    pub(super) fn len(&self) -> usize {
        self.octets.len()
    }
}

pub(super) const fn is_mask(octet: u8) -> bool {
    matches!(octet, WELL | ILL)
}

impl Body {
    /// The octets that were kept: the first ones.
    pub fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// How many more there were.
    pub fn elided(&self) -> u64 {
        self.elided
    }

    /// How many there were in all.
    pub fn octets(&self) -> u64 {
        count(self.kept.len()).saturating_add(self.elided)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.elided == 0
    }

    /// Takes `more` in, if it goes on where this one stops.
    pub(super) fn join(&mut self, more: &Self) -> bool {
        let joins = self.elided == 0 || more.kept.is_empty();
        if joins {
            self.kept.extend_from_slice(&more.kept);
            self.elided = self.elided.saturating_add(more.elided);
        }
        joins
    }
}

/// Octets as a count.
pub(super) fn count(octets: usize) -> u64 {
    u64::try_from(octets).unwrap_or(u64::MAX)
}

impl Default for Answer {
    /// Yes, and nothing else.
    fn default() -> Self {
        Self::Accept { code: None, enhanced: None, text: "".into() }
    }
}

impl Answer {
    pub(crate) fn accept(acceptance: &Acceptance<'_>) -> Self {
        Self::Accept {
            code: acceptance.code(),
            enhanced: acceptance.enhanced(),
            text: acceptance.text().into(),
        }
    }

    pub(crate) fn reject(rejection: &Rejection<'_>) -> Self {
        Self::Reject(rejection.into())
    }
}

impl Entry {
    /// Who spoke; `None` when nobody did.
    pub fn speaker(&self) -> Option<Speaker> {
        match self {
            Self::Command(_)
            | Self::Content(_)
            | Self::EndOfData
            | Self::Chunk(_)
            | Self::OverLong { .. } => Some(Speaker::Client),
            Self::Greeting(_) | Self::Reply(_) => Some(Speaker::Server),
            Self::Foreign { speaker, .. } | Self::Unread { speaker, .. } => Some(*speaker),
            _ => None,
        }
    }

    /// The first word of a command, as it was sent; `None` where that cannot be a verb, as in the
    /// lines of an AUTH exchange.
    pub fn verb(&self) -> Option<&str> {
        let line = match self {
            Self::Command(line) => line.raw(),
            Self::OverLong { verb, .. } => return Some(verb).map(|verb| &**verb),
            _ => return None,
        };
        let word = line.split(|octet| matches!(octet, b' ' | b'\t')).next()?;
        let is_verb = !word.is_empty() && word.iter().all(u8::is_ascii_alphanumeric);
        core::str::from_utf8(word).ok().filter(|_| is_verb)
    }

    /// The code of a reply.
    pub fn code(&self) -> Option<Code> {
        self.reply().map(Reply::code)
    }

    /// The enhanced code of a reply.
    pub fn enhanced(&self) -> Option<EnhancedCode> {
        self.reply().and_then(Reply::enhanced)
    }

    /// The reply. Where a secret is masked its octets are none of the reply's.
    pub(super) fn reply(&self) -> Option<Reply<'_>> {
        match self {
            Self::Greeting(reply) | Self::Reply(reply) => Reply::found(reply.raw()),
            _ => None,
        }
    }

    /// How many octets were said, line ends included.
    pub fn octets(&self) -> u64 {
        match self {
            Self::Command(line) => count(line.len()).saturating_add(2),
            Self::Greeting(text) | Self::Reply(text) | Self::Foreign { octets: text, .. } => {
                count(text.len())
            }
            Self::Content(body) | Self::Chunk(body) => body.octets(),
            Self::EndOfData => 3,
            Self::OverLong { octets, .. } => octets.saturating_add(2),
            Self::Unread { octets, .. } => *octets,
            _ => 0,
        }
    }

    /// Takes in content that goes on with this.
    pub(super) fn join(&mut self, more: &Self) -> bool {
        match (self, more) {
            (Self::Content(body), Self::Content(more)) | (Self::Chunk(body), Self::Chunk(more)) => {
                body.join(more)
            }
            _ => false,
        }
    }

    /// Whether it tells of the session and is nothing that was said, done or answered.
    pub(super) fn is_aside(&self) -> bool {
        matches!(self, Self::Proxy(_) | Self::Leniency(_) | Self::Remark(_))
    }

    /// Whether it is content of no octets.
    pub(super) fn is_void(&self) -> bool {
        matches!(self, Self::Content(body) | Self::Chunk(body) if body.is_empty())
    }

    /// Octets of memory it takes, about.
    pub(super) fn held(&self) -> usize {
        let text = match self {
            Self::Command(text)
            | Self::Greeting(text)
            | Self::Reply(text)
            | Self::Foreign { octets: text, .. } => text.len(),
            Self::Content(body) | Self::Chunk(body) => body.kept.len(),
            Self::Answer(Answer::Accept { text, .. }) | Self::Proxy(text) | Self::Remark(text) => {
                text.len()
            }
            Self::Answer(Answer::With { keyword, value }) => keyword.len() + value.len(),
            Self::Answer(Answer::Reject(reply))
            | Self::Call(Call::ShutDown(reply) | Call::Abort(reply) | Call::Refuse(reply)) => {
                reply.as_reply().octets().len()
            }
            _ => 0,
        };
        size_of::<Self>() + text
    }
}
