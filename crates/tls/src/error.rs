//! Errors of certificates, configurations and sessions: whose fault, what to tell the peer, and
//! whether to try again.

use std::fmt;

use edgeway_base::{Blame, Blamed};
use rustls::AlertDescription;

use crate::limits;

/// A certificate, key or bundle that cannot be used. Always the operator's to mend.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CertificateError {
    /// The text holds no certificate.
    NoCertificate,
    /// The text holds no private key.
    NoKey,
    /// The private key is locked with a passphrase.
    KeyEncrypted,
    /// The PEM armour is broken.
    NotPem(String),
    /// More bytes or certificates than any chain or bundle has.
    TooLarge,
    /// The certificate cannot be read as X.509.
    Unreadable(String),
    /// The key's kind is not one TLS uses.
    KeyUnsupported(String),
    /// The key belongs to another certificate.
    KeyMismatch,
    /// An RSA key of this many bits.
    RsaKeyTooShort(usize),
    /// The certificate names no host (no subjectAltName), so that no client will accept it.
    NoNames,
    /// A host name or address that no certificate can carry.
    BadName(String),
    /// More names than one certificate may carry.
    TooManyNames(usize),
    /// A root was expected, but this certificate may not sign others.
    NotAnAuthority,
    /// A certificate signing request that cannot be honoured, and why.
    BadRequest(String),
    /// A revocation list that cannot be read.
    BadRevocationList(String),
    /// A combination of settings that rustls refuses.
    BadConfiguration(String),
}

impl fmt::Display for CertificateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => formatter.write_str(
                "there is no certificate in it: expected PEM text with a block that begins -----BEGIN CERTIFICATE-----",
            ),
            Self::NoKey => formatter.write_str(
                "there is no private key in it: expected PEM text with a block that begins -----BEGIN PRIVATE KEY-----, \
                 -----BEGIN EC PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----",
            ),
            Self::KeyEncrypted => formatter.write_str(
                "the private key is locked with a passphrase; unlock it once with \
                 `openssl pkey -in locked.pem -out key.pem` and give the result, readable by this user alone",
            ),
            Self::NotPem(reason) => write!(formatter, "the PEM text is broken: {reason}"),
            Self::TooLarge => write!(
                formatter,
                "it is larger than {} certificates or {} bytes: is it the right file?",
                limits::CERTIFICATES_PER_BUNDLE_MAX,
                limits::PEM_BYTES_MAX
            ),
            Self::Unreadable(reason) => write!(formatter, "the certificate cannot be read: {reason}"),
            Self::KeyUnsupported(reason) => {
                write!(formatter, "this kind of private key is not usable for TLS ({reason}); use ECDSA P-256 or RSA")
            }
            Self::KeyMismatch => formatter.write_str(
                "the private key belongs to another certificate: the first certificate of the chain must be the \
                 site's own, and the key the one it was made with",
            ),
            Self::RsaKeyTooShort(bits) => write!(
                formatter,
                "the RSA key has {bits} bits, and keys below {} bits are refused: they are within reach of attackers \
                 who can pay for the computing, and browsers reject them; make a new key of {} bits or more, or an \
                 ECDSA P-256 key",
                limits::RSA_KEY_BITS_MIN,
                limits::RSA_KEY_BITS_MIN
            ),
            Self::NoNames => formatter.write_str(
                "the certificate names no host (it has no subjectAltName), so that no client would accept it",
            ),
            Self::BadName(name) => {
                write!(formatter, "\"{name}\" is neither a host name, a wildcard such as *.example.com, nor an address")
            }
            Self::TooManyNames(count) => write!(
                formatter,
                "{count} names are more than the {} one certificate may carry",
                limits::NAMES_PER_CERTIFICATE_MAX
            ),
            Self::NotAnAuthority => {
                formatter.write_str("the certificate is not an authority's: it may not sign other certificates")
            }
            Self::BadRequest(reason) => write!(formatter, "the certificate signing request is refused: {reason}"),
            Self::BadRevocationList(reason) => write!(formatter, "the revocation list cannot be used: {reason}"),
            Self::BadConfiguration(reason) => write!(formatter, "these TLS settings do not go together: {reason}"),
        }
    }
}

