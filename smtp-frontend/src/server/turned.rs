//! Sessions whose roles have turned (RFC 2645).

use std::{ops::Deref, sync::Arc};

use smtp_proto::{
    client::{Config, Opening, TlsUse},
    domain::HelloName,
    fault::Fault,
    server::Event,
};

use super::{Core, Server, Service, conversation::Conversation, run};
use crate::{
    client::{Client, Trace},
    runtime::Runtime,
    session::{Backend, End, Facts, Session},
    trace::Teller,
};

impl<C: Deref<Target = Core<B>> + Send + Sync, B: Backend> Conversation<C, B> {
    /// Goes on as the client on this connection: the handler sends what waits.
    pub(super) async fn turned(&mut self) -> End {
        let config = Config::default();
        let Some(Event::Turned(turned)) = self.link.machine().event() else {
            return End::Fault(Fault::Closed);
        };
        let machine = turned.into_client(config.clone());
        let driver = self.link.driver.turn_to_client(machine);
        let trace = self.core.trace.clone().map(|trace| {
            let facts = self.facts.clone();
            Arc::new(move |entry: &_| trace(&facts, entry)) as Trace
        });
        let mut client = Client::new(driver, config, trace, Teller::client(None), None);
        let Ok(name) = HelloName::parse(self.core.smtp.host()) else {
            return End::Fault(Fault::Closed);
        };
        // What security the connection has, it has: it is the customer's.
        let opening = Opening::new(name, TlsUse::None);
        if client.open(opening, None).await.is_ok()
            && let Some(session) = self.session.as_mut()
        {
            session.turned(&mut client).await;
            let _ = client.quit().await;
        }
        End::Turned
    }
}

impl<B: Backend, R: Runtime> Server<B, R> {
    /// Serves the connection of a client whose [`atrn`](Client::atrn) was accepted: who was the server
    /// sends mail from here on. `peer` and `local` of `facts` are what is told to the backend, as for
    /// [`serve_connection`](Self::serve_connection). The connection of a client that has not
    /// [turned](Client::has_turned) is closed.
    pub async fn serve_turned(&self, client: Client, mut facts: Facts) -> End {
        let Some(driver) = client.into_turned(&self.core.smtp) else {
            return End::Fault(Fault::Closed);
        };
        run::learn_tls(driver.stream(), &mut facts);
        let seat = self.core.control.seat();
        run::session(&self.core, driver, Service::Smtp, facts, seat).await
    }
}
