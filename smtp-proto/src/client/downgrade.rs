//! What a message loses on its way through a server that does not know what it asks for.

use core::fmt;

use crate::{answer::Rejection, extension::Extension};

/// Something a message asks for that the server does not offer, so that it goes on without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Downgrade {
    /// Reports, or their form: RET, ENVID, NOTIFY, ORCPT (RFC 3461 section 5.2.2). A relay reports in
    /// the server's place.
    Dsn,
    /// The time of delivery, to be told of when it is over (RFC 2852 section 4.1.4.2).
    DeliverBy,
    /// The priority (RFC 6710 section 4.3).
    Priority,
    /// Tracking (RFC 3885 section 3.3).
    Tracking,
    /// The solicitation classes (RFC 3865).
    Solicitation,
    /// TLS on the rest of the way: for a message from nobody only (RFC 8689 section 5).
    RequireTls,
    /// The check of the mailbox's owner, which the sender can do without (RFC 7293 section 5.1.1).
    OwnerCheck,
    /// Who submitted the message: AUTH= (RFC 4954 section 5).
    Submitter,
    /// The leave to convert the content, and into what (RFC 4141).
    Conversion,
    /// A parameter of another extension.
    Other,
}

impl Downgrade {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Dsn,
        Self::DeliverBy,
        Self::Priority,
        Self::Tracking,
        Self::Solicitation,
        Self::RequireTls,
        Self::OwnerCheck,
        Self::Submitter,
        Self::Conversion,
        Self::Other,
    ];

    /// What a parameter of this extension is for; `None` for one that the message must not go on
    /// without, or that belongs to the transaction itself.
    pub(crate) const fn of(extension: Extension) -> Option<Self> {
        Some(match extension {
            Extension::Dsn => Self::Dsn,
            Extension::DeliverBy => Self::DeliverBy,
            Extension::MtPriority => Self::Priority,
            Extension::Mtrk => Self::Tracking,
            Extension::NoSoliciting => Self::Solicitation,
            Extension::RequireTls => Self::RequireTls,
            Extension::Rrvs => Self::OwnerCheck,
            Extension::Auth => Self::Submitter,
            Extension::ConPerm | Extension::ConNeg => Self::Conversion,
            _ => return None,
        })
    }

    /// Why a message does not go on that is not to go on without.
    pub(crate) const fn refusal(self) -> Rejection<'static> {
        match self {
            Self::Dsn => lacks("the server does not offer DSN"),
            Self::DeliverBy => lacks("the server does not offer DELIVERBY"),
            Self::Priority => lacks("the server does not offer MT-PRIORITY"),
            Self::Tracking => lacks("the server does not offer MTRK"),
            Self::Solicitation => lacks("the server does not offer NO-SOLICITING"),
            Self::RequireTls => Rejection::permanent(7, 30, "the server does not offer REQUIRETLS"),
            Self::OwnerCheck => Rejection::permanent(7, 19, "the server does not check the owner"),
            Self::Submitter => lacks("the server does not offer AUTH"),
            Self::Conversion => lacks("the server does not offer CONPERM and CONNEG"),
            Self::Other => lacks("the server does not offer what is asked for"),
        }
    }
}

/// The server is not capable of a feature (RFC 3463 section 3.4).
const fn lacks(what: &'static str) -> Rejection<'static> {
    Rejection::permanent(3, 3, what)
}

#[expect(clippy::as_conversions, reason = "the number of a variant")]
const fn bit(downgrade: Downgrade) -> u16 {
    1 << (downgrade as u16)
}

/// A set of [`Downgrade`]s.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Downgrades(u16);

impl Downgrades {
    /// None.
    pub const NONE: Self = Self(0);

    /// Whether this one is among them.
    #[must_use]
    pub const fn contains(self, downgrade: Downgrade) -> bool {
        self.0 & bit(downgrade) != 0
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them once.
    pub fn iter(self) -> impl Iterator<Item = Downgrade> {
        Downgrade::ALL.into_iter().filter(move |one| self.contains(*one))
    }

    pub(crate) const fn insert(&mut self, downgrade: Downgrade) {
        self.0 |= bit(downgrade);
    }
}

impl FromIterator<Downgrade> for Downgrades {
    fn from_iter<I: IntoIterator<Item = Downgrade>>(downgrades: I) -> Self {
        downgrades.into_iter().fold(Self::NONE, |mut all, one| {
            all.insert(one);
            all
        })
    }
}

impl fmt::Debug for Downgrades {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
