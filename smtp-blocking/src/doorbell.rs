//! A socket that rings when something can be done with it, or when somebody wakes who waits for that.

use std::{fmt, io, sync::Arc};

use mio::{Events, Interest, Token, event::Source};

use crate::park;

/// Whoever waits for a socket sleeps until it is ready, and can be woken, which a call of the socket cannot: for
/// that it needs two file descriptors.
pub(crate) struct Doorbell<S> {
    poll: mio::Poll,
    events: Events,
    interrupt: Arc<mio::Waker>,
    socket: S,
}

impl<S: Source> Doorbell<S> {
    /// Rings when that can be done with `socket`, which does not block.
    pub(crate) fn new(mut socket: S, interest: Interest) -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        poll.registry().register(&mut socket, Token(0), interest)?;
        let interrupt = Arc::new(mio::Waker::new(poll.registry(), Token(1))?);
        Ok(Self { poll, events: Events::with_capacity(8), interrupt, socket })
    }

    /// Waits until it rings. It does so once: what can be done is to be done until nothing more can. False
    /// when somebody is to look around first.
    pub(crate) fn wait(&mut self) -> io::Result<bool> {
        let Self { poll, events, interrupt, .. } = self;
        match park::interruptible(interrupt, |patience| poll.poll(events, patience)) {
            None => Ok(false),
            Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Some(rung) => rung.map(|()| true),
        }
    }

    /// The socket.
    #[cfg(feature = "dns")]
    pub(crate) fn socket(&mut self) -> &mut S {
        &mut self.socket
    }
}

impl<S: fmt::Debug> fmt::Debug for Doorbell<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Doorbell").field(&self.socket).finish()
    }
}
