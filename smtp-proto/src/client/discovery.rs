//! Where a domain takes submissions from its users (RFC 6186, RFC 8314 section 5.1).

use alloc::{string::String, vec::Vec};

use crate::relay::HostName;

/// What DNS said when it was asked for the SRV records of a service (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SrvAnswer {
    /// These.
    Records(Vec<Srv>),
    /// There are none.
    None,
    /// No answer, or a failure that may pass.
    Failed,
}

/// An SRV record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    /// The lower, the better.
    pub priority: u16,
    /// Of those with the same priority, which share of the clients.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host as DNS has it; `.` when the service is not offered.
    pub target: String,
}

/// A server for submissions that a domain names for its users. TLS is required there.
///
/// DNS without DNSSEC can be forged. RFC 8314 section 5.1 wants it asked when an account is set up and
/// not for each session, and the user asked where the host is not [within](Self::is_within) the domain.
///
/// ```
/// # use smtp_proto::{client::{Srv, SrvAnswer, SubmissionServer}, relay::HostName};
/// let domain = HostName::parse("example.org")?;
/// let [submissions, submission] = SubmissionServer::services(&domain)?;
/// assert_eq!(submissions.as_str(), "_submissions._tcp.example.org");
/// // What DNS says of these two names.
/// let record = Srv { priority: 0, weight: 1, port: 465, target: "mail.example.org.".into() };
/// let submissions = SrvAnswer::Records(vec![record]);
/// let random = |below: usize| below / 2; // a number below this one
/// let servers = SubmissionServer::choose(&submissions, &SrvAnswer::None, random)?;
/// assert_eq!((servers[0].host.as_str(), servers[0].port), ("mail.example.org", 465));
/// assert!(servers[0].implicit_tls && servers[0].is_within(&domain));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmissionServer {
    /// The host.
    pub host: HostName,
    /// The port.
    pub port: u16,
    /// TLS comes from the first octet; else by STARTTLS.
    pub implicit_tls: bool,
}

/// Why a domain names no server for submissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NoSubmission {
    /// It says that it has none (RFC 6186 section 3.4).
    #[error("the domain says that it takes no submissions")]
    NotOffered,
    /// It does not say.
    #[error("the domain does not say where it takes submissions")]
    Unknown,
    /// DNS gave no answer; later it may.
    #[error("DNS gave no answer")]
    DnsFailed,
}

impl SubmissionServer {
    /// The names whose SRV records are asked for: with TLS from the first octet (RFC 8314 section 5.1),
    /// and with STARTTLS (RFC 6186 section 3.1).
    ///
    /// # Errors
    ///
    /// [`Rule::Domain`](crate::error::Rule::Domain) if the domain is too long to stand behind them.
    pub fn services(domain: &HostName) -> Result<[HostName; 2], crate::error::ParseError> {
        let name = |service| HostName::parse(&alloc::format!("{service}._tcp.{domain}"));
        Ok([name("_submissions")?, name("_submission")?])
    }

    /// The servers by what DNS said of these [`services`](Self::services), in the order in which they are to
    /// be tried: by priority; where that is equal those with TLS from the first octet come first (RFC 8314
    /// section 3), and within one service chance decides by weight (RFC 2782). `random` gives a number
    /// below the one it is given.
    ///
    /// # Errors
    ///
    /// [`NoSubmission`].
    pub fn choose(
        submissions: &SrvAnswer,
        submission: &SrvAnswer,
        mut random: impl FnMut(usize) -> usize,
    ) -> Result<Vec<Self>, NoSubmission> {
        let mut found: Vec<(u16, Self)> = Vec::new();
        let mut refused = false;
        for (answer, implicit_tls) in [(submissions, true), (submission, false)] {
            let SrvAnswer::Records(records) = answer else { continue };
            refused |= records.iter().any(Srv::is_root);
            for record in by_weight(records, &mut random) {
                let Ok(host) = HostName::parse(&record.target) else { continue };
                found.push((record.priority, Self { host, port: record.port, implicit_tls }));
            }
        }
        if found.is_empty() {
            let failed = [submissions, submission].contains(&&SrvAnswer::Failed);
            return Err(match (failed, refused) {
                (true, _) => NoSubmission::DnsFailed,
                (false, true) => NoSubmission::NotOffered,
                (false, false) => NoSubmission::Unknown,
            });
        }
        // What is equal stays in its order.
        found.sort_by_key(|(priority, _)| *priority);
        Ok(found.into_iter().map(|(_, server)| server).collect())
    }

