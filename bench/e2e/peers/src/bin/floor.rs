//! The least that a mail server on tokio can do: whatever is said, it answers what a client wants to hear.
//!
//! It looks at the first letter of each line and at the last octets of content, no more; it keeps nothing
//! and checks nothing. What a server costs beyond this is what the rules of SMTP cost. Its buffers are on
//! the stack, so an idle session owns a task and a socket.

use std::{env, io, pin::Pin, task::Poll};

use tokio::{
    io::{AsyncRead, AsyncWriteExt, ReadBuf},
    net::{TcpListener, TcpStream},
};

/// Octets read at once: in command mode, and while content comes.
const COMMANDS: usize = 8 * 1024;
const CONTENT: usize = 64 * 1024;

const GREETING: &[u8] = b"220 floor.example ESMTP\r\n";
const EHLO: &[u8] =
    b"250-floor.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n";
const OK: &[u8] = b"250 2.0.0 ok\r\n";
const GO_AHEAD: &[u8] = b"354 go ahead\r\n";
const BYE: &[u8] = b"221 2.0.0 bye\r\n";
const END: [u8; 5] = *b"\r\n.\r\n";

/// What a session remembers between two reads.
#[derive(Debug, Default)]
struct Session {
    content: bool,
    /// The last octets of content.
    tail: [u8; 5],
    /// The first letter of a line that has not ended yet.
    letter: Option<u8>,
    over: bool,
}

impl Session {
    /// Reads once, and says what to answer; none when nothing more comes.
    async fn turn(&mut self, stream: &mut TcpStream) -> io::Result<Option<&'static [u8]>> {
        std::future::poll_fn(|cx| {
            let stream = Pin::new(&mut *stream);
            if self.content {
                let mut space = [std::mem::MaybeUninit::uninit(); CONTENT];
                let mut buffer = ReadBuf::uninit(&mut space);
                std::task::ready!(stream.poll_read(cx, &mut buffer))?;
                Poll::Ready(Ok(self.take(buffer.filled())))
            } else {
                let mut space = [std::mem::MaybeUninit::uninit(); COMMANDS];
                let mut buffer = ReadBuf::uninit(&mut space);
                std::task::ready!(stream.poll_read(cx, &mut buffer))?;
                Poll::Ready(Ok(self.take(buffer.filled())))
            }
        })
        .await
    }

    fn take(&mut self, octets: &[u8]) -> Option<&'static [u8]> {
        if octets.is_empty() {
            return None;
        }
        if self.content {
            return Some(self.content(octets));
        }
        // Every group that a client sends is answered whole: MAIL, RCPT and DATA, or one of them.
        let mut answers: (usize, &[u8]) = (0, b"");
        for &octet in octets {
            let letter = *self.letter.get_or_insert(octet.to_ascii_uppercase());
            if octet == b'\n' {
                self.letter = None;
                answers.1 = match letter {
                    b'E' => EHLO,
                    b'D' => GO_AHEAD,
                    b'Q' => BYE,
                    _ => OK,
                };
                self.content = letter == b'D';
                self.over = letter == b'Q';
                answers.0 += 1;
            }
        }
        Some(match answers {
            (0 | 1, only) => only,
            (2, GO_AHEAD) => b"250 2.0.0 ok\r\n354 go ahead\r\n",
            (2, _) => b"250 2.0.0 ok\r\n250 2.0.0 ok\r\n",
            (3, GO_AHEAD) => b"250 2.0.0 ok\r\n250 2.0.0 ok\r\n354 go ahead\r\n",
            (3, _) => b"250 2.0.0 ok\r\n250 2.0.0 ok\r\n250 2.0.0 ok\r\n",
            _ => {
                self.over = true;
                b"451 4.3.0 no such group is measured\r\n"
            }
        })
    }

    /// Content ends where a read ends with its end: the client says nothing more before it is answered.
    fn content(&mut self, octets: &[u8]) -> &'static [u8] {
        match octets.last_chunk() {
            Some(last) => self.tail = *last,
            None => {
                self.tail.rotate_left(octets.len());
                let start = self.tail.len() - octets.len();
                self.tail[start..].copy_from_slice(octets);
            }
        }
        if self.tail == END {
            self.content = false;
            self.tail = Default::default();
            OK
        } else {
            b""
        }
    }
}

async fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_all(GREETING).await?;
    let mut session = Session::default();
    while let Some(answer) = session.turn(&mut stream).await? {
        if !answer.is_empty() {
            stream.write_all(answer).await?;
        }
        if session.over {
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
