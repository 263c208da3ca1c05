//! The XCLIENT and XFORWARD commands (Postfix, XCLIENT_README and XFORWARD_README; G-35, G-36).

use alloc::borrow::Cow;
use core::fmt;

use bytes::BufMut;

use crate::command::Line;
use crate::error::{ParseError, Rule};
use crate::grammar;
use crate::profile::Syntax;
use crate::upstream::{Attribute, Family, Value, decode};

macro_rules! attribute_list {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name<'a>(&'a str);

        impl<'a> $name<'a> {
            /// Reads attributes, one SP between two of them.
            ///
            /// ```text
            /// attributes = attribute *( SP attribute )
            /// attribute  = name "=" xtext
            /// ```
            ///
            /// # Errors
            ///
            /// [`Rule::Attribute`] for a name that is none, [`Rule::AttributeValue`],
            /// [`Rule::DuplicateParameter`] for a name that comes twice, or [`Rule::Spacing`].
            pub fn parse(text: &'a str) -> Result<Self, ParseError> {
                check(Family::$name, text, false).map(|()| Self(text))
            }

            /// Attributes and values, decoded, in the order received.
            pub fn iter(
                &self,
            ) -> impl Iterator<Item = (Attribute, Value<Cow<'a, str>>)> + Clone + use<'a> {
                words(self.0).filter_map(|word| pair(Family::$name, word).ok())
            }

            #[inline(never)]
            pub(super) fn of_line(line: &Line<'a>, syntax: &Syntax) -> Result<Self, ParseError> {
                let start = line.required(syntax)?;
                let octets = line.octets();
                let text = grammar::text(grammar::part(octets, start, octets.len()));
                check(Family::$name, text, syntax.relaxed)
                    .map_err(|error| error.shifted(start))
                    .map(|()| Self(text))
            }

            pub(super) fn write(&self, out: &mut impl BufMut) {
                for word in words(self.0) {
                    out.put_u8(b' ');
                    out.put_slice(word.as_bytes());
                }
            }
        }

        /// As sent, but for the blanks between them.
        impl PartialEq for $name<'_> {
            fn eq(&self, other: &Self) -> bool {
                words(self.0).eq(words(other.0))
            }
        }

        impl Eq for $name<'_> {}

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), self.0)
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }
    };
}

attribute_list! {
    /// `XCLIENT`: whom the server is to take its client for.
    XClient
}

attribute_list! {
    /// `XFORWARD`: what the server may log of the client upstream.
    XForward
}

fn words(text: &str) -> impl Iterator<Item = &str> + Clone {
    text.split(' ').filter(|word| !word.is_empty())
}

fn pair(family: Family, word: &str) -> Result<(Attribute, Value<Cow<'_, str>>), ParseError> {
    let (name, value) = word.split_once('=').ok_or(ParseError::at_start(Rule::Attribute))?;
    let attribute =
        Attribute::from_name(name.as_bytes()).ok_or(ParseError::at_start(Rule::Attribute))?;
    if !family.attributes().contains(attribute) {
        return Err(ParseError::at_start(Rule::Attribute));
    }
    let value = decode(family, attribute, value).map_err(|error| error.shifted(name.len() + 1))?;
    Ok((attribute, value))
}

/// Checks that all is well, so that [`pair`] succeeds on each word.
fn check(family: Family, text: &str, relaxed: bool) -> Result<(), ParseError> {
    let mut seen = crate::upstream::AttributeSet::EMPTY;
    let mut start = 0;
    for word in text.split(' ') {
        if word.is_empty() {
            if !relaxed || text.is_empty() {
                return Err(ParseError::new(Rule::Spacing, start));
            }
            start += 1;
            continue;
        }
        let (attribute, _) = pair(family, word).map_err(|error| error.shifted(start))?;
        if seen.contains(attribute) {
            return Err(ParseError::new(Rule::DuplicateParameter, start));
        }
        seen = seen.with(attribute);
        start += word.len() + 1;
    }
    Ok(())
}
