//! Answers of hickory's resolver.

use std::net::IpAddr;

use hickory_resolver::{
    ConnectionProvider, Resolver,
    net::{DnsError, NetError, NoRecords},
    proto::{
        op::ResponseCode,
        rr::{Name, RData, Record, RecordType},
    },
};

use super::{
    AddressAnswer, Alias, HostName, Mx, MxAnswer, Resolve, Secured, Srv, SrvAnswer, Tlsa,
    TlsaAnswer,
};

/// What there is no more of than this.
enum Missing {
    Records,
    Name,
    /// Nobody knows.
    Answer,
}

impl From<ResponseCode> for Missing {
    fn from(code: ResponseCode) -> Self {
        match code {
            ResponseCode::NoError => Self::Records,
            ResponseCode::NXDomain => Self::Name,
            _ => Self::Answer,
        }
    }
}

/// What an error says that is none: records, if any, that nobody vouches for, and what is missing without them.
fn in_error(error: &NetError) -> (&[Record], Missing) {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(NoRecords { response_code, .. })) => {
            (&[], Missing::from(*response_code))
        }
        // The zone makes its denials so costly to look at that they are believed unseen (RFC 9276 section 3.2).
        #[cfg(feature = "dnssec")]
        NetError::Dns(DnsError::Nsec { response, proof, .. }) if proof.is_insecure() => {
            (&response.answers, Missing::from(response.response_code))
        }
        _ => (&[], Missing::Answer),
    }
}

/// A complete name, so that nothing is put behind it. None for one that is not in A-labels, which DNS does
/// not know.
fn complete(name: &HostName) -> Option<Name> {
    Name::from_ascii(format!("{name}.")).ok()
}

/// What `wanted` finds in the records of a name, which are some, and whether DNSSEC vouches for them and for the
/// aliases on the way.
async fn secured_records<P: ConnectionProvider, T>(
    resolver: &Resolver<P>,
    name: &HostName,
    kind: RecordType,
    wanted: impl Fn(&RData) -> Option<T>,
) -> Result<Secured<Vec<T>>, Missing> {
    let name = complete(name).ok_or(Missing::Name)?;
    let found = resolver.lookup(name.clone(), kind).await;
    let (answers, missing, is_believed) = match &found {
        Ok(found) => (found.answers(), Missing::Records, true),
        Err(error) => {
            let (answers, missing) = in_error(error);
            (answers, missing, false)
        }
    };
    let is_secure = is_secure(resolver, answers)? && is_believed;
    let (mut records, mut canonical) = (Vec::new(), &name);
    for record in answers {
        if let Some(data) = wanted(&record.data) {
            records.push(data);
            canonical = &record.name;
        }
    }
    if records.is_empty() {
        return Err(missing);
    }
    let alias = if *canonical == name { None } else { alias(&name, canonical, answers) };
    Ok(Secured { answer: records, is_secure, alias })
}

/// What `name` leads to.
fn alias(name: &Name, canonical: &Name, records: &[Record]) -> Option<Alias> {
    let first = |record: &&Record| record.name == *name && matches!(record.data, RData::CNAME(_));
    Some(Alias {
        canonical: HostName::parse(&canonical.to_ascii()).ok()?,
        is_secure: records.iter().find(first).is_some_and(vouched_for),
    })
}

#[cfg(feature = "dnssec")]
fn vouched_for(record: &Record) -> bool {
    record.proof.is_secure()
}

#[cfg(not(feature = "dnssec"))]
fn vouched_for(_: &Record) -> bool {
    false
}

/// Of a resolver that validates, what is neither secure nor insecure is no answer (RFC 7672 section 2.1.1).
#[cfg(feature = "dnssec")]
fn is_secure<P: ConnectionProvider>(
    resolver: &Resolver<P>,
    records: &[Record],
) -> Result<bool, Missing> {
    let is_unclear = |record: &Record| !record.proof.is_secure() && !record.proof.is_insecure();
    if resolver.options().validate && records.iter().any(is_unclear) {
        return Err(Missing::Answer);
    }
    Ok(records.iter().all(vouched_for))
}

#[cfg(not(feature = "dnssec"))]
fn is_secure<P: ConnectionProvider>(_: &Resolver<P>, _: &[Record]) -> Result<bool, Missing> {
    Ok(false)
}

async fn records<P: ConnectionProvider, T>(
    resolver: &Resolver<P>,
    name: &HostName,
    kind: RecordType,
    wanted: impl Fn(&RData) -> Option<T>,
) -> Result<Vec<T>, Missing> {
    secured_records(resolver, name, kind, wanted).await.map(|found| found.answer)
}

fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(address) => Some(IpAddr::from(address.0)),
        RData::AAAA(address) => Some(IpAddr::from(address.0)),
        _ => None,
    }
}

/// The addresses of both families, one family after the other.
async fn by_family<P: ConnectionProvider>(
    resolver: &Resolver<P>,
    host: &HostName,
) -> Secured<AddressAnswer> {
    let (mut addresses, mut alias) = (Vec::new(), None::<Alias>);
    let (mut failed, mut is_secure) = (false, true);
    for kind in [RecordType::A, RecordType::AAAA] {
        match secured_records(resolver, host, kind, address).await {
            Ok(found) => {
                addresses.extend(found.answer);
                is_secure &= found.is_secure;
                alias = alias.or(found.alias);
            }
            Err(missing) => failed |= matches!(missing, Missing::Answer),
        }
    }
    let answer = match (addresses.is_empty(), failed) {
        (false, _) => AddressAnswer::Addresses(addresses),
        (true, true) => AddressAnswer::Failed,
        (true, false) => AddressAnswer::None,
    };
    Secured { answer, is_secure, alias }
}

impl<P: ConnectionProvider> Resolve for Resolver<P> {
    async fn mx(&self, domain: &HostName) -> MxAnswer {
        self.secured_mx(domain).await.answer
    }

    async fn secured_mx(&self, domain: &HostName) -> Secured<MxAnswer> {
        let mx = |data: &RData| match data {
            RData::MX(mx) => {
                Some(Mx { preference: mx.preference, exchange: mx.exchange.to_ascii() })
            }
            _ => None,
        };
        let answer = match secured_records(self, domain, RecordType::MX, mx).await {
            Ok(Secured { answer, is_secure, alias }) => {
                return Secured { answer: MxAnswer::Records(answer), is_secure, alias };
            }
            Err(Missing::Records) => MxAnswer::None,
            Err(Missing::Name) => MxAnswer::NoDomain,
            Err(Missing::Answer) => MxAnswer::Failed,
        };
        Secured::insecure(answer)
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
        by_family(self, host).await.answer
    }

    async fn secured_addresses(&self, host: &HostName) -> Secured<AddressAnswer> {
        #[cfg(feature = "dnssec")]
        if self.options().validate {
            return by_family(self, host).await;
        }
        Secured::insecure(self.addresses(host).await)
    }

    async fn tlsa(&self, name: &HostName) -> TlsaAnswer {
        let tlsa = |data: &RData| match data {
            RData::TLSA(tlsa) => {
                let numbers = [tlsa.cert_usage.into(), tlsa.selector.into(), tlsa.matching.into()];
                Tlsa::parse(&[&numbers[..], &tlsa.cert_data].concat()).ok()
            }
            _ => None,
        };
        match secured_records(self, name, RecordType::TLSA, tlsa).await {
            Ok(Secured { answer, is_secure: true, .. }) => TlsaAnswer::Secure(answer),
            Ok(_) | Err(Missing::Records | Missing::Name) => TlsaAnswer::Insecure,
            Err(Missing::Answer) => TlsaAnswer::Failed,
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
