//! A message that has to be read twice, and cannot be.

use std::{
    io::{self, Cursor, SeekFrom},
    pin::Pin,
    task::{Context, Poll},
};

use smtp_tokio::{
    Message, Server, Service,
    proto::client::{Cause, Phase, Status},
};
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};

use crate::suite::help::{self, Store, envelope, serve, to};

/// Tells where it stands, and does not go back.
struct Worn(Cursor<&'static [u8]>);

impl AsyncRead for Worn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncSeek for Worn {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        match position {
            SeekFrom::Current(0) => Pin::new(&mut self.0).start_seek(position),
            _ => Err(io::Error::other("the tape is torn")),
        }
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.0).poll_complete(cx)
    }
}

#[tokio::test]
async fn why_it_cannot_be_read_again_is_told() {
    let store = Store::default();
    let config = help::config().limits(|limits| limits.recipients = 1);
    let (near, _) = serve(Server::new(config, store.clone()), Service::Smtp, 512);
    let mut client = help::connector().open(near).await.unwrap();
    let recipients = to(&["<a@example.org>", "<b@example.org>"]);
    let message = Message::rewindable(Worn(Cursor::new(b"Subject: x\r\n\r\n")));
    let report = client.send(&envelope(&recipients), message).await.unwrap();
    let [first, second] = report.outcomes() else { panic!("two") };
    assert_eq!(first.status(), Status::Delivered);
    assert_eq!((second.status(), second.phase()), (Status::Deferred, Phase::Preparation));
    assert_eq!(second.cause(), &Cause::Content("the tape is torn".into()));
    // The session is as good as before.
    assert!(client.send(&envelope(&recipients[..1]), "x\r\n").await.unwrap().all_delivered());
    client.quit().await.unwrap();
    assert_eq!(store.taken().len(), 2);
}
