//! Telling what is said: to a callback, and with the feature `tracing` to whoever subscribes.

use smtp_proto::{
    transcript::{Entry, Recording},
    wire::Wire,
};

/// Tells what is said in one session.
pub(crate) struct Teller {
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl Teller {
    /// Of a session of a server.
    #[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nobody subscribes"))]
    pub(crate) fn server(facts: &crate::Facts) -> Self {
        Self {
            #[cfg(feature = "tracing")]
            span: tracing::debug_span!(
                target: "smtp",
                "session",
                role = "server",
                id = facts.session,
                peer = facts.peer.map(tracing::field::display),
                protocol = ?facts.protocol,
            ),
        }
    }

    /// Of a session of a client.
    #[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nobody subscribes"))]
    pub(crate) fn client(server: Option<&str>) -> Self {
        Self {
            #[cfg(feature = "tracing")]
            span: tracing::debug_span!(target: "smtp", "session", role = "client", peer = server),
        }
    }

    /// Has the session recorded, if there is anybody to be told.
    pub(crate) fn listen(&self, wire: &mut Wire, called_back: bool, recording: Recording) {
        #[cfg(feature = "tracing")]
        let called_back = called_back || !self.span.is_disabled();
        if called_back {
            wire.record(recording);
        }
    }

    /// The session's span.
    #[cfg(feature = "tracing")]
    pub(crate) fn span(&self) -> tracing::Span {
        self.span.clone()
    }

    /// Tells everything since the last time.
    pub(crate) fn tell(&self, wire: &mut Wire, callback: Option<impl Fn(&Entry)>) {
        let Some(recorder) = wire.transcript() else {
            return;
        };
        for entry in recorder.drain() {
            if let Some(callback) = &callback {
                callback(&entry);
            }
            #[cfg(feature = "tracing")]
            self.span.in_scope(|| emit(&entry));
        }
    }
}

/// An entry as an event: at level DEBUG what was said and what ends a session, at TRACE the rest.
#[cfg(feature = "tracing")]
fn emit(entry: &Entry) {
    use smtp_proto::transcript::Speaker;

    let speaker = entry.speaker().map(|speaker| match speaker {
        Speaker::Client => "client",
        Speaker::Server => "server",
    });
    let code = entry.code().map(|code| code.value());
    let enhanced = entry.enhanced().map(tracing::field::display);
    let (verb, octets) = (entry.verb(), entry.octets());
    // An event is one line, also where a reply has several.
    let message = entry.to_string().replace('\n', " / ");
    macro_rules! event {
        ($level:ident) => {
            tracing::$level!(
                target: "smtp", speaker, verb, code, enhanced, octets, "{message}"
            )
        };
    }
    match entry {
        Entry::Answer(_) | Entry::Content(_) | Entry::Chunk(_) | Entry::EndOfData => event!(trace),
        _ => event!(debug),
    }
}

impl std::fmt::Debug for Teller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Teller").finish_non_exhaustive()
    }
}
