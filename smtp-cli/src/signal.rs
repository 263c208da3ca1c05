//! The signals that ask the program to end, or to read its files anew. Whatever the program runs on, a thread
//! of their own awaits them, with a little of tokio.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    thread,
};

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::exit::{Code, Failure};

/// Runs what `begin` gives, which is called at once: signals that come behind that are not lost.
fn listen<F: Future<Output = ()> + Send + 'static>(
    begin: impl FnOnce() -> io::Result<F>,
) -> Result<(), Failure> {
    let listening = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listening = {
            let _inside = runtime.enter();
            begin()?
        };
        let run = move || runtime.block_on(listening);
        thread::Builder::new().name("signals".to_owned()).spawn(run).map(drop)
    };
    listening().map_err(|error| Failure::new(Code::Temporary, format!("signals: {error}")))
}

/// Done when somebody asks the program to end, by SIGINT or SIGTERM, or by Ctrl-C; and when somebody asks again, who
/// will not wait.
pub(crate) fn asked_to_end() -> Result<[Told; 2], Failure> {
    let (tell, told) = oneshot::channel();
    let (tell_again, told_again) = oneshot::channel();
    listen(|| {
        let mut asked = Asked::new()?;
        Ok(async move {
            for tell in [tell, tell_again] {
                asked.recv().await;
                // Perhaps nobody waits any longer.
                let _ = tell.send(());
            }
        })
    })?;
    Ok([Told(told), Told(told_again)])
}

/// Done when a signal has come.
#[derive(Debug)]
pub(crate) struct Told(oneshot::Receiver<()>);

impl Future for Told {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match Pin::new(&mut self.0).poll(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(()),
            // Nobody can ask.
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

#[cfg(unix)]
struct Asked {
    interrupt: Signal,
    terminate: Signal,
}

#[cfg(unix)]
impl Asked {
    fn new() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Asked;

#[cfg(not(unix))]
impl Asked {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn recv(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

/// Calls `reload` at each SIGHUP from now on.
#[cfg(unix)]
pub(crate) fn at_hangup(reload: impl Fn() + Send + 'static) -> Result<(), Failure> {
    listen(|| {
        let mut hangup = signal(SignalKind::hangup())?;
        Ok(async move {
            while hangup.recv().await.is_some() {
                reload();
            }
        })
    })
}

/// There is no such signal here.
#[cfg(not(unix))]
pub(crate) fn at_hangup(_: impl Fn() + Send + 'static) -> Result<(), Failure> {
    Ok(())
}
