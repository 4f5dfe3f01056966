//! A certificate signing request (PKCS#10, RFC 2986) from a stranger, checked before anything is
//! signed: its own signature, the strength of its key, and the names it asks for. Called by the ACME
//! server and by `edgeway ca sign`.

use rcgen::{PublicKeyData, SignatureAlgorithm, SubjectPublicKeyInfo};
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

use crate::certificate::{CertificateName, reading};
use crate::error::CertificateError;

/// A request whose signature holds. Of what it asks, only names and key are honoured: usage and
/// life are the authority's to decide.
pub struct SigningRequest {
    key: SubjectPublicKeyInfo,
    names: Vec<CertificateName>,
}

impl std::fmt::Debug for SigningRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SigningRequest").field("names", &self.names).finish_non_exhaustive()
    }
}

impl SigningRequest {
    /// Reads and checks a request in PEM.
    ///
    /// # Errors
    /// As [`Self::from_der`], and [`CertificateError::NotPem`].
    pub fn from_pem(text: &[u8]) -> Result<Self, CertificateError> {
        let der = CertificateSigningRequestDer::from_pem_slice(text)
            .map_err(|error| CertificateError::NotPem(error.to_string()))?;
        Self::from_der(&der)
    }

    /// Reads and checks a request in DER.
    ///
    /// # Errors
    /// [`CertificateError::BadRequest`] with the reason, [`CertificateError::RsaKeyTooShort`].
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let Ok(([], request)) = X509CertificationRequest::from_der(der) else {
            return Err(refused("it is not a PKCS#10 request"));
        };
        let key_info = &request.certification_request_info.subject_pki;
        reading::check_key_length(key_info)?;
        // RFC 2986 §3: the signature shows that who asks holds the private key.
        request.verify_signature().map_err(|_| refused("its signature does not hold"))?;
        let key = SubjectPublicKeyInfo::from_der(key_info.raw)
            .map_err(|error| CertificateError::BadRequest(format!("its key: {error}")))?;
        Ok(Self { key, names: requested_names(&request)? })
    }

    /// The names it asks for, in its order, each once.
    pub fn names(&self) -> &[CertificateName] {
        &self.names
    }

    /// The key that the certificate will carry, as a DER SubjectPublicKeyInfo.
    pub fn public_key_info(&self) -> Vec<u8> {
        self.key.subject_public_key_info()
    }

    pub(super) fn public_key(&self) -> &SubjectPublicKeyInfo {
        &self.key
    }

    /// The signature algorithm family of its key, for people.
    pub fn key_algorithm(&self) -> &'static SignatureAlgorithm {
        self.key.algorithm()
    }
}

/// Names from subjectAltName and from the common name, where it is a host name: RFC 8555 §7.4 lets
/// a request carry them in either place.
fn requested_names(request: &X509CertificationRequest<'_>) -> Result<Vec<CertificateName>, CertificateError> {
    let mut names: Vec<CertificateName> = Vec::new();
    for extension in request.requested_extensions().into_iter().flatten() {
        match extension {
            ParsedExtension::SubjectAlternativeName(alternatives) => {
                let read = reading::general_names(&alternatives.general_names);
                if read.len() != alternatives.general_names.len() {
                    return Err(refused("it asks for a name that is neither a host nor an address"));
                }
                names.extend(read);
            }
            ParsedExtension::BasicConstraints(constraints) if constraints.ca => {
                return Err(refused("it asks to become an authority itself"));
            }
            _ => {}
        }
    }
    let subject = &request.certification_request_info.subject;
    for attribute in subject.iter_common_name() {
        let text = attribute.as_str().map_err(|_| refused("its common name is no text"))?;
        names.push(text.parse().map_err(|_| refused("its common name is no host name"))?);
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    Ok(names)
}

fn refused(reason: &str) -> CertificateError {
    CertificateError::BadRequest(reason.to_owned())
}
