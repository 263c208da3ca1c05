//! One session from its first octet to its last.

use std::{fmt, io, ops::Deref, time::Duration};

use smtp_proto::{fault::Fault, server::Server as Machine, wire::Endpoint};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{Core, Link, Service, control::Seat, conversation::Conversation};
use crate::{
    connection::Connection,
    session::{Backend, End, Facts},
    tls::Stream,
    trace::Teller,
};

/// How long a client that is being turned away may go on talking, so that it reads why.
const LINGER: Duration = Duration::from_secs(2);

/// The session of a client, as a future that owns no more than it needs while it waits.
pub(super) fn session<C: Deref<Target = Core<B>> + Send + Sync, B: Backend>(
    core: C,
    stream: Stream,
    service: Service,
    facts: Facts,
    seat: Seat,
) -> impl Future<Output = End> + Send {
    let machine = Machine::new(core.config(service));
    session_of(core, stream, machine, service, facts, seat)
}

/// The same of a machine that was made before.
pub(super) fn session_of<C: Deref<Target = Core<B>> + Send + Sync, B: Backend>(
    core: C,
    stream: Stream,
    mut machine: Machine,
    service: Service,
    mut facts: Facts,
    seat: Seat,
) -> impl Future<Output = End> + Send {
    facts.protocol = service.protocol();
    facts.session = seat.id();
    let teller = Teller::server(&facts);
    teller.listen(machine.wire(), core.trace.is_some(), core.recording);
    if core.proxied {
        machine.wire().proxied(Addresses(&facts));
    }
    #[cfg(feature = "tracing")]
    let span = teller.span();
    let link = Link::new(stream, machine, seat, teller);
    let mut conversation = Conversation::new(core, link, facts);
    let session = async move {
        if service.is_implicit_tls()
            && let Err(error) = Box::pin(conversation.start_tls()).await
        {
            return End::Tls(error);
        }
        let end = loop {
            let end = conversation.turn().await;
            conversation.tell();
            if let Some(end) = end {
                break end;
            }
        };
        Box::pin(conversation.closed(&end)).await;
        Box::pin(part(&mut conversation.link, &end)).await;
        end
    };
    #[cfg(feature = "tracing")]
    let session = tracing::Instrument::instrument(session, span);
    session
}

/// What a PROXY header said.
struct Addresses<'f>(&'f Facts);

impl fmt::Display for Addresses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.peer, self.0.local) {
            (Some(peer), Some(local)) => write!(f, "{peer} {local}"),
            (Some(address), None) | (None, Some(address)) => address.fmt(f),
            (None, None) => f.write_str("unknown"),
        }
    }
}

/// Closes. When it was this side that broke off, what the client still sends is read for a while: a
/// close with octets unread would destroy the last reply on its way (RFC 9293 section 3.10.4).
async fn part(link: &mut Link, end: &End) {
    let wait = match end {
        End::Io(_) | End::Tls(_) | End::Turned => return,
        End::Fault(Fault::Closed | Fault::Timeout) => return,
        End::Regular => link.is_aborted(),
        End::Fault(_) => true,
    };
    let stream = link.connection.stream_mut();
    let _ = timeout(LINGER, async {
        stream.shutdown().await?;
        let mut space = [0; 512];
        while wait && stream.read(&mut space).await? > 0 {}
        io::Result::Ok(())
    })
    .await;
}

#[cfg(feature = "tls")]
pub(super) async fn handshake<B>(
    core: &Core<B>,
    stream: &mut Stream,
    time: Duration,
) -> io::Result<()> {
    let config = core.tls.clone().ok_or(io::ErrorKind::Unsupported)?;
    let shaken = timeout(time, Box::pin(stream.accept_tls(config))).await;
    shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(not(feature = "tls"))]
pub(super) async fn handshake<B>(_: &Core<B>, _: &mut Stream, _: Duration) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Tells the machine what the AUTH exchange may be bound to.
pub(super) fn describe(connection: &mut Connection<Stream, Machine>) {
    #[cfg(feature = "tls")]
    {
        let channel = connection.stream().channel();
        connection.endpoint_mut().describe_channel(channel);
    }
    #[cfg(not(feature = "tls"))]
    let _ = connection;
}

pub(super) fn learn_tls(stream: &Stream, facts: &mut Facts) {
    #[cfg(feature = "tls")]
    {
        facts.tls = stream.tls().map(Box::new);
    }
    #[cfg(not(feature = "tls"))]
    let _ = (stream, facts);
}
