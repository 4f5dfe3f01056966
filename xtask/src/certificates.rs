//! An authority and a certificate for `localhost`, made new for each run. Called by [`crate::bench`] and
//! [`crate::interop`]. ECDSA P-256, which is what public authorities issue by default.

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use std::path::{Path, PathBuf};
use time::{Duration, OffsetDateTime};

/// Where the PEM files of one authority and one leaf stand.
pub(crate) struct Certificates {
    /// The authority's certificate, for clients.
    pub(crate) authority: PathBuf,
    /// The leaf's certificate for `localhost` and 127.0.0.1.
    pub(crate) certificate: PathBuf,
    /// The leaf's key.
    pub(crate) key: PathBuf,
    /// Certificate and key in one file, as HAProxy wants them.
    pub(crate) both: PathBuf,
}

/// Makes them and writes them into `folder`.
pub(crate) fn make(folder: &Path) -> Result<Certificates> {
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "A measuring authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);

    let now = OffsetDateTime::now_utc();
    let leaf_key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    leaf.distinguished_name.push(DnType::CommonName, "localhost");
    // Scanners refuse certificates that are for ever, as browsers do (CA/Browser Forum: 398 days, soon fewer).
    (leaf.not_before, leaf.not_after) = (now - Duration::hours(1), now + Duration::days(80));
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.use_authority_key_identifier_extension = true;
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let leaf_certificate = leaf.signed_by(&leaf_key, &issuer)?;

    let made = Certificates {
        authority: folder.join("authority.pem"),
        certificate: folder.join("localhost.pem"),
        key: folder.join("localhost.key"),
        both: folder.join("localhost.both.pem"),
    };
    std::fs::write(&made.authority, authority_certificate.pem())?;
    std::fs::write(&made.certificate, leaf_certificate.pem())?;
    std::fs::write(&made.key, leaf_key.serialize_pem())?;
    std::fs::write(&made.both, leaf_certificate.pem() + &leaf_key.serialize_pem())?;
    Ok(made)
}
