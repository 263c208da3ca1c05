//! Answers of hickory's resolver.

use std::net::IpAddr;

use hickory_resolver::{
    ConnectionProvider, Resolver,
    net::{DnsError, NetError, NoRecords},
    proto::{
        op::ResponseCode,
        rr::{Name, RData, RecordType},
    },
};

use super::{AddressAnswer, HostName, Mx, MxAnswer, Resolve, Srv, SrvAnswer};

/// What there is no more of than this.
enum Missing {
    Records,
    Name,
    /// Nobody knows.
    Answer,
}

impl From<NetError> for Missing {
    fn from(error: NetError) -> Self {
        let NetError::Dns(DnsError::NoRecordsFound(NoRecords { response_code, .. })) = error else {
            return Self::Answer;
        };
        match response_code {
            ResponseCode::NoError => Self::Records,
            ResponseCode::NXDomain => Self::Name,
            _ => Self::Answer,
        }
    }
}

/// A complete name, so that nothing is put behind it. None for one that is not in A-labels, which DNS does
/// not know.
fn complete(name: &HostName) -> Option<Name> {
    Name::from_ascii(format!("{name}.")).ok()
}

/// What `wanted` finds in the records of a name, which are some.
async fn records<P: ConnectionProvider, T>(
    resolver: &Resolver<P>,
    name: &HostName,
    kind: RecordType,
    wanted: impl Fn(&RData) -> Option<T>,
) -> Result<Vec<T>, Missing> {
    let name = complete(name).ok_or(Missing::Name)?;
    let found = resolver.lookup(name, kind).await?;
    let records: Vec<T> =
        found.answers().iter().filter_map(|record| wanted(&record.data)).collect();
    if records.is_empty() { Err(Missing::Records) } else { Ok(records) }
}

impl<P: ConnectionProvider> Resolve for Resolver<P> {
    async fn mx(&self, domain: &HostName) -> MxAnswer {
        let mx = |data: &RData| match data {
            RData::MX(mx) => {
                Some(Mx { preference: mx.preference, exchange: mx.exchange.to_ascii() })
            }
            _ => None,
        };
        match records(self, domain, RecordType::MX, mx).await {
            Ok(records) => MxAnswer::Records(records),
            Err(Missing::Records) => MxAnswer::None,
            Err(Missing::Name) => MxAnswer::NoDomain,
            Err(Missing::Answer) => MxAnswer::Failed,
        }
    }

    async fn addresses(&self, host: &HostName) -> AddressAnswer {
        let Some(name) = complete(host) else { return AddressAnswer::None };
        let found = match self.lookup_ip(name).await {
            Ok(found) => found.iter().collect(),
            Err(_) => Vec::new(),
        };
        if !found.is_empty() {
            return AddressAnswer::Addresses(found);
        }
        // Of the errors for the two families one was told: which has none, and which is not known?
        let address = |data: &RData| match data {
            RData::A(address) => Some(IpAddr::from(address.0)),
            RData::AAAA(address) => Some(IpAddr::from(address.0)),
            _ => None,
        };
        let mut addresses = Vec::new();
        let mut failed = false;
        for kind in [RecordType::A, RecordType::AAAA] {
            match records(self, host, kind, address).await {
                Ok(found) => addresses.extend(found),
                Err(missing) => failed |= matches!(missing, Missing::Answer),
            }
        }
        match (addresses.is_empty(), failed) {
            (false, _) => AddressAnswer::Addresses(addresses),
            (true, true) => AddressAnswer::Failed,
            (true, false) => AddressAnswer::None,
        }
    }

    async fn srv(&self, service: &HostName) -> SrvAnswer {
        let srv = |data: &RData| match data {
            RData::SRV(srv) => Some(Srv {
                priority: srv.priority,
                weight: srv.weight,
                port: srv.port,
                target: srv.target.to_ascii(),
            }),
            _ => None,
        };
        match records(self, service, RecordType::SRV, srv).await {
            Ok(records) => SrvAnswer::Records(records),
            Err(Missing::Records | Missing::Name) => SrvAnswer::None,
            Err(Missing::Answer) => SrvAnswer::Failed,
        }
    }
}
