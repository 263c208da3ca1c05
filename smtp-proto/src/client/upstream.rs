//! The commands of a proxy or filter that speaks for another client: XCLIENT and XFORWARD.

use alloc::{string::String, vec::Vec};

use bytes::BufMut;

use super::{Client, Misuse, ReplyTo};
use crate::{
    command::Verb,
    extension::Extension,
    sequence::Request,
    upstream::{AttributeSet, Forwarded, Overrides},
};

impl Client {
    /// XCLIENT: has the server take this client for another, in as many lines as that needs (C-84).
    /// After 220 the session is at its beginning: nothing of what was offered counts any more, and a
    /// hello has to come first. A refusal may be that of the server's greeting to the other client.
    ///
    /// # Errors
    /// [`Misuse::NotOffered`]; [`Misuse::AttributeNotOffered`]; [`Misuse::Parameter`] without any
    /// attribute; [`Misuse::Sequence`] in a transaction; [`Misuse::AwaitReplies`].
    pub fn xclient(&mut self, overrides: &Overrides) -> Result<(), Misuse> {
        self.session.allow(Verb::XClient, Request::XClient)?;
        self.session.need(Extension::XClient)?;
        let listed = self.capabilities().map(|all| all.xclient_attributes());
        if let Some(attribute) = overrides.beyond(listed.unwrap_or(AttributeSet::EMPTY)) {
            return Err(Misuse::AttributeNotOffered(attribute));
        }
        if !self.is_settled() {
            return Err(Misuse::AwaitReplies);
        }
        self.lines(overrides.lines(), |more| ReplyTo::XClient { more })?;
        self.session.plan(Request::XClient);
        Ok(())
    }

    /// XFORWARD: tells the server of the client upstream, in as many lines as that needs, for the next
    /// transaction alone.
    ///
    /// # Errors
    /// [`Misuse::NotOffered`]; [`Misuse::AttributeNotOffered`]; [`Misuse::Parameter`] without any
    /// attribute; [`Misuse::Sequence`] in a transaction.
    pub fn xforward(&mut self, forwarded: &Forwarded) -> Result<(), Misuse> {
        self.session.allow(Verb::XForward, Request::XForward)?;
        self.session.need(Extension::XForward)?;
        let listed = self.capabilities().map(|all| all.xforward_attributes());
        if let Some(attribute) = forwarded.beyond(listed.unwrap_or(AttributeSet::EMPTY)) {
            return Err(Misuse::AttributeNotOffered(attribute));
        }
        self.lines(forwarded.lines(), |more| ReplyTo::XForward { more })?;
        self.session.plan(Request::XForward);
        Ok(())
    }

    /// All of the lines, or none.
    fn lines(&mut self, lines: Vec<String>, to: fn(bool) -> ReplyTo) -> Result<(), Misuse> {
        let (Some(last), octets) =
            (lines.len().checked_sub(1), lines.iter().map(|line| line.len() + 2).sum())
        else {
            return Err(Misuse::Parameter);
        };
        if !self.session.has_room(octets) {
            return Err(Misuse::QueueFull);
        }
        for (index, line) in lines.iter().enumerate() {
            self.command(to(index < last), |out| {
                out.put_slice(line.as_bytes());
                out.put_slice(b"\r\n");
            })?;
        }
        Ok(())
    }
}
