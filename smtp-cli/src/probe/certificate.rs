//! What a certificate says.

use std::{fmt::Write, net::IpAddr};

use serde::Serialize;
use x509_parser::{asn1_rs::Oid, oid_registry::OidRegistry, prelude::*, public_key::PublicKey};

use super::text::shown;

/// A certificate as it is reported.
#[derive(Debug, Serialize)]
pub(super) struct Certificate {
    pub(super) subject: String,
    /// The subject's alternative names: domains, addresses and others.
    pub(super) names: Vec<String>,
    pub(super) issuer: String,
    /// In hexadecimal.
    pub(super) serial: String,
    pub(super) not_before: String,
    pub(super) not_after: String,
    /// Whole days until it expires; below 0 when it has.
    pub(super) days_left: i64,
    #[serde(skip)]
    pub(super) not_yet_valid: bool,
    pub(super) key: Key,
    pub(super) signature: String,
    pub(super) self_issued: bool,
    pub(super) sha256: String,
}

/// A public key.
#[derive(Debug, Serialize)]
pub(super) struct Key {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bits: Option<usize>,
}

/// A certificate that cannot be read has a fingerprint all the same.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Found {
    Read(Box<Certificate>),
    Unreadable { error: String, sha256: String },
}

/// Reads a certificate; `now` is in seconds since 1970.
pub(super) fn read(der: &[u8], now: i64) -> Found {
    let sha256 = fingerprint(der);
    match X509Certificate::from_der(der) {
        Ok((_, certificate)) => Found::Read(Box::new(describe(&certificate, sha256, now))),
        Err(error) => Found::Unreadable { error: shown(error.to_string().as_bytes()), sha256 },
    }
}

fn describe(certificate: &X509Certificate<'_>, sha256: String, now: i64) -> Certificate {
    let validity = certificate.validity();
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.map(|found| found.value.general_names.iter().map(name).collect());
    Certificate {
        subject: shown(certificate.subject().to_string().as_bytes()),
        names: names.unwrap_or_default(),
        issuer: shown(certificate.issuer().to_string().as_bytes()),
        serial: hexadecimal(certificate.raw_serial()),
        not_before: time(validity.not_before),
        not_after: time(validity.not_after),
        days_left: validity.not_after.timestamp().saturating_sub(now).div_euclid(24 * 60 * 60),
        not_yet_valid: validity.not_before.timestamp() > now,
        key: key(certificate.public_key()),
        signature: algorithm(&certificate.signature_algorithm.algorithm),
        self_issued: certificate.subject().as_raw() == certificate.issuer().as_raw(),
        sha256,
    }
}

fn name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(domain) => shown(domain.as_bytes()),
        GeneralName::IPAddress(octets) => {
            match (<[u8; 4]>::try_from(*octets), <[u8; 16]>::try_from(*octets)) {
                (Ok(octets), _) => IpAddr::from(octets).to_string(),
                (_, Ok(octets)) => IpAddr::from(octets).to_string(),
                _ => format!("address {}", hexadecimal(octets)),
            }
        }
        other => shown(other.to_string().as_bytes()),
    }
}

fn key(info: &SubjectPublicKeyInfo<'_>) -> Key {
    let kind = |kind: &str, bits| Key { kind: kind.to_owned(), bits: Some(bits) };
    let curve = info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
    let curve = curve.map(|oid| oid.to_id_string()).unwrap_or_default();
    match (info.parsed(), curve.as_str()) {
        (Ok(PublicKey::RSA(rsa)), _) => kind("RSA", rsa.key_size()),
        (Ok(PublicKey::EC(_)), "1.2.840.10045.3.1.7") => kind("ECDSA P-256", 256),
        (Ok(PublicKey::EC(_)), "1.3.132.0.34") => kind("ECDSA P-384", 384),
        // A point of it has 528 bits.
        (Ok(PublicKey::EC(_)), "1.3.132.0.35") => kind("ECDSA P-521", 521),
        (Ok(PublicKey::EC(point)), _) => kind("ECDSA", point.key_size()),
        _ => match info.algorithm.algorithm.to_id_string().as_str() {
            "1.3.101.112" => kind("Ed25519", 256),
            "1.3.101.113" => kind("Ed448", 456),
            _ => Key { kind: algorithm(&info.algorithm.algorithm), bits: None },
        },
    }
}

/// The name of an algorithm, or its number.
fn algorithm(oid: &Oid<'_>) -> String {
    let known = OidRegistry::default().with_all_crypto();
    known.get(oid).map_or_else(|| oid.to_id_string(), |entry| entry.sn().to_owned())
}

/// In UTC, as RFC 3339 has it.
fn time(time: ASN1Time) -> String {
    let time = time.to_datetime();
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

fn fingerprint(der: &[u8]) -> String {
    hexadecimal(ring::digest::digest(&ring::digest::SHA256, der).as_ref())
}

/// Pairs of digits with colons between them.
fn hexadecimal(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 3);
    for (index, octet) in octets.iter().enumerate() {
        if index > 0 {
            text.push(':');
        }
        // Writing to a String does not fail.
        let _ = write!(text, "{octet:02X}");
    }
    text
}

#[cfg(test)]
mod tests {
    use rcgen::{
        CertificateParams, DnType, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, date_time_ymd,
    };

    use super::*;

    const DAY: i64 = 24 * 60 * 60;

    fn made(key: &KeyPair) -> Vec<u8> {
        let names = ["mx.example", "192.0.2.1", "2001:db8::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "mx \u{1b}[31m");
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2026, 3, 1);
        params.self_signed(key).unwrap().der().to_vec()
    }

    #[test]
    fn all_that_a_postmaster_asks_is_read() {
        let der = made(&KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap());
        let expiry = 1_772_323_200;
        let Found::Read(found) = read(&der, expiry - 10 * DAY) else { panic!("unreadable") };
        assert_eq!(found.names, ["mx.example", "192.0.2.1", "2001:db8::1"]);
        assert!(found.subject.contains("mx \\u{1b}[31m"), "{}", found.subject);
        assert_eq!(found.not_before, "2026-01-01T00:00:00Z");
        assert_eq!(found.not_after, "2026-03-01T00:00:00Z");
        assert_eq!((found.days_left, found.not_yet_valid, found.self_issued), (10, false, true));
        assert_eq!((found.key.kind.as_str(), found.key.bits), ("ECDSA P-384", Some(384)));
        assert_eq!(found.signature, "ecdsa-with-SHA384");
        assert_eq!(found.sha256.len(), 32 * 3 - 1);
        let Found::Read(found) = read(&der, expiry + 1) else { panic!("unreadable") };
        assert_eq!(found.days_left, -1);
        let Found::Read(found) = read(&der, 0) else { panic!("unreadable") };
        assert!(found.not_yet_valid);
        let der = made(&KeyPair::generate_for(&PKCS_ED25519).unwrap());
        let Found::Read(found) = read(&der, 0) else { panic!("unreadable") };
        assert_eq!(found.key.kind, "Ed25519");
    }

    #[test]
    fn what_is_no_certificate_has_a_fingerprint() {
        let Found::Unreadable { sha256, .. } = read(b"abc", 0) else { panic!("read") };
        assert!(sha256.starts_with("BA:78:16:BF"), "{sha256}");
    }
}
