//! Our own authority: one root, kept by the caller as PEM (the key readable by its owner alone),
//! and leaves signed by it on demand. Called by `edgeway serve` on first start, by
//! [`crate::server`] for names that have no certificate, and by the ACME server for requests of
//! other machines. Hands on [`Certificate`]s and chains.

mod request;

use std::fmt;
use std::time::Duration;

use aws_lc_rs::rand;
use edgeway_base::WallTime;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData, RevocationReason,
    RevokedCertParams, SanType, SerialNumber,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;

pub use request::SigningRequest;

use crate::certificate::{Certificate, CertificateName, Facts, reading};
use crate::error::CertificateError;
use crate::limits;

/// A root certificate and its key, ready to sign.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
    root_pem: String,
    facts: Facts,
}

/// A leaf fresh from the authority, with its key.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Ready to serve.
    pub certificate: Certificate,
    /// The leaf alone, as PEM: clients hold the root themselves.
    pub chain_pem: String,
    /// Its private key as PKCS#8 PEM, for callers that store it (mode 0600).
    pub key_pem: String,
}

/// What a leaf may be used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Usage {
    /// A server proves its name.
    #[default]
    Server,
    /// A client proves who it is.
    Client,
}

impl fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Authority").field("issuer", &self.facts.issuer).finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a new root: ECDSA P-256, ten years, "Edgeway Local Authority `machine`".
    ///
    /// # Errors
    /// [`CertificateError::BadName`] when `machine` cannot stand in a certificate.
    pub fn create(machine: &str, now: WallTime) -> Result<Self, CertificateError> {
        let key = KeyPair::generate().map_err(ours)?;
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = common_name(&format!("Edgeway Local Authority {machine}"));
        // pathlen 0: the root signs leaves and nothing that could sign further (RFC 5280 §4.2.1.9).
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        set_life(&mut parameters, now, limits::ROOT_LIFETIME);
        parameters.serial_number = Some(serial());
        let root = parameters.self_signed(&key).map_err(|_| CertificateError::BadName(machine.to_owned()))?;
        Self::join(root.der().clone(), root.pem(), key)
    }

    /// Takes up a root that was stored before.
    ///
    /// # Errors
    /// What [`Certificate::from_pem`] refuses, and [`CertificateError::NotAnAuthority`].
    pub fn from_pem(root: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let der = reading::certificates(root)?.swap_remove(0);
        let parsed = reading::parse(&der)?;
        if !parsed.is_ca() {
            return Err(CertificateError::NotAnAuthority);
        }
        let key_der = reading::private_key(key)?;
        reading::matched(vec![der.clone()], key_der.clone_key())?;
        let pair = KeyPair::try_from(&key_der).map_err(|error| CertificateError::KeyUnsupported(error.to_string()))?;
        let text = pem_block("CERTIFICATE", &der);
        Self::join(der, text, pair)
    }

    fn join(root: CertificateDer<'static>, root_pem: String, key: KeyPair) -> Result<Self, CertificateError> {
        let issuer = Issuer::from_ca_cert_der(&root, key).map_err(unreadable)?;
        let facts = Facts::read(&root)?;
        Ok(Self { issuer, root, root_pem, facts })
    }

    /// The root, for clients to trust: what `edgeway ca export` prints.
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The root as DER.
    pub fn root_der(&self) -> &CertificateDer<'static> {
        &self.root
    }

    /// The root's private key as PKCS#8 PEM. Who stores it makes the file readable by its owner
    /// alone (0600): whoever has it can be any site to every client that trusts the root.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// What the root says of itself.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Makes a key and signs a leaf for `names`, valid from an hour before `now` for `lifetime`
    /// (at most [`limits::LEAF_LIFETIME_MAX`], and never longer than the root).
    ///
    /// # Errors
    /// [`CertificateError::NoNames`], [`CertificateError::TooManyNames`],
    /// [`CertificateError::BadName`].
    pub fn issue(
        &self,
        names: &[CertificateName],
        usage: Usage,
        now: WallTime,
        lifetime: Duration,
    ) -> Result<Issued, CertificateError> {
        let key = KeyPair::generate().map_err(ours)?;
        let leaf = self.sign(names, &key, usage, now, lifetime)?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let chain_pem = pem_block("CERTIFICATE", &leaf);
        Ok(Issued { certificate: Certificate::from_der(vec![leaf], private)?, chain_pem, key_pem: key.serialize_pem() })
    }

    /// Signs a leaf for the key of `request` and for `names`, which the caller has found to belong
    /// to whoever asks. Gives the leaf followed by the root, as PEM: ACME clients expect an issuer
    /// in the chain they download (RFC 8555 §7.4.2).
    ///
    /// # Errors
    /// As [`Self::issue`].
    pub fn sign_request(
        &self,
        request: &SigningRequest,
        names: &[CertificateName],
        now: WallTime,
        lifetime: Duration,
    ) -> Result<String, CertificateError> {
        let leaf = self.sign(names, request.public_key(), Usage::Server, now, lifetime)?;
        Ok(pem_block("CERTIFICATE", &leaf) + &self.root_pem)
    }

    /// Signs the list of certificates withdrawn: serial number, moment and reason (RFC 5280 §5.3.1)
    /// of each. `number` rises with every list; the next is promised before `lifetime` is over.
    ///
    /// # Errors
    /// [`CertificateError::BadRevocationList`].
    pub fn revocation_list(
        &self,
        withdrawn: impl IntoIterator<Item = (Vec<u8>, WallTime, u8)>,
        number: u64,
        now: WallTime,
        lifetime: Duration,
    ) -> Result<String, CertificateError> {
        let entry = |(serial, moment, reason): (Vec<u8>, WallTime, u8)| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&serial),
            revocation_time: date(moment),
            reason_code: revocation_reason(reason),
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date(now.earlier(limits::BACKDATE)),
            next_update: date(now.later(lifetime)),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: withdrawn.into_iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let bad = |error: rcgen::Error| CertificateError::BadRevocationList(error.to_string());
        list.signed_by(&self.issuer).and_then(|signed| signed.pem()).map_err(bad)
    }

    fn sign(
        &self,
        names: &[CertificateName],
        key: &impl PublicKeyData,
        usage: Usage,
        now: WallTime,
        lifetime: Duration,
    ) -> Result<CertificateDer<'static>, CertificateError> {
        let mut parameters = CertificateParams::default();
        parameters.subject_alt_names = alternative_names(names)?;
        parameters.distinguished_name = leaf_subject(&names[0]);
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![match usage {
            Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        parameters.use_authority_key_identifier_extension = true;
        parameters.serial_number = Some(serial());
        let root_left = self.facts.not_after.since_epoch().saturating_sub(now.since_epoch());
        set_life(&mut parameters, now, lifetime.min(limits::LEAF_LIFETIME_MAX).min(root_left));
        Ok(parameters.signed_by(key, &self.issuer).map_err(ours)?.der().clone())
    }
}

