//! What a subscriber of `tracing` sees.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
};

use crate::rt::smtp::{Connector, Facts, Service, Tls};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use macro_rules_attribute::apply;

use crate::suite::{
    help::{Store, server},
    octets::duplex,
};

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

#[apply(on_runtime)]
async fn spans_and_events() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let (near, far) = duplex(4096);
    let server = server(&Store::default());
    let serving = server.serve_connection(far, Service::Smtp, Facts::default());
    let calling = async {
        let client = Connector::new(Tls::None).server_name("mx.example").open(near).await.unwrap();
        client.quit().await.unwrap();
    };
    let mut serving = pin!(serving);
    let mut served = false;
    let mut calling = pin!(calling);
    let mut called = false;
    poll_fn(|cx| {
        served = served || serving.as_mut().poll(cx).is_ready();
        called = called || calling.as_mut().poll(cx).is_ready();
        if served && called { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
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
