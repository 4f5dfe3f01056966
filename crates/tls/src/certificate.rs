//! A certificate chain and its key, read from PEM and judged before anything is served with it.
//! Called by whoever reads the operator's files, by [`crate::authority`] for what it issues, and by
//! [`crate::acme`] for what it fetched. Hands on a rustls [`CertifiedKey`].

mod name;
pub(crate) mod reading;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use edgeway_base::WallTime;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

pub use name::CertificateName;

use crate::error::CertificateError;
use crate::limits;

/// A chain that begins with our own certificate, its private key, and what it says of itself.
#[derive(Clone, Debug)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    facts: Facts,
}

/// What a certificate says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facts {
    /// The hosts and addresses it speaks for.
    pub names: Vec<CertificateName>,
    /// First moment of its life.
    pub not_before: WallTime,
    /// Last moment of its life.
    pub not_after: WallTime,
    /// Its serial number, big endian, as RFC 9773 and revocation name it.
    pub serial: Vec<u8>,
    /// The keyIdentifier of its issuer, when it says (RFC 5280 §4.2.1.1).
    pub authority_key_identifier: Option<Vec<u8>>,
    /// Who signed it, for people.
    pub issuer: String,
    /// Whom it was made for, for people: a client's name in logs and forwarded fields.
    pub subject: String,
}

/// Something that works but that the operator will want to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Warning {
    /// Its life is over: clients refuse it. Served all the same, because a site that answers with
    /// an old certificate is easier to repair than one that does not start.
    Expired {
        /// When it ended.
        since: WallTime,
    },
    /// Its life has not begun, or our clock is wrong.
    NotYetValid {
        /// When it begins.
        until: WallTime,
    },
    /// Less than a third of its life is left.
    RenewalDue {
        /// When it ends.
        expires: WallTime,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { since } => {
                write!(
                    formatter,
                    "the certificate expired at {} (seconds since 1970): clients refuse it",
                    since.seconds()
                )
            }
            Self::NotYetValid { until } => write!(
                formatter,
                "the certificate is not valid before {} (seconds since 1970): is the clock of this machine right?",
                until.seconds()
            ),
            Self::RenewalDue { expires } => {
                write!(formatter, "the certificate expires at {} (seconds since 1970): renew it", expires.seconds())
            }
        }
    }
}

impl Certificate {
    /// Reads a chain (our certificate first) and its key. The two may be the same text.
    ///
    /// # Errors
    /// Broken or empty PEM, a key that is locked, too short, of no use for TLS, or of another
    /// certificate, and a certificate without names. One that expired is no error: see
    /// [`Self::warnings`].
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain = reading::certificates(chain)?;
        let key = reading::private_key(key)?;
        Self::from_der(chain, key)
    }

    /// The same, from DER.
    ///
    /// # Errors
    /// As [`Self::from_pem`].
    pub fn from_der(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, CertificateError> {
        let facts = Facts::read(chain.first().ok_or(CertificateError::NoCertificate)?)?;
        if facts.names.is_empty() {
            return Err(CertificateError::NoNames);
        }
        Ok(Self { key: Arc::new(reading::matched(chain, key)?), facts })
    }

    /// Chain and key as rustls wants them.
    pub fn certified_key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }

    /// What it says of itself.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether a client that asked for `host` (a name or an address) would accept it.
    pub fn covers(&self, host: &str) -> bool {
        self.facts.covers(host)
    }

    /// What the operator should know at `now`.
    pub fn warnings(&self, now: WallTime) -> Option<Warning> {
        self.facts.warnings(now)
    }
}

impl Facts {
    /// Reads what matters of a certificate, and refuses keys that are too short.
    ///
    /// # Errors
    /// [`CertificateError::Unreadable`], [`CertificateError::RsaKeyTooShort`],
    /// [`CertificateError::BadName`].
    pub fn read(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        reading::facts(certificate)
    }

    /// Whether one of its names is `host`, or a wildcard for it.
    pub fn covers(&self, host: &str) -> bool {
        self.names.iter().any(|name| name.covers(host))
    }

    /// Length of its whole life.
    pub fn lifetime(&self) -> Duration {
        self.not_after.since_epoch().saturating_sub(self.not_before.since_epoch())
    }

    /// When it should be renewed: when a third of its life is left.
    pub fn renewal_due(&self) -> WallTime {
        let left = self.lifetime().as_secs() / limits::RENEW_WHEN_LEFT_DIVISOR;
        self.not_after.earlier(Duration::from_secs(left))
    }

    /// What the operator should know at `now`.
    pub fn warnings(&self, now: WallTime) -> Option<Warning> {
        if now > self.not_after {
            Some(Warning::Expired { since: self.not_after })
        } else if now < self.not_before {
            Some(Warning::NotYetValid { until: self.not_before })
        } else if now >= self.renewal_due() {
            Some(Warning::RenewalDue { expires: self.not_after })
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