/// `names` as rcgen wants them; at least one, at most [`limits::NAMES_PER_CERTIFICATE_MAX`].
pub(crate) fn alternative_names(names: &[CertificateName]) -> Result<Vec<SanType>, CertificateError> {
    match names.len() {
        0 => return Err(CertificateError::NoNames),
        1..=limits::NAMES_PER_CERTIFICATE_MAX => {}
        count => return Err(CertificateError::TooManyNames(count)),
    }
    names
        .iter()
        .map(|name| match name {
            CertificateName::Address(address) => Ok(SanType::IpAddress(*address)),
            host => {
                let text = host.to_string();
                text.clone().try_into().map(SanType::DnsName).map_err(|_| CertificateError::BadName(text))
            }
        })
        .collect()
}

/// Clients read subjectAltName alone; the common name is for people's eyes, and only where it fits
/// its 64 characters (RFC 5280 appendix A, ub-common-name).
fn leaf_subject(name: &CertificateName) -> DistinguishedName {
    let text = name.to_string();
    if text.len() <= 64 { common_name(&text) } else { DistinguishedName::new() }
}

fn common_name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text.chars().take(64).collect::<String>());
    name
}

/// RFC 5280 §5.3.1; what is not listed there is left out.
fn revocation_reason(code: u8) -> Option<RevocationReason> {
    Some(match code {
        1 => RevocationReason::KeyCompromise,
        3 => RevocationReason::AffiliationChanged,
        4 => RevocationReason::Superseded,
        5 => RevocationReason::CessationOfOperation,
        9 => RevocationReason::PrivilegeWithdrawn,
        // 0 is "unspecified", which §5.3.1 asks to leave out.
        _ => return None,
    })
}

/// From an hour before `now` until `lifetime` after it.
fn set_life(parameters: &mut CertificateParams, now: WallTime, lifetime: Duration) {
    parameters.not_before = date(now.earlier(limits::BACKDATE));
    parameters.not_after = date(now.later(lifetime));
}

/// The last date that fits X.509 stands for all later ones.
fn date(moment: WallTime) -> OffsetDateTime {
    const YEAR_9999_SECONDS: u64 = 253_402_300_799;
    let seconds = moment.seconds().min(YEAR_9999_SECONDS) as i64;
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// 127 random bits: positive and unguessable (RFC 5280 §4.1.2.2; the Baseline Requirements ask
/// for 64).
fn serial() -> SerialNumber {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("the kernel's random source does not fail once the process runs");
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bytes)
}

/// DER in PEM armour with lines of 64 (RFC 7468 §2).
pub(crate) fn pem_block(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in encoded.as_bytes().chunks(64) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

fn unreadable(error: rcgen::Error) -> CertificateError {
    CertificateError::Unreadable(error.to_string())
}

fn ours(error: rcgen::Error) -> CertificateError {
    CertificateError::BadConfiguration(error.to_string())
}

#[cfg(test)]
mod tests;
