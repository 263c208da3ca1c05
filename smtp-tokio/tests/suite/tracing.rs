//! What a subscriber of `tracing` sees.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use smtp_tokio::{Connector, Facts, Service, Tls};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::help::{Store, server};

/// Keeps every span and event as a line.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "smtp"
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let mut fields = Fields::default();
        span.record(&mut fields);
        let mut lines = self.0.lock().unwrap();
        lines.push(format!("span {}{}", span.metadata().name(), fields.0));
        span::Id::from_u64(lines.len() as u64)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.0.lock().unwrap().push(format!("{}{}", event.metadata().level(), fields.0));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn spans_and_events() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let (near, far) = tokio::io::duplex(4096);
    let server = server(&Store::default());
    let serving = server.serve_connection(far, Service::Smtp, Facts::default());
    let calling = async {
        let client = Connector::new(Tls::None).server_name("mx.example").open(near).await.unwrap();
        client.quit().await.unwrap();
    };
    tokio::join!(serving, calling);
    let lines = lines.0.lock().unwrap();
    let has = |wanted: &str| lines.iter().any(|line| line.contains(wanted));
    for wanted in [
        "span session role=\"server\" id=1",
        "span session role=\"client\" peer=\"mx.example\"",
        "speaker=\"client\" verb=\"EHLO\"",
        "speaker=\"server\" code=250",
        "speaker=\"server\" code=221 enhanced=2.0.0",
    ] {
        assert!(has(wanted), "{wanted}: {lines:#?}");
    }
}
