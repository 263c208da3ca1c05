//! One session from its first octet to its last.

use std::{
    fmt,
    future::{Future, poll_fn},
    io,
    ops::Deref,
    pin::pin,
    sync::Arc,
    task::{Poll, ready},
    time::Duration,
};

use smtp_proto::{fault::Fault, server::Server as Machine, wire::Endpoint};

use super::{Core, Link, Service, control::Seat, conversation::Conversation};
use crate::{
    driver::{Driver, Stream},
    session::{Backend, End, Facts},
    trace::Teller,
};

/// How long a client that is being turned away may go on talking, so that it reads why.
const LINGER: Duration = Duration::from_secs(2);

/// How often it is read from then before others have their turn.
const READS: usize = 64;

/// What becomes of a session that is over: somebody wants to know, or nobody.
pub(super) trait Outcome: Send {
    fn of(end: End) -> Self;
}

impl Outcome for End {
    fn of(end: End) -> Self {
        end
    }
}

impl Outcome for () {
    fn of(_: End) -> Self {}
}

/// The session of a client, as a future that owns no more than it needs while it waits.
pub(super) fn session<C, B, O>(
    core: C,
    mut driver: Box<dyn Driver<Machine>>,
    service: Service,
    mut facts: Facts,
    seat: Seat,
) -> impl Future<Output = O> + Send
where
    C: Deref<Target = Core<B>> + Send + Sync,
    B: Backend,
    O: Outcome,
{
    facts.protocol = service.protocol();
    facts.session = seat.control().number();
    let teller = Teller::server(&facts);
    let wire = driver.endpoint_mut().wire();
    teller.listen(wire, core.trace.is_some(), core.recording);
    if core.proxied {
        wire.proxied(Addresses(&facts));
    }
    #[cfg(feature = "tracing")]
    let span = teller.span();
    let link = Link::new(driver, Arc::clone(seat.control()), teller);
    let mut watch = seat.watch();
    let mut conversation = Conversation::new(core, link, facts);
    conversation.observe_begin();
    let session = async move {
        let end = {
            let mut life = pin!(live(&mut conversation, service));
            let end = poll_fn(|cx| match watch.is_over(cx.waker()) {
                true => Poll::Ready(End::Fault(Fault::Closed)),
                false => life.as_mut().poll(cx),
            });
            end.await
        };
        conversation.observe_end(&end);
        O::of(end)
    };
    #[cfg(feature = "tracing")]
    let session = tracing::Instrument::instrument(session, span);
    session
}

/// The session, from its first octet to its last.
async fn live<C, B>(conversation: &mut Conversation<C, B>, service: Service) -> End
where
    C: Deref<Target = Core<B>> + Send + Sync,
    B: Backend,
{
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
    // In a box with all it needs, the reason too: no session has room for it before.
    Box::pin(conversation.close(end)).await
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
pub(super) async fn part(link: &mut Link, end: &End) {
    let wait = match end {
        End::Io(_) | End::Tls(_) | End::Turned => return,
        End::Fault(Fault::Closed | Fault::Timeout) => return,
        End::Regular => link.is_broken_off(),
        End::Fault(_) => true,
    };
    let mut closed = false;
    let parting = link.driver.within(LINGER, |driver, cx| {
        if !closed {
            ready!(driver.poll_close(cx))?;
            closed = true;
        }
        let mut space = [0; 512];
        for _ in 0..READS {
            if !wait || ready!(driver.poll_read(cx, &mut space))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        // It may go on for ever.
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    let _ = parting.await;
}

#[cfg(feature = "tls")]
pub(super) async fn handshake<B>(
    core: &Core<B>,
    driver: &mut dyn Driver<Machine>,
    time: Duration,
) -> io::Result<()> {
    let config = core.tls.clone().ok_or(io::ErrorKind::Unsupported)?;
    driver.accept_tls(config, time).await
}

#[cfg(not(feature = "tls"))]
pub(super) async fn handshake<B>(
    _: &Core<B>,
    _: &mut dyn Driver<Machine>,
    _: Duration,
) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Tells the machine what the AUTH exchange may be bound to.
pub(super) fn describe(driver: &mut dyn Driver<Machine>) {
    #[cfg(feature = "tls")]
    {
        let channel = driver.stream().channel();
        driver.endpoint_mut().describe_channel(channel);
    }
    #[cfg(not(feature = "tls"))]
    let _ = driver;
}

pub(super) fn learn_tls(stream: &dyn Stream, facts: &mut Facts) {
    #[cfg(feature = "tls")]
    {
        facts.tls = stream.tls().map(Box::new);
    }
    #[cfg(not(feature = "tls"))]
    let _ = (stream, facts);
}
