//! PEM and X.509 into values. Called by [`super`], [`crate::authority`], [`crate::server`] and
//! [`crate::acme`]; reading is x509-parser's and rustls-pki-types', judging is here.

use std::net::IpAddr;
use std::time::Duration;

use edgeway_base::WallTime;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::{CertificateName, Facts};
use crate::error::CertificateError;
use crate::limits;

/// All certificates of a PEM text, in its order; at least one.
pub(crate) fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let found: Vec<CertificateDer<'static>> = sections(text)?;
    if found.is_empty() { Err(CertificateError::NoCertificate) } else { Ok(found) }
}

/// All revocation lists of a PEM text; at least one.
pub(crate) fn revocation_lists(text: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, CertificateError> {
    let found: Vec<CertificateRevocationListDer<'static>> = sections(text)?;
    if found.is_empty() {
        return Err(CertificateError::BadRevocationList("there is none in it".to_owned()));
    }
    Ok(found)
}

fn sections<T: PemObject>(text: &[u8]) -> Result<Vec<T>, CertificateError> {
    if text.len() > limits::PEM_BYTES_MAX {
        return Err(CertificateError::TooLarge);
    }
    let found: Vec<T> = T::pem_slice_iter(text).collect::<Result<_, _>>().map_err(broken)?;
    if found.len() > limits::CERTIFICATES_PER_BUNDLE_MAX { Err(CertificateError::TooLarge) } else { Ok(found) }
}

/// The first private key of a PEM text: PKCS#8, SEC1 or PKCS#1.
pub(crate) fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, CertificateError> {
    if text.len() > limits::PEM_BYTES_MAX {
        return Err(CertificateError::TooLarge);
    }
    match PrivateKeyDer::from_pem_slice(text) {
        // RFC 1421 §4.6.1.1: a locked PKCS#1 or SEC1 key says so in a header line, which the PEM
        // reader does not accept as base64.
        _ if is_locked(text) => Err(CertificateError::KeyEncrypted),
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) => Err(CertificateError::NoKey),
        Err(error) => Err(broken(error)),
    }
}

fn is_locked(text: &[u8]) -> bool {
    let has = |needle: &[u8]| text.windows(needle.len()).any(|window| window == needle);
    has(b"BEGIN ENCRYPTED PRIVATE KEY") || has(b"Proc-Type: 4,ENCRYPTED")
}

fn broken(error: pem::Error) -> CertificateError {
    CertificateError::NotPem(error.to_string())
}

/// Joins a chain with its key, and refuses a pair that does not belong together.
pub(crate) fn matched(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, CertificateError> {
    let key = crate::provider()
        .key_provider
        .load_private_key(key)
        .map_err(|error| CertificateError::KeyUnsupported(error.to_string()))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(_)) => Err(CertificateError::KeyMismatch),
        Err(error) => Err(CertificateError::Unreadable(error.to_string())),
    }
}

/// What a certificate says of itself.
pub(super) fn facts(certificate: &CertificateDer<'_>) -> Result<Facts, CertificateError> {
    let parsed = parse(certificate)?;
    check_key_length(parsed.public_key())?;
    let validity = parsed.validity();
    Ok(Facts {
        names: names_of(&parsed)?,
        not_before: moment(validity.not_before.timestamp()),
        not_after: moment(validity.not_after.timestamp()),
        serial: parsed.raw_serial().to_vec(),
        authority_key_identifier: authority_key_identifier(&parsed),
        issuer: parsed.issuer().to_string(),
        subject: parsed.subject().to_string(),
    })
}

pub(crate) fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, CertificateError> {
    match X509Certificate::from_der(certificate) {
        Ok(([], parsed)) => Ok(parsed),
        Ok(_) => Err(CertificateError::Unreadable("bytes follow its end".to_owned())),
        Err(error) => Err(CertificateError::Unreadable(error.to_string())),
    }
}

/// Refuses RSA keys that are too short to protect anything.
pub(crate) fn check_key_length(key: &SubjectPublicKeyInfo<'_>) -> Result<(), CertificateError> {
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            let bits = significant_bits(rsa.modulus);
            if bits < limits::RSA_KEY_BITS_MIN {
                return Err(CertificateError::RsaKeyTooShort(bits));
            }
            if bits > limits::RSA_KEY_BITS_MAX {
                return Err(CertificateError::KeyUnsupported(format!("RSA of {bits} bits")));
            }
            Ok(())
        }
        Ok(PublicKey::EC(_) | PublicKey::Unknown(_)) => Ok(()),
        Ok(_) => Err(CertificateError::KeyUnsupported("neither ECDSA, EdDSA nor RSA".to_owned())),
        Err(error) => Err(CertificateError::Unreadable(error.to_string())),
    }
}

/// Length of a big-endian number in bits, without leading zeros: padding makes no key longer.
fn significant_bits(number: &[u8]) -> usize {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    let number = &number[start..];
    number.len() * 8 - number.first().map_or(0, |first| first.leading_zeros() as usize)
}

/// The names in subjectAltName. The common name is not one of them (RFC 9525 §2).
fn names_of(parsed: &X509Certificate<'_>) -> Result<Vec<CertificateName>, CertificateError> {
    let extension = parsed
        .subject_alternative_name()
        .map_err(|error| CertificateError::Unreadable(format!("its subjectAltName: {error}")))?;
    Ok(extension.map(|extension| general_names(&extension.value.general_names)).unwrap_or_default())
}

/// Hosts, wildcards and addresses of a subjectAltName. What is none of these (mail addresses,
/// names that no client could ask for) speaks for no host and is passed over.
pub(crate) fn general_names(names: &[GeneralName<'_>]) -> Vec<CertificateName> {
    names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(host) => match host.parse() {
                // An address written as a name is not an address (RFC 9525 §6.1).
                Ok(CertificateName::Address(_)) | Err(_) => None,
                Ok(name) => Some(name),
            },
            GeneralName::IPAddress(bytes) => address(bytes).map(CertificateName::Address),
            _ => None,
        })
        .collect()
}

pub(crate) fn address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes).map(IpAddr::from).or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn authority_key_identifier(parsed: &X509Certificate<'_>) -> Option<Vec<u8>> {
    parsed.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(identifier) => {
            identifier.key_identifier.as_ref().map(|identifier| identifier.0.to_vec())
        }
        _ => None,
    })
}

/// Before 1970 is 1970.
fn moment(timestamp: i64) -> WallTime {
    WallTime::from_duration(Duration::from_secs(u64::try_from(timestamp).unwrap_or(0)))
}
