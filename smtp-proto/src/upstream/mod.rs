//! What a host tells of the client it speaks for: the attributes of XCLIENT and XFORWARD.
//!
//! A proxy or filter in front of a server tells it by XCLIENT whom it is to take the client for, and
//! by XFORWARD whom it may name in its log. [`Overrides`] and [`Forwarded`] hold what was told; a
//! server fills them, a client sends them, and a relay that is both hands them on. Both commands are
//! Postfix's (XCLIENT_README, XFORWARD_README; G-35, G-36).

mod attribute;
#[cfg(test)]
mod tests;
mod value;

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, net::IpAddr};

pub use self::attribute::{Attribute, AttributeSet};
pub use self::value::Value;
pub(crate) use self::value::{Family, decode};

use crate::command::{XClient, XForward};
use crate::error::ParseError;
use crate::xtext;

/// The most octets of a command line in front of its CRLF (RFC 5321 section 4.5.3.1.4; C-84).
const MAX_LINE: usize = 510;

/// Attributes and their values, each attribute at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told(Vec<(Attribute, Value<Box<str>>)>);

impl Told {
    fn get(&self, attribute: Attribute) -> Option<Value<&str>> {
        let (_, value) = self.0.iter().find(|(known, _)| *known == attribute)?;
        Some(value.as_deref())
    }

    fn put(&mut self, attribute: Attribute, value: Value<&str>) {
        let value = value.map(Box::from);
        match self.0.iter_mut().find(|(known, _)| *known == attribute) {
            Some((_, old)) => *old = value,
            None => self.0.push((attribute, value)),
        }
    }

    fn set(
        &mut self,
        family: Family,
        attribute: Attribute,
        value: Value<&str>,
    ) -> Result<(), ParseError> {
        family.check(attribute, &value)?;
        self.put(attribute, value);
        Ok(())
    }

    /// Lines of at most 512 octets, without their CRLF; the attributes in `order`.
    fn lines(&self, verb: &str, order: &[Attribute]) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for attribute in order {
            let Some(value) = self.get(*attribute) else { continue };
            let pair = format!(" {}={}", attribute.as_str(), encoded(&value));
            match lines.last_mut() {
                Some(line) if line.len() + pair.len() <= MAX_LINE => line.push_str(&pair),
                _ => lines.push(format!("{verb}{pair}")),
            }
        }
        lines
    }

    /// The first attribute that is not among those.
    fn beyond(&self, listed: AttributeSet) -> Option<Attribute> {
        self.0
            .iter()
            .map(|(attribute, _)| *attribute)
            .find(|attribute| !listed.contains(*attribute))
    }
}

/// A value as it is sent.
fn encoded(value: &Value<&str>) -> String {
    match value {
        Value::Unavailable => "[UNAVAILABLE]".into(),
        Value::TempUnavail => "[TEMPUNAVAIL]".into(),
        Value::Known(text) => xtext::encode(text.as_bytes()),
    }
}

/// An address as both commands write it: IPv6 behind `IPV6:`, no brackets.
fn address_text(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("IPV6:{address}"),
    }
}

/// The address that such a text is.
fn address_of(text: &str) -> Option<IpAddr> {
    match text.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("IPV6:") => {
            text.get(5..)?.parse().ok().map(IpAddr::V6)
        }
        _ => text.parse().ok().map(IpAddr::V4),
    }
}

/// What a server is to believe of its client instead of what it sees (XCLIENT).
///
/// An attribute that was not told is `None`: there the session's own counts.
///
/// ```
/// # use smtp_proto::upstream::{Attribute, Overrides, Value};
/// let mut overrides = Overrides::default();
/// overrides.set(Attribute::Name, Value::Known("spike.example"))?;
/// overrides.set_address(Value::Known([192, 0, 2, 7].into()));
/// assert_eq!(overrides.address().and_then(Value::known), Some([192, 0, 2, 7].into()));
/// assert!(overrides.set(Attribute::HeloName, Value::Known("a\r\nRSET")).is_err());
/// # Ok::<(), smtp_proto::error::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides(Told);

impl Overrides {
    /// The client's host name; [`Value::TempUnavail`] when it may be known later.
    #[must_use]
    pub fn name(&self) -> Option<Value<&str>> {
        self.0.get(Attribute::Name)
    }

    /// The client's address.
    #[must_use]
    pub fn address(&self) -> Option<Value<IpAddr>> {
        self.0.get(Attribute::Addr)?.and_then(address_of)
    }

    /// The client's port.
    #[must_use]
    pub fn port(&self) -> Option<Value<u16>> {
        self.0.get(Attribute::Port)?.and_then(|text| text.parse().ok())
    }

