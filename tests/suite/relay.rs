//! One message to recipients of any domains, as a relay sends it.

use macro_rules_attribute::apply;

use crate::{
    rt::smtp::{
        Client, Connector, Courier, Relay, Target,
        dns::MxAnswer,
        proto::{
            answer::Rejection,
            client::{Envelope, Outcome, Phase, Recipient, Status},
            path::ForwardPath,
            relay::{HostFailure, HostName, NextHop, Verdict},
        },
        testing::{Act, At, Script, ScriptedServer},
    },
    suite::{
        help::{connector, envelope, host, to},
        mx::{HERE, NOBODY, Zone},
    },
};

const MAIL: &str = "Subject: x\r\n\r\nx\r\n";

/// Who goes to the port of a server.
async fn at(script: Script) -> (Connector, ScriptedServer) {
    let (target, server) = host(script).await;
    (through(&target), server)
}

fn through(target: &Target) -> Connector {
    connector().mx_port(target.port())
}

fn statuses(verdicts: &[Verdict]) -> Vec<Status> {
    verdicts.iter().map(|verdict| verdict.outcome.status()).collect()
}

/// Whom a client named in a session.
fn named(server: &ScriptedServer, session: u64) -> Vec<String> {
    let commands = server.commands(session).into_iter();
    commands.filter_map(|line| line.strip_prefix("RCPT TO:").map(str::to_owned)).collect()
}

/// L-01, L-09.
#[apply(on_runtime)]
async fn each_domain_has_its_own_session_and_each_mailbox_one_copy() {
    let (connector, server) = at(Script::new()).await;
    let zone = Zone::default()
        .with_mx("x.example", &[(10, "mx.example.")])
        .host("mx.example", &[HERE])
        .answer("y.example", MxAnswer::None)
        .host("y.example", &[HERE])
        .answer("failed.example", MxAnswer::Failed)
        .with_mx("null.example", &[(0, ".")]);
    let recipients = to(&[
        "<a@x.example>",
        "<b@y.example>",
        "<c@X.example>",
        "<a@X.example>",
        "<A@x.example>",
        "<d@[127.0.0.1]>",
        "<e@null.example>",
        "<f@nowhere.example>",
        "<g@failed.example>",
        "<h@com>",
        "<Postmaster>",
    ]);
    let verdicts = Relay::new(&connector, &zone).send(&envelope(&recipients), || MAIL).await;
    use Status::{Deferred, Delivered, Rejected};
    let mut expected = [Delivered; 11];
    expected[6..].copy_from_slice(&[Rejected, Rejected, Deferred, Rejected, Rejected]);
    assert_eq!(statuses(&verdicts), expected);
    let told: Vec<_> = verdicts[6..].iter().map(|verdict| verdict.outcome.to_string()).collect();
    assert!(told.iter().all(|told| told.contains(" before MAIL: ")), "{told:?}");
    for (told, code) in told.iter().zip(["556 5.1.10", "550 5.1.2", "451 4.4.3", "550 5.1.2"]) {
        assert!(told.contains(code), "{told}");
    }
    let hosts: Vec<_> = verdicts[..6].iter().map(|verdict| verdict.host.as_ref()).collect();
    let hosts: Vec<_> = hosts.into_iter().map(|host| host.map(|host| host.as_str())).collect();
    let mx = Some("mx.example");
    assert_eq!(hosts, [mx, Some("y.example"), mx, mx, mx, None]);
    let letters = server.expect(3).await.unwrap();
    let to: Vec<_> = letters.iter().map(|letter| letter.to()).collect();
    let of_x = ["<a@x.example>", "<c@X.example>", "<A@x.example>"];
    assert_eq!(to, [&of_x[..], &["<b@y.example>"], &["<d@[127.0.0.1]>"]]);
    assert!(letters.iter().all(|letter| letter.content == MAIL));
    server.idle().await.unwrap();
    assert!((1..=3).all(|session| server.commands(session).last().unwrap() == "QUIT"));
}

