//! A load by mail-send: its connection, kept open, one transaction after the other.

use std::sync::Arc;

use mail_send::{SmtpClientBuilder, smtp::message::Message};
use smtp_bench_peers::Load;
use tokio::task::JoinSet;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let load = Load::from_arguments();
    let message = Arc::new(load.message());
    let mut sessions = JoinSet::new();
    for number in 0..load.connections {
        sessions.spawn(session(load, number, Arc::clone(&message)));
    }
    while let Some(ended) = sessions.join_next().await {
        ended??;
    }
    Ok(())
}

async fn session(load: Load, number: usize, message: Arc<Vec<u8>>) -> Result<(), Failure> {
    let builder = SmtpClientBuilder::new("127.0.0.1", load.port)?
        .implicit_tls(false)
        .helo_host("client.example.org");
    let mut client = builder.connect_plain().await?;
    for _ in 0..load.share(number) {
        let message =
            Message::new("sender@example.org", ["recipient@example.net"], message.as_slice());
        let _ = client.send(message).await?;
    }
    client.quit().await?;
    Ok(())
}
