//! What is done with any stream of the runtime, and between tasks.

use std::{
    future::{Future, poll_fn},
    io::{self, IoSlice},
    task::{Poll, ready},
};

use smtp_frontend::testing::{End, pipe};

use crate::rt::{Io, On, Runtime};

/// A stream in memory.
pub(crate) type Duplex = On<End>;

/// A connection in memory; `window` octets may be under way each way.
pub(crate) fn duplex(window: usize) -> (Duplex, Duplex) {
    let (near, far) = pipe(window);
    (On::new(near), On::new(far))
}

/// What is done with a stream, whatever it is.
pub(crate) trait Octets: Sized + Send {
    fn read(&mut self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> + Send;
    fn write(&mut self, octets: &[u8]) -> impl Future<Output = io::Result<usize>> + Send;
    fn close(&mut self) -> impl Future<Output = io::Result<()>> + Send;

    fn write_all(&mut self, mut octets: &[u8]) -> impl Future<Output = io::Result<()>> + Send {
        async move {
            while !octets.is_empty() {
                let written = self.write(octets).await?;
                octets = &octets[written..];
            }
            Ok(())
        }
    }

    /// All that comes until the end, or until the stream breaks.
    fn read_to_end(&mut self) -> impl Future<Output = String> + Send {
        async move {
            let mut all = Vec::new();
            let mut space = [0; 4096];
            while let Ok(read @ 1..) = self.read(&mut space).await {
                all.extend_from_slice(&space[..read]);
            }
            String::from_utf8(all).unwrap()
        }
    }

    /// A line with its end; what there is of it at the end of the stream, or when that breaks.
    fn read_line(&mut self) -> impl Future<Output = String> + Send {
        async move {
            let (mut line, mut octet) = (Vec::new(), [0]);
            while !line.ends_with(b"\n") && matches!(self.read(&mut octet).await, Ok(1)) {
                line.push(octet[0]);
            }
            String::from_utf8(line).unwrap()
        }
    }
}

impl<S: Send> Octets for S
where
    Runtime: Io<S>,
{
    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| <Runtime as Io<S>>::poll_read(self, cx, buffer)).await
    }

    async fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| {
            let written =
                ready!(<Runtime as Io<S>>::poll_write(self, cx, &[IoSlice::new(octets)]))?;
            ready!(<Runtime as Io<S>>::poll_flush(self, cx))?;
            Poll::Ready(Ok(written))
        })
        .await
    }

    async fn close(&mut self) -> io::Result<()> {
        poll_fn(|cx| <Runtime as Io<S>>::poll_close(self, cx)).await
    }
}

/// Lets others go on.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Polls once: what a future gives that is ready.
pub(crate) async fn now<F: Future>(future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