/// So many at a time, and all of them in one session.
#[apply(on_runtime)]
async fn transactions_with_one_host_share_a_session() {
    let (connector, server) = at(Script::new()).await;
    let zone =
        Zone::default().with_mx("x.example", &[(10, "mx.example.")]).host("mx.example", &[HERE]);
    let paths: Vec<_> = (0..5).map(|number| format!("<{number}@x.example>")).collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    let recipients = to(&paths);
    let relay = Relay::new(&connector, &zone).max_recipients(2);
    let verdicts = relay.send(&envelope(&recipients), || MAIL).await;
    assert!(verdicts.iter().all(|verdict| verdict.outcome.is_delivered()), "{verdicts:?}");
    let letters = server.expect(3).await.unwrap();
    assert_eq!(letters.iter().map(|letter| letter.recipients.len()).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(server.sessions(), 1);
}

/// However the recipients of one host are mixed with those of another (L-09).
#[apply(on_runtime)]
async fn a_host_that_is_named_again_has_one_session() {
    let (connector, server) = at(Script::new()).await;
    let zone = Zone::default()
        .with_mx("x.example", &[(10, "mx.example.")])
        .with_mx("y.example", &[(10, "mx.example.")])
        .host("mx.example", &[HERE]);
    let recipients = to(&["<a@x.example>", "<b@y.example>", "<c@x.example>", "<d@y.example>"]);
    let relay = Relay::new(&connector, &zone).max_recipients(1);
    let verdicts = relay.send(&envelope(&recipients), || MAIL).await;
    assert!(verdicts.iter().all(|verdict| verdict.outcome.is_delivered()), "{verdicts:?}");
    let letters = server.expect(4).await.unwrap();
    let to: Vec<_> = letters.iter().flat_map(|letter| letter.to()).collect();
    assert_eq!(to, ["<a@x.example>", "<c@x.example>", "<b@y.example>", "<d@y.example>"]);
    assert_eq!(server.sessions(), 2);
}

/// L-08, C-66: who was refused, delivered or is in doubt is never named to another host; who had no answer is.
#[apply(on_runtime)]
async fn nobody_is_sent_to_twice() {
    use Status::{Deferred, Delivered, InDoubt, Rejected};
    // A reply to each command, as nothing is offered.
    let script = || Script::new().at(At::command("EHLO"), "250 mx.example.org");
    let refused = At::command("RCPT TO:<a@");
    let one = |status| [Rejected, status, status];
    let all = ["<b@x.example>", "<c@x.example>"];
    let cases = [
        // It breaks off before it has answered all of it.
        (
            script().at(At::command("RCPT TO:<c@").session(1), Act::close()),
            one(Delivered),
            &all[..],
        ),
        (script().at(At::command("DATA").session(1), Act::close()), one(Delivered), &all),
        (script().at(At::command("DATA").session(1), "451 4.3.0 no"), one(Delivered), &all),
        (script().at(At::delivery().session(1), "421 4.3.2 bye"), one(Delivered), &all),
        // No answer to the whole of it; an answer for one of them; a refusal for all.
        (script().at(At::delivery().session(1), Act::close()), one(InDoubt), &[]),
        (
            script().at(At::command("RCPT TO:<b@").session(1), "450 4.2.1 busy"),
            [Rejected, Deferred, Delivered],
            &[],
        ),
        (script().at(At::delivery().session(1), "554 5.6.0 no"), one(Rejected), &[]),
    ];
    let zone = Zone::default()
        .with_mx("x.example", &[(10, "one.example."), (20, "two.example.")])
        .host("one.example", &[HERE])
        .host("two.example", &[HERE]);
    for (number, (script, expected, again)) in cases.into_iter().enumerate() {
        let (connector, server) = at(script.at(refused.clone(), "550 5.1.1 no")).await;
        let recipients = to(&["<a@x.example>", "<b@x.example>", "<c@x.example>"]);
        let verdicts = Relay::new(&connector, &zone).send(&envelope(&recipients), || MAIL).await;
        assert_eq!(statuses(&verdicts), expected, "{number}");
        assert_eq!(server.sessions(), if again.is_empty() { 1 } else { 2 }, "{number}");
        assert_eq!(named(&server, 2), again, "{number}");
        let accepted = server.received().iter().filter(|letter| letter.is_accepted()).count();
        assert!(accepted <= 1, "{number}");
    }
}

/// C-02: a host that cannot be had is left for the next one; refused for good is who each host refuses.
#[apply(on_runtime)]
async fn hosts_are_tried_until_one_wants_the_client() {
    let zone = Zone::default()
        .with_mx("x.example", &[(10, "a.example."), (20, "b.example."), (30, "c.example.")])
        .host("a.example", &[NOBODY])
        .host("b.example", &[HERE])
        .host("c.example", &[HERE]);
    for (replies, status, sessions) in [
        ([Some("554 5.7.1 never"), None], Status::Delivered, 2),
        ([Some("554 5.7.1 never"), Some("421 4.3.2 busy")], Status::Deferred, 2),
        ([None, None], Status::Delivered, 1),
    ] {
        let script =
            (1..).zip(replies).fold(Script::new(), |script, (session, reply)| match reply {
                Some(reply) => script.at(At::connect().session(session), reply),
                None => script,
            });
        let (connector, server) = at(script).await;
        let recipients = to(&["<a@x.example>"]);
        let verdicts = Relay::new(&connector, &zone).send(&envelope(&recipients), || MAIL).await;
        assert_eq!(statuses(&verdicts), [status], "{replies:?}");
        assert_eq!(server.sessions(), sessions);
    }
    // Each has refused.
    let (connector, _server) = at(Script::new().at(At::connect(), "554 5.7.1 never")).await;
    let zone = Zone::default()
        .with_mx("x.example", &[(20, "b.example."), (30, "c.example.")])
        .host("b.example", &[HERE])
        .host("c.example", &[HERE]);
    let recipients = to(&["<a@x.example>"]);
    let verdicts = Relay::new(&connector, &zone).send(&envelope(&recipients), || MAIL).await;
    assert_eq!(statuses(&verdicts), [Status::Rejected]);
    assert_eq!(verdicts[0].host.as_ref().unwrap().as_str(), "c.example");
}

/// Wants nothing of the first host, and keeps what it is told.
struct Picky<'e> {
    envelope: Envelope<'e>,
    hosts: usize,
    settled: Vec<usize>,
}