impl std::error::Error for CertificateError {}

impl Blamed for CertificateError {
    fn blame(&self) -> Blame {
        Blame::Operator
    }
}

/// Why a session ended other than by `close_notify`. The alert to tell the peer is already in the
/// session's output when there is one to tell.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum SessionError {
    /// rustls refused what the peer sent, or the peer refused us.
    Tls {
        /// What rustls said.
        error: rustls::Error,
        /// Whether we were the server; decides whose fault it is.
        server: bool,
    },
    /// Our own decision about a ClientHello.
    Refused(crate::server::Refusal),
    /// The peer sent more than any handshake needs.
    HandshakeTooLarge,
    /// The first bytes are not TLS at all (plain HTTP on a TLS port, most often).
    NotTls,
    /// The peer closed the connection without `close_notify`: what was received may be cut short
    /// (RFC 8446 §6.1).
    Truncated,
    /// The keys are used up and cannot be renewed (TLS 1.2 after 2^64 records).
    KeysExhausted,
}

impl SessionError {
    /// The alert that tells the peer, if one does.
    pub fn alert(&self) -> Option<AlertDescription> {
        match self {
            Self::Tls { error, .. } => alert_for(error),
            Self::Refused(refusal) => Some(refusal.alert()),
            Self::HandshakeTooLarge => Some(AlertDescription::DecodeError),
            Self::NotTls | Self::Truncated | Self::KeysExhausted => None,
        }
    }
}

/// The alert rustls sends for `error`, for the log; the bytes come from rustls itself.
fn alert_for(error: &rustls::Error) -> Option<AlertDescription> {
    use rustls::Error as E;
    Some(match error {
        E::AlertReceived(_) => return None,
        E::InappropriateMessage { .. } | E::InappropriateHandshakeMessage { .. } => AlertDescription::UnexpectedMessage,
        E::InvalidMessage(_) => AlertDescription::DecodeError,
        E::DecryptError => AlertDescription::BadRecordMac,
        E::InvalidCertificate(reason) => reason.clone().into(),
        E::NoCertificatesPresented => AlertDescription::CertificateRequired,
        E::NoApplicationProtocol => AlertDescription::NoApplicationProtocol,
        E::PeerIncompatible(_) => AlertDescription::HandshakeFailure,
        E::PeerSentOversizedRecord => AlertDescription::RecordOverflow,
        E::PeerMisbehaved(_) => AlertDescription::IllegalParameter,
        _ => AlertDescription::InternalError,
    })
}

impl fmt::Display for SessionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls { error, .. } => write!(formatter, "TLS: {error}"),
            Self::Refused(refusal) => refusal.fmt(formatter),
            Self::HandshakeTooLarge => formatter.write_str("the peer's handshake message is larger than any we accept"),
            Self::NotTls => formatter.write_str("the peer does not speak TLS"),
            Self::Truncated => formatter.write_str("the peer closed the connection without saying so in TLS"),
            Self::KeysExhausted => formatter.write_str("the session's keys are used up"),
        }
    }
}

impl std::error::Error for SessionError {}

impl Blamed for SessionError {
    fn blame(&self) -> Blame {
        match self {
            Self::Tls { error: rustls::Error::General(_) | rustls::Error::EncryptError, .. } => Blame::Us,
            Self::Tls { server: false, .. } => Blame::Upstream,
            Self::Tls { server: true, .. }
            | Self::Refused(_)
            | Self::HandshakeTooLarge
            | Self::NotTls
            | Self::Truncated => Blame::Peer,
            Self::KeysExhausted => Blame::Environment,
        }
    }

    fn may_retry(&self) -> bool {
        matches!(self, Self::Truncated | Self::KeysExhausted)
    }
}
