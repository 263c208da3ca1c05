//! The names of attributes.

use core::fmt;

/// An attribute of XCLIENT, of XFORWARD, or of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Attribute {
    /// NAME: the client's host name.
    Name,
    /// ADDR: its address.
    Addr,
    /// PORT: its port.
    Port,
    /// PROTO: the protocol it speaks.
    Proto,
    /// HELO: the name it has said hello with.
    HeloName,
    /// LOGIN: as whom it has logged in (XCLIENT).
    Login,
    /// DESTADDR: the address it connected to (XCLIENT).
    DestAddr,
    /// DESTPORT: the port it connected to (XCLIENT).
    DestPort,
    /// IDENT: the message's identifier (XFORWARD).
    Ident,
    /// SOURCE: whether the message began at the host upstream (XFORWARD).
    Source,
}

impl Attribute {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Name,
        Self::Addr,
        Self::Port,
        Self::Proto,
        Self::HeloName,
        Self::Login,
        Self::DestAddr,
        Self::DestPort,
        Self::Ident,
        Self::Source,
    ];

    /// In the order in which they are sent.
    pub(super) const XCLIENT_ORDER: [Self; 8] = [
        Self::HeloName,
        Self::Proto,
        Self::Login,
        Self::Port,
        Self::DestAddr,
        Self::DestPort,
        Self::Name,
        Self::Addr,
    ];

    /// In the order in which they are sent.
    pub(super) const XFORWARD_ORDER: [Self; 7] = [
        Self::Name,
        Self::Addr,
        Self::Port,
        Self::Proto,
        Self::HeloName,
        Self::Ident,
        Self::Source,
    ];

    /// The name, in upper case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "NAME",
            Self::Addr => "ADDR",
            Self::Port => "PORT",
            Self::Proto => "PROTO",
            Self::HeloName => "HELO",
            Self::Login => "LOGIN",
            Self::DestAddr => "DESTADDR",
            Self::DestPort => "DESTPORT",
            Self::Ident => "IDENT",
            Self::Source => "SOURCE",
        }
    }

    /// The attribute of a name, in any case of letters.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|known| name.eq_ignore_ascii_case(known.as_str().as_bytes()))
    }

    /// Its place in a set.
    #[expect(clippy::as_conversions, reason = "the only way from a variant to its number")]
    const fn bit(self) -> u16 {
        1 << (self as u8)
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of attributes, such as those a server lists.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AttributeSet(u16);

impl AttributeSet {
    /// No attribute.
    pub const EMPTY: Self = Self(0);
    /// All attributes of XCLIENT.
    pub const XCLIENT: Self = Self::EMPTY
        .with(Attribute::Name)
        .with(Attribute::Addr)
        .with(Attribute::Port)
        .with(Attribute::Proto)
        .with(Attribute::HeloName)
        .with(Attribute::Login)
        .with(Attribute::DestAddr)
        .with(Attribute::DestPort);
    /// All attributes of XFORWARD.
    pub const XFORWARD: Self = Self::EMPTY
        .with(Attribute::Name)
        .with(Attribute::Addr)
        .with(Attribute::Port)
        .with(Attribute::Proto)
        .with(Attribute::HeloName)
        .with(Attribute::Ident)
        .with(Attribute::Source);

    /// Whether the attribute is in the set.
    #[must_use]
    pub const fn contains(self, attribute: Attribute) -> bool {
        self.0 & attribute.bit() != 0
    }

    /// The set and this attribute.
    #[must_use]
    pub const fn with(self, attribute: Attribute) -> Self {
        Self(self.0 | attribute.bit())
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The attributes.
    pub fn iter(self) -> impl Iterator<Item = Attribute> + Clone {
        Attribute::ALL.into_iter().filter(move |&attribute| self.contains(attribute))
    }
}

impl FromIterator<Attribute> for AttributeSet {
    fn from_iter<I: IntoIterator<Item = Attribute>>(attributes: I) -> Self {
        attributes.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Debug for AttributeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
