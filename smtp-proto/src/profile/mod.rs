//! How strict a session is: every switch of policy in one value, chosen when a session begins.
//!
//! A [`Profile`] is data. What the RFCs leave to a site, or what peers in the wild need, is a field
//! of it, and nothing else in this crate makes a session more forgiving. Three are ready:
//! [`STRICT`](Profile::STRICT), [`INTERNET`](Profile::INTERNET) (the default) and
//! [`LENIENT`](Profile::LENIENT); each field can be changed by itself:
//!
//! ```
//! use smtp_proto::{client, domain::Host, profile::{Profile, Verdict}, server};
//!
//! let server = server::Config::new(Host::parse("mx.example.net")?).profile(|profile| {
//!     *profile = Profile::STRICT;
//!     profile.server.undeclared_8bit = Verdict::Accept;
//! });
//! let mut client = client::Config::default();
//! client.profile.client.lenient_reply_lf = true;
//! # Ok::<(), smtp_proto::error::ParseError>(())
//! ```
//!
//! Leniency is a choice of the run, never of the build: the same octets mean the same thing in
//! every program that holds the same profile. No profile gives up what keeps messages apart: content
//! ends at CRLF `.` CRLF and nowhere else, and plaintext behind STARTTLS never gets inside TLS.
//!
//! What a peer was forgiven is told, as a [`Leniency`] in an event.

mod client;
mod leniency;
mod server;
mod syntax;

pub(crate) use self::leniency::Leniencies;
pub use self::{
    client::{ClientPolicy, LongLine},
    leniency::Leniency,
    server::{LastWithoutRcpt, ServerPolicy, StartTlsTrailing, Verdict},
    syntax::{HelloSyntax, Syntax},
};

use crate::{data::BareNewline, reply::CodeMismatch};

/// Every switch of policy of both roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Profile {
    /// How a server reads commands.
    pub syntax: Syntax,
    /// What a server allows.
    pub server: ServerPolicy,
    /// What a client allows.
    pub client: ClientPolicy,
}

impl Profile {
    /// Forgives this from now on, where it was refused.
    pub fn allow(&mut self, leniency: Leniency) {
        let Self { syntax, server, client } = self;
        match leniency {
            Leniency::BareNewline => {
                server.bare_newline = BareNewline::Normalize;
                client.bare_newline = BareNewline::Normalize;
            }
            Leniency::Undeclared8Bit => server.undeclared_8bit = Verdict::Accept,
            Leniency::NulInText => server.nul_in_text = Verdict::Accept,
            Leniency::LongLine => {
                server.max_text_line = None;
                client.long_line = LongLine::Send;
            }
            Leniency::RelaxedSyntax => syntax.relaxed = true,
            Leniency::LocalPart => {
                syntax.local_part_max = None;
                client.local_part_max = None;
            }
            Leniency::UnderscoreDomain => syntax.underscore_domain = true,
            Leniency::HelloSyntax => syntax.hello = HelloSyntax::Any,
            Leniency::Utf8Orcpt => server.utf8_orcpt = Verdict::Accept,
            Leniency::EarlyTalker => server.early_talker = Verdict::Accept,
            Leniency::EarlyData => server.early_data = Verdict::Accept,
            Leniency::UnannouncedPipelining => server.unannounced_pipelining = Verdict::Accept,
            Leniency::StartTlsTrailing => server.starttls_trailing = StartTlsTrailing::Discard,
            Leniency::PlaintextAuth => server.plaintext_auth = true,
            Leniency::ReplyCodeMismatch => client.reply_code_mismatch = CodeMismatch::Last,
            Leniency::LenientReplyLf => client.lenient_reply_lf = true,
        }
    }

    /// The RFCs to the letter: for tests of other programs, and for peers that are known to be
    /// correct.
    pub const STRICT: Self =
        Self { syntax: Syntax::STRICT, server: ServerPolicy::STRICT, client: ClientPolicy::STRICT };

    /// What mail from and to strangers needs.
    pub const INTERNET: Self = Self {
        syntax: Syntax::INTERNET,
        server: ServerPolicy::INTERNET,
        client: ClientPolicy::INTERNET,
    };

    /// For old devices and desktop programs, known to the operator, on a submission port; and for
    /// old appliances, on a network of one's own.
    pub const LENIENT: Self = Self {
        syntax: Syntax::LENIENT,
        server: ServerPolicy::LENIENT,
        client: ClientPolicy::LENIENT,
    };
}

#[cfg(test)]
mod tests;
