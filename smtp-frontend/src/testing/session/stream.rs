//! The octets of a session, in and out.

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll, ready},
    time::Duration,
};

use super::{AHEAD, Over, Session};

/// How long a client may go on talking to a closed session, so that it reads the last reply: a close with
/// octets unread would destroy that on its way (RFC 9293 section 3.10.4).
const LINGER: Duration = Duration::from_secs(2);

/// How long a TLS handshake may take.
#[cfg(feature = "tls")]
const HANDSHAKE: Duration = Duration::from_secs(60);

impl Session {
    /// The handshake, which the script may play. Nothing of what was known before it is known any more (RFC
    /// 3207 section 4.2).
    pub(super) async fn handshake(&mut self) -> Result<(), Over> {
        if let Some(act) = self.progress.handshake() {
            // What comes before the client has begun is no part of a handshake.
            if self.inbox.is_empty() && !self.ended {
                self.fill().await?;
            }
            self.perform(&act, &[]).await?;
        }
        #[cfg(feature = "tls")]
        if let Some(config) = self.script.tls.clone() {
            self.inbox.clear();
            self.driver.accept_tls(config, HANDSHAKE).await?;
            let channel = self.driver.stream().channel();
            let machine = self.driver.endpoint_mut();
            machine.tls_started();
            machine.describe_channel(channel);
            self.facts.tls = self.driver.stream().tls().map(Box::new);
            (self.facts.hello, self.facts.identity) = (None, None);
            self.note("inside TLS");
            return Ok(());
        }
        Err(Over::Closed)
    }

    /// Says all of these octets. The client may be waiting for us to read.
    pub(super) async fn say(&mut self, mut octets: &[u8]) -> io::Result<()> {
        poll_fn(|cx| {
            while !octets.is_empty() {
                match self.driver.poll_write(cx, octets)? {
                    Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(written) => octets = octets.get(written..).unwrap_or_default(),
                    Poll::Pending if self.ended || self.inbox.len() >= AHEAD => {
                        return Poll::Pending;
                    }
                    Poll::Pending => ready!(self.poll_fill(cx))?,
                }
            }
            self.driver.poll_flush(cx)
        })
        .await
    }

    pub(super) async fn fill(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_fill(cx)).await
    }

    /// Reads what there is.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut space = [0; 8 * 1024];
        let read = ready!(self.driver.poll_read(cx, &mut space))?;
        self.ended |= read == 0;
        self.inbox.extend_from_slice(space.get(..read).unwrap_or_default());
        Poll::Ready(Ok(()))
    }

    /// Closes, and reads until the client does so too.
    pub(super) async fn part(&mut self) -> Result<(), Over> {
        self.post();
        let mut closed = false;
        let parting = self.driver.within(LINGER, |driver, cx| {
            if !closed {
                ready!(driver.poll_close(cx))?;
                closed = true;
            }
            let mut space = [0; 512];
            while ready!(driver.poll_read(cx, &mut space))? > 0 {}
            Poll::Ready(Ok(()))
        });
        // Whoever does not close, or is gone, has had the time to read.
        let _ = parting.await;
        Ok(())
    }
}