impl Courier for Picky<'_> {
    async fn carry(
        &mut self,
        client: &mut Client,
        recipients: &[usize],
    ) -> Result<Vec<Outcome>, HostFailure> {
        self.hosts += 1;
        if self.hosts == 1 {
            return Err(HostFailure::Policy(Rejection::POLICY));
        }
        let these: Vec<Recipient<'_>> =
            recipients.iter().map(|number| self.envelope.recipients[*number]).collect();
        let envelope = Envelope { recipients: &these, ..self.envelope };
        let report =
            client.send(&envelope, MAIL).await.map_err(|error| HostFailure::from(&error))?;
        Ok(report.outcomes().to_vec())
    }

    fn settled(&mut self, recipient: usize, verdict: &Verdict) {
        assert_eq!(verdict.outcome.phase(), Phase::Delivery);
        self.settled.push(recipient);
    }
}

#[apply(on_runtime)]
async fn a_program_hands_it_over_in_its_own_way() {
    let (connector, server) = at(Script::new()).await;
    let zone = Zone::default()
        .with_mx("x.example", &[(10, "a.example."), (20, "b.example.")])
        .host("a.example", &[HERE])
        .host("b.example", &[HERE]);
    let recipients = to(&["<a@x.example>", "<b@y.example>", "<a@x.example>"]);
    let mut courier = Picky { envelope: envelope(&recipients), hosts: 0, settled: Vec::new() };
    let smart_host = NextHop::Domain(HostName::parse("x.example").unwrap());
    let relay = Relay::new(&connector, &zone).smart_host(smart_host);
    let verdicts = relay.send_by(&recipients, &mut courier).await;
    assert_eq!(statuses(&verdicts), [Status::Delivered; 3]);
    assert_eq!(courier.settled, [0, 2, 1]);
    assert_eq!(server.sessions(), 2);
    assert_eq!(server.commands(1).last().unwrap(), "QUIT");
    assert_eq!(named(&server, 2), ["<a@x.example>", "<b@y.example>"]);
    // One without a domain goes where all goes.
    let postmaster = [ForwardPath::Postmaster.into()];
    let verdicts = relay.send(&envelope(&postmaster), || MAIL).await;
    assert_eq!(statuses(&verdicts), [Status::Delivered]);
}

/// What no server would take is sent to none, and a relay can be in any task.
#[apply(on_runtime)]
async fn what_must_not_be_sent_is_refused() {
    let (connector, server) = at(Script::new()).await;
    let zone =
        Zone::default().with_mx("x.example", &[(10, "a.example.")]).host("a.example", &[HERE]);
    let sending = crate::rt::spawn(async move {
        let recipients = to(&["<a@x.example>"]);
        Relay::new(&connector, &zone).send(&envelope(&recipients), || "a bare\nnewline").await
    });
    let verdicts = sending.await.unwrap();
    assert_eq!(statuses(&verdicts), [Status::Rejected]);
    assert!(verdicts[0].outcome.to_string().contains("bare"), "{}", verdicts[0].outcome);
    assert!(server.received().is_empty());
}