    /// Whether the host is the domain or within it, so that the user need not be asked whether it is the
    /// right one (RFC 8314 section 5.1).
    #[must_use]
    pub fn is_within(&self, domain: &HostName) -> bool {
        let host = self.host.as_str().strip_suffix(domain.as_str());
        host.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

impl Srv {
    fn is_root(&self) -> bool {
        matches!(self.target.as_str(), "." | "")
    }
}

/// Those that are a host, in an order by chance within each priority: the first ones are the likelier, the
/// more they weigh (RFC 2782).
fn by_weight<'r>(records: &'r [Srv], random: &mut impl FnMut(usize) -> usize) -> Vec<&'r Srv> {
    let mut left: Vec<&Srv> = records.iter().filter(|record| !record.is_root()).collect();
    // Those that weigh nothing come first, so that they have a chance.
    left.sort_by_key(|record| (record.priority, record.weight > 0));
    let mut chosen = Vec::with_capacity(left.len());
    while let Some(first) = left.first() {
        let priority = first.priority;
        let among = || left.iter().take_while(|record| record.priority == priority);
        let sum: usize = among().map(|record| usize::from(record.weight)).sum();
        // The first one up to which the weights come to so much.
        let wanted = random(sum + 1).min(sum);
        let mut running = 0;
        let place = among().position(|record| {
            running += usize::from(record.weight);
            running >= wanted
        });
        chosen.push(left.remove(place.unwrap_or_default()));
    }
    chosen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn srv(priority: u16, weight: u16, target: &str) -> Srv {
        Srv { priority, weight, port: 587, target: target.into() }
    }

    fn answer(records: &[(u16, u16, &str)]) -> SrvAnswer {
        SrvAnswer::Records(records.iter().map(|&(p, w, target)| srv(p, w, target)).collect())
    }

    fn hosts(
        submissions: &SrvAnswer,
        submission: &SrvAnswer,
    ) -> Result<Vec<(String, bool)>, NoSubmission> {
        let servers = SubmissionServer::choose(submissions, submission, |_| 0)?;
        let shown = |server: SubmissionServer| (server.host.as_str().into(), server.implicit_tls);
        Ok(servers.into_iter().map(shown).collect())
    }

    #[test]
    fn the_order_of_servers() {
        let implicit = answer(&[(10, 0, "b.example."), (20, 0, "c.example.")]);
        let starttls = answer(&[(10, 0, "B.example"), (5, 0, "a.example."), (30, 0, "a b")]);
        let found = hosts(&implicit, &starttls).unwrap();
        let found: Vec<_> = found.iter().map(|(host, tls)| (host.as_str(), *tls)).collect();
        let order =
            [("a.example", false), ("b.example", true), ("b.example", false), ("c.example", true)];
        assert_eq!(found, order);
    }

    #[test]
    fn no_server() {
        use NoSubmission::{DnsFailed, NotOffered, Unknown};

        let (none, failed, root) = (SrvAnswer::None, SrvAnswer::Failed, answer(&[(0, 0, ".")]));
        let some = answer(&[(0, 0, "a.example")]);
        for (submissions, submission, error) in [
            (&none, &none, Unknown),
            (&root, &none, NotOffered),
            (&root, &root, NotOffered),
            (&failed, &root, DnsFailed),
            (&none, &failed, DnsFailed),
            (&answer(&[(0, 0, "a b")]), &none, Unknown),
        ] {
            assert_eq!(hosts(submissions, submission), Err(error));
        }
        for other in [&none, &failed, &root] {
            assert_eq!(hosts(other, &some).unwrap().len(), 1);
            assert_eq!(hosts(&some, other).unwrap().len(), 1);
        }
    }

    #[test]
    fn weights_are_shares() {
        let records = [srv(0, 1, "a"), srv(0, 3, "b"), srv(0, 0, "z"), srv(1, 9, "y")];
        // Each number that chance may give for the first one: five, of 0 to 4.
        let firsts = (0..5).map(|number| by_weight(&records, &mut |below| number % below)[0]);
        let firsts: Vec<_> = firsts.map(|first| first.target.as_str()).collect();
        assert_eq!(firsts, ["z", "a", "b", "b", "b"]);
    }

    #[test]
    fn which_hosts_need_no_question() {
        let domain = HostName::parse("example.org").unwrap();
        let within = |host: &str| {
            let host = HostName::parse(host).unwrap();
            SubmissionServer { host, port: 465, implicit_tls: true }.is_within(&domain)
        };
        assert!(within("example.org") && within("smtp.mail.Example.ORG"));
        assert!(!within("badexample.org") && !within("example.org.evil.example") && !within("org"));
    }

    proptest! {
        #[test]
        fn each_host_comes_once_and_by_priority(
            records in prop::collection::vec((0u16..3, 0u16..4), 0..10),
            chances: Vec<usize>,
        ) {
            let records: Vec<Srv> = records
                .into_iter()
                .enumerate()
                .map(|(n, (priority, weight))| Srv {
                    priority,
                    weight,
                    port: u16::try_from(n).unwrap(),
                    target: "x.example".into(),
                })
                .collect();
            let mut chances = chances.into_iter();
            // Also numbers that are too high.
            let mut random = |_| chances.next().unwrap_or_default();
            let chosen = by_weight(&records, &mut random);
            prop_assert!(chosen.is_sorted_by_key(|record| record.priority));
            let mut ports: Vec<_> = chosen.iter().map(|record| usize::from(record.port)).collect();
            ports.sort_unstable();
            prop_assert_eq!(ports, (0..records.len()).collect::<Vec<_>>());
        }
    }
}
