//! The least that a mail server on tokio can do ([`smtp_bench_peers::floor`]): what another costs beyond it
//! is what the rules of SMTP cost. Its buffers are on the stack, so that an idle session owns a task and a
//! socket. With a certificate and its key, each in a file of PEM, it is the least inside TLS: what rustls
//! costs, and no more.

use std::{
    env,
    error::Error,
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Poll, ready},
};

use smtp_bench_peers::floor::{COMMANDS, CONTENT, GREETING, Session};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// Reads once, and says what to answer; none when nothing more comes.
async fn turn(
    session: &mut Session,
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<&'static [u8]>> {
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

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    stream.write_all(GREETING).await?;
    stream.flush().await?;
    let mut session = Session::default();
    while let Some(answer) = turn(&mut session, &mut stream).await? {
        if !answer.is_empty() {
            stream.write_all(answer).await?;
            stream.flush().await?;
        }
        if session.is_over() {
            break;
        }
    }
    Ok(())
}

fn acceptor(cert: &str, key: &str) -> Result<TlsAcceptor, Box<dyn Error>> {
    let chain = CertificateDer::pem_file_iter(cert)?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    Ok(Arc::new(config).into())
}

async fn session(stream: TcpStream, tls: Option<TlsAcceptor>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match tls {
        None => serve(stream).await,
        // In a box, so that a session outside TLS has no room for it.
        Some(tls) => Box::pin(async move { serve(tls.accept(stream).await?).await }).await,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<_> = env::args().skip(1).collect();
    let (port, tls) = match given.as_slice() {
        [port] => (port, None),
        [port, cert, key] => (port, Some(acceptor(cert, key)?)),
        _ => {
            eprintln!("usage: PORT [CERTIFICATE KEY]");
            std::process::exit(64)
        }
    };
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    // A task of its own: the one of `main` is polled by another thread.
    let accepting = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(session(stream, tls.clone()));
        }
    });
    let ended: io::Result<()> = accepting.await?;
    Ok(ended?)
}
