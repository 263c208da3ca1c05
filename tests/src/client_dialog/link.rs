//! What the client of a dialog is driven by.

use smtp_proto::{
    client::Client,
    wire::{Endpoint, Step},
};

use crate::take_output;

/// What a client is played over.
pub trait Link {
    /// The client.
    fn client(&mut self) -> &mut Client;
    /// Goes on until the client has an event or its session is over, or nothing moves any more; what
    /// the client wants then.
    fn advance(&mut self) -> Step;
    /// All that the client has said so far.
    fn said(&self) -> &[u8];
    /// The server says these octets; [`advance`](Self::advance) carries them.
    fn send(&mut self, octets: &[u8]);
    /// Makes the time pass that the client waits.
    fn expire(&mut self);
    /// The server closes its side.
    fn eof(&mut self);
}

/// The bare machine, with nothing between it and the dialog.
#[derive(Debug)]
pub struct Memory {
    client: Client,
    output: Vec<u8>,
    coming: Vec<u8>,
}

impl Memory {
    /// The client, before its session begins.
    pub fn new(client: Client) -> Self {
        Self { client, output: Vec::new(), coming: Vec::new() }
    }
}

impl Link for Memory {
    fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    fn advance(&mut self) -> Step {
        loop {
            let step = self.client.step();
            assert_eq!(self.client.step(), step, "asking again made a difference");
            match step {
                Step::Write => self.output.extend(take_output(self.client.wire(), usize::MAX)),
                Step::Read | Step::Idle => {
                    let taken = self.client.wire().receive(&self.coming);
                    self.coming.drain(..taken);
                    if taken == 0 {
                        return step;
                    }
                }
                Step::Event | Step::Close => return step,
            }
        }
    }

    fn said(&self) -> &[u8] {
        &self.output
    }

    fn send(&mut self, octets: &[u8]) {
        self.coming.extend_from_slice(octets);
    }

    fn expire(&mut self) {
        self.client.wire().expire();
    }

    fn eof(&mut self) {
        self.client.wire().received(0);
    }
}
