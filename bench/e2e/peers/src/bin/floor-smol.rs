//! The least that a mail server on smol can do ([`smtp_bench_peers::floor`]), as `floor` on tokio.

use std::{
    env,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Poll, ready},
};

use smol::{
    io::{AsyncRead, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use smtp_bench_peers::floor::{COMMANDS, CONTENT, GREETING, Session};

/// Reads once, and says what to answer; none when nothing more comes.
async fn turn(session: &mut Session, stream: &mut TcpStream) -> io::Result<Option<&'static [u8]>> {
    poll_fn(|cx| {
        let stream = Pin::new(&mut *stream);
        if session.is_content() {
            let mut space = [0; CONTENT];
            let read = ready!(stream.poll_read(cx, &mut space))?;
            Poll::Ready(Ok(session.take(&space[..read])))
        } else {
            let mut space = [0; COMMANDS];
            let read = ready!(stream.poll_read(cx, &mut space))?;
            Poll::Ready(Ok(session.take(&space[..read])))
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

fn main() -> io::Result<()> {
    let Some(port) = env::args().nth(1).and_then(|text| text.parse::<u16>().ok()) else {
        eprintln!("usage: PORT");
        std::process::exit(64)
    };
    // A task of its own: `block_on` polls what it is given and the reactor in turns.
    smol::block_on(smol::spawn(async move {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            smol::spawn(serve(stream)).detach();
        }
    }))
}
