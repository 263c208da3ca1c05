//! What a server allows beyond what it must.

use crate::data::BareNewline;

/// Whether something is let pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It is taken as it is, and told as a [`Leniency`](super::Leniency).
    Accept,
    /// It is refused.
    Reject,
}

/// What becomes of plaintext behind the STARTTLS command. In neither case does it reach the session
/// inside TLS (RFC 3207 section 6; S-67).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StartTlsTrailing {
    /// It is an injection: 554 in place of 220, and the end of the session.
    #[default]
    Close,
    /// It is thrown away, and TLS is started.
    Discard,
}

/// How an LMTP server answers a last BDAT in a transaction without a recipient (RFC 2033 section
/// 4.3; S-65).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LastWithoutRcpt {
    /// Not at all: one reply for each accepted recipient, and there is none.
    #[default]
    Silent,
    /// Once, with 503 or 554, as deployed servers do.
    Refuse,
}

/// The switches of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ServerPolicy {
    /// What becomes of a message with a bare CR or LF: refused with 550 at its true end, or mended
    /// (RFC 5321 section 2.3.8; F-06, F-07).
    pub bare_newline: BareNewline,
    /// Octets above 127 in a message that was declared neither 8BITMIME nor SMTPUTF8 (RFC 6152
    /// section 3; F-22). Refused with 554 5.6.1 at the end of the message.
    pub undeclared_8bit: Verdict,
    /// An octet 0 in a message that is not binary (RFC 5321 section 4.5.2; F-23). Refused with
    /// 554 5.6.0 at the end of the message.
    pub nul_in_text: Verdict,
    /// The longest line of a message that is not binary, in octets with its CRLF and without a dot
    /// that transparency added; `None` leaves it to the limit of the message. A longer line is
    /// refused with 554 5.6.0 at the end of the message. Less than the 1000 octets every server must
    /// take counts as 1000 (RFC 5321 section 4.5.3.1.6; F-24).
    pub max_text_line: Option<u32>,
    /// An ORCPT of another kind than `utf-8` that holds UTF-8 as it is, in a transaction with SMTPUTF8:
    /// neither RFC 3461 section 4.2 nor RFC 6533 section 3 has it, and deployed relays write it, so that
    /// mail from authors with such addresses would bounce (G-47). Refused with 501; without SMTPUTF8
    /// always.
    pub utf8_orcpt: Verdict,
    /// A client that talks before it was greeted (RFC 5321 section 4.3.1; S-30): accepted, its
    /// commands are answered in their turn; refused, the greeting is 554. How long a server watches
    /// for it is [`ServerTimeouts::greeting`](crate::limits::ServerTimeouts::greeting).
    pub early_talker: Verdict,
    /// Octets that came behind DATA before it was answered (S-45). Refused with 554 and the end of the
    /// session, whatever the answer would have been: no correct client sends any (RFC 2920 section 3.1),
    /// and it is the shape of an injection through another protocol. Accepted, they are content behind
    /// a 354, and commands behind any other answer.
    pub early_data: Verdict,
    /// Commands sent in a group where PIPELINING was not offered (RFC 2920; S-83). Refused with 554,
    /// each that has octets behind it.
    pub unannounced_pipelining: Verdict,
    /// Plaintext behind STARTTLS.
    pub starttls_trailing: StartTlsTrailing,
    /// Lets the application's 251 and 551 tell a new address (RFC 5321 section 7.7; S-40). Else they
    /// go out as 250 and as 550 5.1.6 without it.
    pub disclose_forward: bool,
    /// Offers plaintext mechanisms outside TLS too: for tests on the loopback interface (RFC 4954
    /// section 9; S-72).
    pub plaintext_auth: bool,
    /// A last BDAT without a recipient, in LMTP.
    pub lmtp_last_without_rcpt: LastWithoutRcpt,
}

impl ServerPolicy {
    /// The RFCs to the letter.
    pub const STRICT: Self = Self {
        undeclared_8bit: Verdict::Reject,
        nul_in_text: Verdict::Reject,
        max_text_line: Some(1000),
        utf8_orcpt: Verdict::Reject,
        early_talker: Verdict::Reject,
        unannounced_pipelining: Verdict::Reject,
        ..Self::INTERNET
    };

    /// What mail from strangers needs: content of all kinds, and clients in a hurry.
    pub const INTERNET: Self = Self {
        bare_newline: BareNewline::Reject,
        undeclared_8bit: Verdict::Accept,
        nul_in_text: Verdict::Accept,
        max_text_line: None,
        utf8_orcpt: Verdict::Accept,
        early_talker: Verdict::Accept,
        early_data: Verdict::Reject,
        unannounced_pipelining: Verdict::Accept,
        starttls_trailing: StartTlsTrailing::Close,
        disclose_forward: false,
        plaintext_auth: false,
        lmtp_last_without_rcpt: LastWithoutRcpt::Silent,
    };

    /// For old devices: bare newlines are mended, octets behind STARTTLS thrown away. Passwords
    /// outside TLS and content before 354 stay refused.
    pub const LENIENT: Self = Self {
        bare_newline: BareNewline::Normalize,
        starttls_trailing: StartTlsTrailing::Discard,
        ..Self::INTERNET
    };
}

impl Default for ServerPolicy {
    /// [`ServerPolicy::INTERNET`].
    fn default() -> Self {
        Self::INTERNET
    }
}
