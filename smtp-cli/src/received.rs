//! The trace fields on top of a delivered message (RFC 5321 section 4.4).

use std::net::IpAddr;

/// What is known of how a message came.
#[derive(Debug)]
pub(crate) struct Trace<'t> {
    /// The reverse-path without its brackets; empty for the null one.
    pub(crate) reverse_path: &'t str,
    /// The name the client gave itself.
    pub(crate) hello: &'t str,
    /// Its address, if there is one and it is known.
    pub(crate) address: Option<IpAddr>,
    /// The name of this host.
    pub(crate) host: &'t str,
    /// The transmission type, RFC 3848.
    pub(crate) with: &'t str,
    /// The id under which the message is stored.
    pub(crate) id: &'t str,
    /// The recipient, when there is exactly one: more would tell one of another (section 7.6).
    pub(crate) recipient: Option<&'t str>,
    /// The date, RFC 5322.
    pub(crate) date: &'t str,
}

impl Trace<'_> {
    /// Return-Path and Received, each line ended by CRLF. Of what a peer has said only harmless
    /// characters are left, so that it cannot add a line or a comment.
    pub(crate) fn fields(&self) -> String {
        let hello = harmless(self.hello);
        let address = match self.address {
            None => String::new(),
            Some(address) => match address.to_canonical() {
                IpAddr::V4(address) => format!(" ([{address}])"),
                IpAddr::V6(address) => format!(" ([IPv6:{address}])"),
            },
        };
        let recipient = match self.recipient {
            Some(recipient) => format!("\r\n\tfor <{}>", plain(recipient)),
            None => String::new(),
        };
        format!(
            "Return-Path: <{}>\r\nReceived: from {hello}{address}\r\n\tby {} with {} id {}{recipient};\r\n\t{}\r\n",
            plain(self.reverse_path),
            self.host,
            self.with,
            self.id,
            self.date,
        )
    }
}

/// The octets of a domain or an address literal; anything else becomes a hyphen.
fn harmless(name: &str) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    let name: String = name.chars().map(|c| if kept(c) { c } else { '-' }).collect();
    if name.is_empty() { "unknown".to_owned() } else { name }
}

/// An address without control characters; the grammar has let none through.
fn plain(address: &str) -> String {
    address.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_two_and_cannot_be_more() {
        let trace = Trace {
            reverse_path: "a@client.example",
            hello: "evil\r\nX: y (z)",
            address: Some("192.0.2.7".parse().unwrap()),
            host: "mx.example.net",
            with: "ESMTPSA",
            id: "4Xyz1",
            recipient: Some("bob@example.net"),
            date: "Mon, 05 Jan 2026 12:00:00 +0000",
        };
        assert_eq!(
            trace.fields(),
            "Return-Path: <a@client.example>\r\n\
             Received: from evil--X:-y--z- ([192.0.2.7])\r\n\
             \tby mx.example.net with ESMTPSA id 4Xyz1\r\n\
             \tfor <bob@example.net>;\r\n\
             \tMon, 05 Jan 2026 12:00:00 +0000\r\n"
        );
    }
}
