//! How many, how often and how long.

use std::time::Duration;

use smtp_frontend::{Backend, Server, runtime::Runtime};
use smtp_proto::limits::ServerTimeouts;

use crate::args;

/// On submission an answer comes within two minutes, also that to a message (RFC 6409 section 5.3).
const SUBMISSION: Duration = Duration::from_secs(110);

/// What a client may take.
pub(super) fn timeouts(arguments: &args::Serve) -> ServerTimeouts {
    let mut timeouts = ServerTimeouts::all(Duration::from_secs(arguments.timeout));
    if let Some(seconds) = arguments.content_timeout {
        timeouts.content = Duration::from_secs(seconds);
    }
    timeouts
}

/// What the server allows.
pub(super) fn apply<B: Backend, R: Runtime>(
    mut server: Server<B, R>,
    arguments: &args::Serve,
) -> Server<B, R> {
    server = server
        .max_connections(arguments.max_connections)
        .exempt(arguments.exempt.iter().copied())
        .grace(Duration::from_secs(arguments.grace));
    if let Some(most) = arguments.max_per_address {
        server = server.max_connections_per_address(most);
    }
    if let Some(rate) = arguments.rate {
        server = server.connection_rate(rate);
    }
    if let Some(rate) = arguments.rate_per_address {
        server = server.connection_rate_per_address(rate);
    }
    if arguments.submission {
        server = server.delivery_timeout(SUBMISSION);
    }
    server
}
