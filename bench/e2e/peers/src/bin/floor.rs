//! The least that a mail server on tokio can do ([`smtp_bench_peers::floor`]): what another costs beyond it
//! is what the rules of SMTP cost. Its buffers are on the stack, so that an idle session owns a task and a
//! socket.

use std::{
    env,
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Poll, ready},
};

use smtp_bench_peers::floor::{COMMANDS, CONTENT, GREETING, Session};
use tokio::{
    io::{AsyncRead, AsyncWriteExt, ReadBuf},
    net::{TcpListener, TcpStream},
};

/// Reads once, and says what to answer; none when nothing more comes.
async fn turn(session: &mut Session, stream: &mut TcpStream) -> io::Result<Option<&'static [u8]>> {
    poll_fn(|cx| {
        let stream = Pin::new(&mut *stream);
        if session.is_content() {
            let mut space = [MaybeUninit::uninit(); CONTENT];
            let mut buffer = ReadBuf::uninit(&mut space);
            ready!(stream.poll_read(cx, &mut buffer))?;
            Poll::Ready(Ok(session.take(buffer.filled())))
        } else {
            let mut space = [MaybeUninit::uninit(); COMMANDS];
            let mut buffer = ReadBuf::uninit(&mut space);
            ready!(stream.poll_read(cx, &mut buffer))?;
            Poll::Ready(Ok(session.take(buffer.filled())))
        }
    })
    .await
}

async fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_all(GREETING).await?;
    let mut session = Session::default();
    while let Some(answer) = turn(&mut session, &mut stream).await? {
        if !answer.is_empty() {
            stream.write_all(answer).await?;
        }
        if session.is_over() {
            break;
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = env::args().nth(1).and_then(|text| text.parse().ok());
    let Some(port) = port else {
        eprintln!("usage: PORT");
        std::process::exit(64)
    };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    // A task of its own: the one of `main` is polled by another thread.
    let accepting = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(serve(stream));
        }
    });
    accepting.await?
}
