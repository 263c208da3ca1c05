//! Service extensions: the EHLO keywords this crate knows, and what a server offered.
//!
//! RFC 5321 §2.2 (extension model), §4.1.1.1 (EHLO reply); each extension names its own RFC.

use core::fmt;

pub use self::arguments::FutureRelease;
pub(crate) use self::arguments::is_profile;
pub(crate) use self::capabilities::Digest;
pub use self::capabilities::{AuthMechanisms, Capabilities, CapabilityLines, Limits9422};
pub(crate) use self::registered::Carrier;
pub use self::registered::{ParameterRule, Registered, VerbRule};

mod arguments;
mod capabilities;
mod keyword;
mod registered;
#[cfg(test)]
mod tests;

/// Names each extension once: variant, keyword, documentation.
macro_rules! extensions {
    ($($(#[$doc:meta])* $variant:ident = $keyword:literal,)*) => {
        /// A service extension, by its EHLO keyword.
        ///
        /// In the order an EHLO reply lists them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Extension {
            $($(#[$doc])* $variant,)*
        }

        impl Extension {
            /// All of them, in the order an EHLO reply lists them.
            pub const ALL: [Self; [$($keyword),*].len()] = [$(Self::$variant),*];

            /// The EHLO keyword, in upper case.
            pub const fn keyword(self) -> &'static str {
                match self {
                    $(Self::$variant => $keyword,)*
                }
            }
        }
    };
}

extensions! {
    /// Command pipelining (RFC 2920).
    Pipelining = "PIPELINING",
    /// Message size declaration (RFC 1870).
    Size = "SIZE",
    /// TLS (RFC 3207).
    StartTls = "STARTTLS",
    /// Authentication (RFC 4954).
    Auth = "AUTH",
    /// Enhanced status codes (RFC 2034).
    EnhancedStatusCodes = "ENHANCEDSTATUSCODES",
    /// 8-bit text (RFC 6152).
    EightBitMime = "8BITMIME",
    /// Internationalized addresses (RFC 6531).
    SmtpUtf8 = "SMTPUTF8",
    /// Delivery status notifications (RFC 3461).
    Dsn = "DSN",
    /// BDAT (RFC 3030).
    Chunking = "CHUNKING",
    /// Binary content, by BDAT (RFC 3030).
    BinaryMime = "BINARYMIME",
    /// Limits of a transaction and a session (RFC 9422).
    Limits = "LIMITS",
    /// On-demand mail relay (RFC 2645).
    Atrn = "ATRN",
    /// Content by URL (RFC 4468).
    Burl = "BURL",
    /// Checkpoint and restart (RFC 1845).
    Checkpoint = "CHECKPOINT",
    /// Content negotiation (RFC 4141).
    ConNeg = "CONNEG",
    /// Permission to convert content (RFC 4141).
    ConPerm = "CONPERM",
    /// Deliver by (RFC 2852).
    DeliverBy = "DELIVERBY",
    /// Remote queue processing (RFC 1985).
    Etrn = "ETRN",
    /// The EXPN command (RFC 5321 §3.5).
    Expn = "EXPN",
    /// Future message release (RFC 4865).
    FutureRelease = "FUTURERELEASE",
    /// The HELP command (RFC 5321 §4.1.1.8).
    Help = "HELP",
    /// Message priority (RFC 6710).
    MtPriority = "MT-PRIORITY",
    /// Message tracking (RFC 3885).
    Mtrk = "MTRK",
    /// No soliciting (RFC 3865).
    NoSoliciting = "NO-SOLICITING",
    /// TLS required on the whole way (RFC 8689).
    RequireTls = "REQUIRETLS",
    /// Require recipient valid since (RFC 7293).
    Rrvs = "RRVS",
    /// The VRFY command (RFC 5321 §3.5).
    Vrfy = "VRFY",
    /// Client attributes for access control (Postfix).
    XClient = "XCLIENT",
    /// Client attributes for logging (Postfix).
    XForward = "XFORWARD",
}

impl Extension {
    /// The extension of a keyword, in any case of letters.
    #[inline]
    pub fn from_keyword(keyword: &[u8]) -> Option<Self> {
        let (word, len) = keyword::leading(keyword);
        keyword::of(word, len, keyword).filter(|found| found.keyword().len() == keyword.len())
    }
}

/// A set of extensions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ExtensionSet(u32);

impl ExtensionSet {
    /// No extension.
    pub const EMPTY: Self = Self(0);

    /// Whether the extension is in the set.
    #[inline]
    pub const fn contains(self, extension: Extension) -> bool {
        self.0 & bit(extension) != 0
    }

    /// Puts the extension into the set; `true` if it was not in it.
    #[inline]
    pub const fn insert(&mut self, extension: Extension) -> bool {
        let new = !self.contains(extension);
        self.0 |= bit(extension);
        new
    }

    /// Takes the extension out of the set; `true` if it was in it.
    pub const fn remove(&mut self, extension: Extension) -> bool {
        let there = self.contains(extension);
        self.0 &= !bit(extension);
        there
    }

    /// The set and this extension.
    #[must_use]
    pub const fn with(self, extension: Extension) -> Self {
        Self(self.0 | bit(extension))
    }

    /// The set without this extension.
    #[must_use]
    pub const fn without(self, extension: Extension) -> Self {
        Self(self.0 & !bit(extension))
    }

    /// Whether all of them are in `other`, too.
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether nothing is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The extensions in the order an EHLO reply lists them.
    pub fn iter(self) -> impl Iterator<Item = Extension> + Clone {
        Extension::ALL.into_iter().filter(move |&extension| self.contains(extension))
    }
}

/// The extension's place in a set.
#[inline]
#[expect(clippy::as_conversions, reason = "the only way from a variant to its number")]
const fn bit(extension: Extension) -> u32 {
    1 << (extension as u8)
}

impl FromIterator<Extension> for ExtensionSet {
    fn from_iter<I: IntoIterator<Item = Extension>>(extensions: I) -> Self {
        extensions.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl Extend<Extension> for ExtensionSet {
    fn extend<I: IntoIterator<Item = Extension>>(&mut self, extensions: I) {
        for extension in extensions {
            self.insert(extension);
        }
    }
}

impl fmt::Debug for ExtensionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
