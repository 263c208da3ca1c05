//! What the crate has for the tests of others: does it do what it says, and does it say what went wrong?

mod client;
mod server;

use crate::rt::smtp::testing::{ScriptedClient, ScriptedServer, pipe};

/// A session that has said EHLO.
pub(super) async fn greeted(server: &ScriptedServer) -> ScriptedClient {
    let (near, far) = pipe(4096);
    server.serve(far);
    let mut client = ScriptedClient::new(near);
    client.play("S: 220\nC: EHLO c.example\nS: 250").await.unwrap();
    client
}
