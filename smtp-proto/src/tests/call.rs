use alloc::{string::String, vec::Vec};

use bytes::Buf;

use crate::{
    client::{Client, Config, Event, Misuse},
    domain::HelloName,
    fault::Fault,
    profile::Leniency,
    wire::{Endpoint, Step},
};

/// A client whose server says what it is told to say.
pub(crate) struct Call {
    pub(crate) client: Client,
    /// The codes of the replies that were told.
    pub(crate) codes: Vec<u16>,
    pub(crate) told: Vec<Leniency>,
    pub(crate) fault: Option<Fault>,
}

impl Call {
    pub(crate) fn new(config: Config) -> Self {
        let client = Client::new(config);
        Self { client, codes: Vec::new(), told: Vec::new(), fault: None }
    }

    /// A session whose server offers these extensions, behind its reply to EHLO or LHLO.
    pub(crate) fn open(config: Config, offered: &[&str]) -> Self {
        let mut call = Self::new(config);
        call.hear("220 mx.example\r\n");
        call.client.hello(HelloName::parse("c.example").unwrap()).unwrap();
        call.sent();
        let mut lines: Vec<&str> = alloc::vec!["mx.example"];
        lines.extend(offered);
        let last = lines.pop().unwrap();
        let mut reply: String = lines.iter().map(|line| alloc::format!("250-{line}\r\n")).collect();
        reply.push_str(&alloc::format!("250 {last}\r\n"));
        call.hear(&reply);
        assert_eq!(call.codes, [220, 250]);
        call.codes.clear();
        call
    }

    /// Makes a call, has it answered, and returns what it said.
    pub(crate) fn said(
        &mut self,
        call: impl FnOnce(&mut Client) -> Result<(), Misuse>,
        reply: &str,
    ) -> Result<String, Misuse> {
        call(&mut self.client)?;
        let said = self.sent();
        self.hear(reply);
        Ok(said)
    }

    /// The server says this.
    pub(crate) fn hear(&mut self, octets: &str) {
        self.rest();
        assert_eq!(self.client.wire().receive(octets.as_bytes()), octets.len(), "{octets:?}");
        self.rest();
    }

    fn rest(&mut self) {
        while self.client.step() == Step::Event {
            self.event();
        }
    }

    fn event(&mut self) {
        match self.client.event() {
            Some(Event::Reply { reply, .. }) => self.codes.push(reply.code().value()),
            Some(Event::Leniency(leniency)) => self.told.push(leniency),
            Some(Event::Fault(fault)) => self.fault = Some(fault),
            _ => {}
        }
    }

    /// What the client sends now.
    pub(crate) fn sent(&mut self) -> String {
        let mut sent = Vec::new();
        loop {
            match self.client.step() {
                Step::Event => self.event(),
                Step::Write => {
                    let output = self.client.wire().output();
                    sent.extend_from_slice(output.chunk());
                    output.advance(output.chunk().len());
                }
                Step::Read | Step::Idle | Step::Close => break,
            }
        }
        String::from_utf8(sent).unwrap()
    }
}
