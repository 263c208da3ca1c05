//! Accepting clients, and the order of a shutdown.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use smtp_proto::{
    answer::Rejection,
    server::{Event, Server as Machine},
    wire::Step,
};
use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{AnyListener, Core, Service, Signal, control::Stage, proxied, run};
use crate::{
    connection::Connection,
    session::{Backend, Facts},
    tls::Stream,
};

/// How long sessions may take to say 421 when the grace is over.
const FAREWELL: Duration = Duration::from_secs(2);

/// The longest pause after an accept that failed for want of file descriptors or memory.
const BACK_OFF: Duration = Duration::from_secs(1);

const TOO_MANY: Rejection<'static> = Rejection::temporary(3, 2, "too many connections");

/// A listener and what its clients find.
#[derive(Debug)]
pub(super) struct Listener {
    socket: AnyListener,
    service: Service,
}

impl Listener {
    pub(super) fn tcp(listener: TcpListener, service: Service) -> Self {
        Self::any(AnyListener::Tcp(listener), service)
    }

    pub(super) fn any(socket: AnyListener, service: Service) -> Self {
        Self { socket, service }
    }

    async fn accept(&self) -> io::Result<(Stream, Option<SocketAddr>, Option<SocketAddr>)> {
        match &self.socket {
            AnyListener::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // A group of replies must not wait for an acknowledgement. A client that is gone
                // already is noticed later.
                let _ = stream.set_nodelay(true);
                let local = stream.local_addr().ok();
                Ok((Stream::tcp(stream), Some(peer), local))
            }
            #[cfg(unix)]
            AnyListener::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::unix(stream), None, None))
            }
        }
    }

    /// Accepts for ever.
    async fn run<B: Backend>(self, core: Arc<Core<B>>) {
        let mut pause = Duration::from_millis(10);
        loop {
            match self.accept().await {
                Ok((stream, peer, local)) => {
                    pause = Duration::from_millis(10);
                    let mut facts = Facts::default();
                    (facts.peer, facts.local) = (peer, local);
                    if core.proxied {
                        let core = Arc::clone(&core);
                        tokio::spawn(proxied::admit(core, stream, self.service, facts));
                    } else {
                        admit(&core, stream, self.service, facts);
                    }
                }
                Err(error) if is_the_clients(&error) => {}
                Err(_) => {
                    // No file descriptor, no memory: they come back when sessions end.
                    sleep(pause).await;
                    pause = (pause * 2).min(BACK_OFF);
                }
            }
        }
    }
}

/// Whether accept failed for one client only.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// A task for a client, or a word of regret.
pub(super) fn admit<B: Backend>(
    core: &Arc<Core<B>>,
    stream: Stream,
    service: Service,
    facts: Facts,
) {
    let address = facts.peer.map(|peer| peer.ip().to_canonical());
    let Some(seat) = core.control.admit(address) else {
        if !service.is_implicit_tls() {
            let machine = Machine::new(core.config(service));
            tokio::spawn(timeout(FAREWELL, turn_away(stream, machine)));
        }
        return;
    };
    let id = seat.id();
    let task = tokio::spawn(run::session(Arc::clone(core), stream, service, facts, seat));
    core.control.adopt(id, task.abort_handle());
}

async fn turn_away(stream: Stream, machine: Machine) -> io::Result<()> {
    let mut connection = Connection::new(stream, machine);
    while connection.next().await? == Step::Event {
        if let Some(Event::Connected(client)) = connection.endpoint_mut().event() {
            client.reject(TOO_MANY);
        }
    }
    Ok(())
}

pub(super) async fn serve<B: Backend>(
    core: Arc<Core<B>>,
    listeners: Vec<Listener>,
    shutdown: Option<Signal>,
    grace: Duration,
) {
    let control = Arc::clone(&core.control);
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(listener.run(Arc::clone(&core)));
    }
    drop(core);
    if let Some(signal) = shutdown {
        let control = Arc::clone(&control);
        accepting.spawn(async move {
            signal.await;
            control.advance(Stage::Draining);
        });
    }
    control.stopped().await;
    accepting.shutdown().await;
    // For those who were let in while it began.
    control.advance(Stage::Draining);
    if timeout(grace, control.empty()).await.is_err() {
        control.advance(Stage::Aborting);
        if timeout(FAREWELL, control.empty()).await.is_err() {
            control.kill();
            control.empty().await;
        }
    }
}
