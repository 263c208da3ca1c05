//! One message to recipients of any domains, by calls that block.

use smtp_blocking::{
    Courier, LentClient, Relay,
    dns::{AddressAnswer, HostName, Mx, MxAnswer, Resolve, SrvAnswer},
    proto::{
        answer::Rejection,
        client::{Outcome, Recipient},
        path::ForwardPath,
        relay::{HostFailure, Verdict},
    },
    testing::{Script, ScriptedServer},
};

use crate::help::{connector, envelope};

/// Each domain has two hosts, and all are here.
struct Everywhere;

impl Resolve for Everywhere {
    async fn mx(&self, domain: &HostName) -> MxAnswer {
        let mx = |preference| Mx { preference, exchange: format!("mx{preference}.{domain}") };
        MxAnswer::Records([1, 2].map(mx).into())
    }

    async fn addresses(&self, _: &HostName) -> AddressAnswer {
        AddressAnswer::Addresses(vec![[127, 0, 0, 1].into()])
    }

    async fn srv(&self, _: &HostName) -> SrvAnswer {
        SrvAnswer::None
    }
}

fn recipients() -> Vec<Recipient<'static>> {
    let paths = ["<a@x.example>", "<b@y.example>", "<c@x.example>"];
    paths.map(|path| ForwardPath::parse(path).unwrap().into()).into()
}

#[test]
fn a_message_goes_to_the_hosts_of_each_domain() {
    let server = ScriptedServer::listen(Script::new()).unwrap();
    let connector = connector().mx_port(server.port());
    let recipients = recipients();
    let relay = Relay::new(&connector, &Everywhere);
    let verdicts = relay.send(&envelope(&recipients), || "x\r\n");
    assert!(verdicts.iter().all(|verdict| verdict.outcome.is_delivered()), "{verdicts:?}");
    let hosts: Vec<_> = verdicts.iter().filter_map(|verdict| verdict.host.as_ref()).collect();
    let hosts: Vec<_> = hosts.iter().map(|host| host.as_str()).collect();
    assert_eq!(hosts, ["mx1.x.example", "mx1.y.example", "mx1.x.example"]);
    assert_eq!(server.expect(2).unwrap()[0].to(), ["<a@x.example>", "<c@x.example>"]);
}

/// Takes no first host of a domain, and nothing for the other domain.
struct Picky(Vec<Recipient<'static>>, Vec<usize>, usize);

impl Courier for Picky {
    fn carry(
        &mut self,
        client: &mut LentClient<'_>,
        recipients: &[usize],
    ) -> Result<Vec<Outcome>, HostFailure> {
        self.2 += 1;
        if recipients == [1] || self.2 == 1 {
            return Err(HostFailure::Policy(Rejection::POLICY));
        }
        let these: Vec<_> = recipients.iter().map(|number| self.0[*number]).collect();
        let report = client.send(&envelope(&these), "x\r\n").map_err(|e| HostFailure::from(&e))?;
        Ok(report.outcomes().to_vec())
    }

    fn settled(&mut self, recipient: usize, verdict: &Verdict) {
        assert_eq!(verdict.outcome.is_delivered(), recipient != 1);
        self.1.push(recipient);
    }
}

#[test]
fn a_courier_has_its_own_way() {
    let server = ScriptedServer::listen(Script::new()).unwrap();
    let connector = connector().mx_port(server.port());
    let mut courier = Picky(recipients(), Vec::new(), 0);
    Relay::new(&connector, &Everywhere).send_by(&recipients(), &mut courier);
    assert_eq!(courier.1, [0, 2, 1]);
    assert_eq!(server.expect(1).unwrap()[0].to(), ["<a@x.example>", "<c@x.example>"]);
    assert_eq!(server.sessions(), 4);
}