    /// What the client speaks: "SMTP" or "ESMTP", in any case of letters.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.0.get(Attribute::Proto)?.known()
    }

    /// The name the client has said hello with.
    #[must_use]
    pub fn hello_name(&self) -> Option<Value<&str>> {
        self.0.get(Attribute::HeloName)
    }

    /// As whom the client has logged in where that was done for this server.
    #[must_use]
    pub fn login(&self) -> Option<Value<&str>> {
        self.0.get(Attribute::Login)
    }

    /// The address the client connected to.
    #[must_use]
    pub fn destination_address(&self) -> Option<Value<IpAddr>> {
        self.0.get(Attribute::DestAddr)?.and_then(address_of)
    }

    /// The port the client connected to.
    #[must_use]
    pub fn destination_port(&self) -> Option<Value<u16>> {
        self.0.get(Attribute::DestPort)?.and_then(|text| text.parse().ok())
    }

    /// Sets an attribute.
    ///
    /// # Errors
    /// [`Rule::Attribute`](crate::error::Rule::Attribute) for one that XCLIENT does not have;
    /// [`Rule::AttributeValue`](crate::error::Rule::AttributeValue) for a value it cannot have, or one
    /// whose xtext is longer than 255 octets.
    pub fn set(&mut self, attribute: Attribute, value: Value<&str>) -> Result<(), ParseError> {
        self.0.set(Family::XClient, attribute, value)
    }

    /// Sets the client's address.
    pub fn set_address(&mut self, address: Value<IpAddr>) {
        let text = address.map(address_text);
        self.0.put(Attribute::Addr, text.as_deref());
    }

    /// Sets the client's port.
    pub fn set_port(&mut self, port: Value<u16>) {
        let text = port.map(|port| port.to_string());
        self.0.put(Attribute::Port, text.as_deref());
    }

    /// Takes over the attributes of a command; the others stay as they are.
    pub fn update(&mut self, command: &XClient<'_>) {
        for (attribute, value) in command.iter() {
            self.0.put(attribute, value.as_deref());
        }
    }

    /// Whether nothing was told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.0.is_empty()
    }

    /// All that was told, in the order in which it first was.
    pub fn iter(&self) -> impl Iterator<Item = (Attribute, Value<&str>)> {
        self.0.0.iter().map(|(attribute, value)| (*attribute, value.as_deref()))
    }

    /// The first attribute that a server which lists these does not take.
    #[must_use]
    pub fn beyond(&self, listed: AttributeSet) -> Option<Attribute> {
        self.0.beyond(listed)
    }

    /// The command lines, each with its CRLF at most 512 octets long. ADDR is the last: once the
    /// address is another, the server may take no more of them (XCLIENT_README, note 1).
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lines("XCLIENT", &Attribute::XCLIENT_ORDER)
    }
}

/// What a server may put into its log of the client upstream of its own (XFORWARD). It decides
/// nothing.
///
/// All attributes are unavailable until they are told, whatever the session knows of its own client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarded(Told);

impl Forwarded {
    /// The client's host name, which may be none of the DNS.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.get(Attribute::Name)
    }

    /// The client's address as it was told, which need not be one of IP.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.get(Attribute::Addr)
    }

    /// The client's address, if it is one of IP.
    #[must_use]
    pub fn ip_address(&self) -> Option<IpAddr> {
        address_of(self.address()?)
    }

    /// The client's port.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.get(Attribute::Port)?.parse().ok()
    }

    /// By what protocol the message came, SMTP or another.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.get(Attribute::Proto)
    }

    /// The name the client has said hello with.
    #[must_use]
    pub fn hello_name(&self) -> Option<&str> {
        self.get(Attribute::HeloName)
    }

    /// The message's identifier at the host upstream: that of its queue, say.
    #[must_use]
    pub fn ident(&self) -> Option<&str> {
        self.get(Attribute::Ident)
    }

    /// Whether the message began at the host upstream itself.
    #[must_use]
    pub fn is_local(&self) -> Option<bool> {
        self.get(Attribute::Source).map(|source| source.eq_ignore_ascii_case("LOCAL"))
    }

    /// An attribute; `None` when it is unavailable.
    #[must_use]
    pub fn get(&self, attribute: Attribute) -> Option<&str> {
        self.0.get(attribute)?.known()
    }

    /// Sets an attribute.
    ///
    /// # Errors
    /// As [`Overrides::set`], for XFORWARD: values are visible ASCII without what is special in a
    /// header.
    pub fn set(&mut self, attribute: Attribute, value: Value<&str>) -> Result<(), ParseError> {
        self.0.set(Family::XForward, attribute, value)
    }

    /// Sets the client's address.
    pub fn set_address(&mut self, address: Value<IpAddr>) {
        let text = address.map(address_text);
        self.0.put(Attribute::Addr, text.as_deref());
    }

    /// Takes over the attributes of a command; the others stay as they are.
    pub fn update(&mut self, command: &XForward<'_>) {
        for (attribute, value) in command.iter() {
            self.0.put(attribute, value.as_deref());
        }
    }

    /// All that was told, in the order in which it first was.
    pub fn iter(&self) -> impl Iterator<Item = (Attribute, Value<&str>)> {
        self.0.0.iter().map(|(attribute, value)| (*attribute, value.as_deref()))
    }

    /// Whether nothing was told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.0.is_empty()
    }

    /// The first attribute that a server which lists these does not take.
    #[must_use]
    pub fn beyond(&self, listed: AttributeSet) -> Option<Attribute> {
        self.0.beyond(listed)
    }

    /// The command lines, each with its CRLF at most 512 octets long.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lines("XFORWARD", &Attribute::XFORWARD_ORDER)
    }
}

/// `NAME=spike.example ADDR=192.0.2.7`
impl fmt::Display for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display(&self.0, f)
    }
}

/// `NAME=spike.example ADDR=192.0.2.7`
impl fmt::Display for Forwarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display(&self.0, f)
    }
}

fn display(told: &Told, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, (attribute, value)) in told.0.iter().enumerate() {
        let gap = if index == 0 { "" } else { " " };
        write!(f, "{gap}{}={}", attribute.as_str(), encoded(&value.as_deref()))?;
    }
    Ok(())
}
