//! Connections to name servers.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr},
    task::{Context, Poll},
};

use mio::{Interest, net::TcpStream};
use smtp_frontend::{dns::Dial, runtime::Polled};

use crate::{
    doorbell::Doorbell,
    park,
    runtime::{Blocking, dial},
};

/// A connection to a name server.
///
/// What hickory does on one thread is more than to read: there may be another question to ask. So this waits only
/// when all else on its thread waits already, and is interrupted then.
#[derive(Debug)]
pub struct Line {
    doorbell: Doorbell<TcpStream>,
    /// In which round of its thread nothing could be done, if nothing was done since.
    idle: Option<u64>,
}

impl Line {
    /// Does what `call` does, or waits until that may be done.
    fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut call: impl FnMut(&mut TcpStream) -> io::Result<T>,
    ) -> Polled<T> {
        loop {
            match call(self.doorbell.socket()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                done => {
                    self.idle = None;
                    return Poll::Ready(done);
                }
            }
        }
        let round = park::round();
        let before = self.idle.replace(round);
        if before.is_some_and(|before| before != round) {
            self.doorbell.wait()?;
        }
        // In the next round it is looked at anew.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Dial for Blocking {
    type Line = Line;

    async fn dial(address: SocketAddr, source: Option<IpAddr>) -> io::Result<Line> {
        let stream = dial(address, source)?;
        stream.set_nonblocking(true)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        let doorbell = Doorbell::new(TcpStream::from_std(stream), interest)?;
        Ok(Line { doorbell, idle: None })
    }

    fn poll_read(line: &mut Line, cx: &mut Context<'_>, buffer: &mut [u8]) -> Polled<usize> {
        line.poll(cx, |stream| stream.read(buffer))
    }

    fn poll_write(line: &mut Line, cx: &mut Context<'_>, octets: &[u8]) -> Polled<usize> {
        line.poll(cx, |stream| stream.write(octets))
    }

    fn poll_flush(line: &mut Line, cx: &mut Context<'_>) -> Polled<()> {
        line.poll(cx, Write::flush)
    }

    fn poll_close(line: &mut Line, cx: &mut Context<'_>) -> Polled<()> {
        line.poll(cx, |stream| stream.shutdown(std::net::Shutdown::Write))
    }
}
