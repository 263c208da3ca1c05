//! What a relay decides, without DNS, disk or clock (RFC 5321 section 4.5.4, 5.1; C-75 to C-83, L-01
//! to L-28).
//!
//! A relay is a server, a queue and a client. The server's and the client's rules are in
//! [`server`](crate::server) and [`client`](crate::client); here are the queue's:
//!
//! | what | where |
//! | --- | --- |
//! | keep an envelope, and send it on changed by time and by the next server | [`Queued`], [`Outgoing`] |
//! | aliases and lists | [`Queued::for_alias`], [`Queued::for_list`] |
//! | which host, in which order, what after a failure | [`NextHop`], [`Route`], [`Attempts`] |
//! | who shares a transaction | [`batches`] |
//! | when again, when to warn, when to give up | [`Schedule`], [`Unreachable`] |
//! | what TLS must be | [`TlsCase`], [`StsPolicy`], [`StsCache`], [`Tlsa`], [`Dane`] |
//! | data for reports about TLS | [`TlsTally`] |
//!
//! Reports to the sender are in [`report`](crate::report). DNS answers, times, random numbers and
//! digests are given to these functions; looking up, storing and connecting is the application's.

mod attempts;
mod batch;
mod dane;
mod expand;
mod memory;
mod name;
mod outgoing;
mod queued;
mod retry;
mod route;
mod secured;
mod sts;
mod tally;
#[cfg(test)]
mod tests;
mod tls;

pub use self::attempts::{AttemptRules, AttemptStep, Attempts, HostFailure, Verdict};
pub use self::batch::{MAX_BATCH, batches};
pub use self::dane::{
    Dane, DaneMatch, NotTlsa, Presented, Tlsa, TlsaAnswer, TlsaDigest, TlsaMatching, TlsaSelector,
    TlsaUsage, match_chain,
};
pub use self::expand::{AliasReports, MAX_EXPANSION, check_expansion};
pub use self::memory::Unreachable;
pub use self::name::HostName;
pub use self::outgoing::{Hop, Outgoing};
pub use self::queued::{NotQueued, Queued};
pub(crate) use self::retry::deadline;
pub use self::retry::{RetryDecision, Schedule, Waiting};
pub use self::route::{
    AddressAnswer, Exchange, Mx, MxAnswer, NextHop, Own, Route, Target, Unroutable,
};
pub use self::secured::{Alias, Secured};
pub use self::sts::{
    MAX_POLICY, POLICY_TIMEOUT, StsAnswer, StsCache, StsError, StsMode, StsPolicy, StsRecord,
    StsStep,
};
pub use self::tally::{TlsFailure, TlsTally};
pub use self::tls::{TlsCase, TlsDecision, TlsDemand, TlsRefusal};
