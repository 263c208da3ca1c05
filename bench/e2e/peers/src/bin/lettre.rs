//! A load by lettre: its asynchronous connection, kept open, one transaction after the other.

use std::{sync::Arc, time::Duration};

use lettre::{
    address::Envelope,
    transport::smtp::{client::AsyncSmtpConnection, extension::ClientId},
};
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
    let envelope =
        Envelope::new(Some("sender@example.org".parse()?), vec!["recipient@example.net".parse()?])?;
    let hello = ClientId::Domain("client.example.org".into());
    let time = Some(Duration::from_secs(60));
    let server = ("127.0.0.1", load.port);
    let mut connection =
        AsyncSmtpConnection::connect_tokio1(server, time, &hello, None, None).await?;
    for _ in 0..load.share(number) {
        let _ = connection.send(&envelope, &message).await?;
    }
    let _ = connection.quit().await?;
    Ok(())
}
