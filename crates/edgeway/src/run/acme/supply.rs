//! The certificates that an ACME authority gave us, as files of the state folder, and in memory: `acme/DIRECTORY/NAME.pem`, the private key
//! and the chain in one file, so that no crash leaves one without the other. Opened by [`crate::run::control`], filled by
//! [`super::agent`].

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use edgeway_base::WallTime;
use edgeway_tls::acme::key::AccountKey;
use edgeway_tls::certificate::{Certificate, CertificateName};

use crate::state::State;

/// What we have from one directory.
pub struct Supply {
    state: State,
    directory: String,
    folder: String,
    certificates: RefCell<BTreeMap<String, Certificate>>,
}

/// Who we are to the directory.
pub struct Account {
    /// Our key, PEM.
    pub key_pem: String,
    /// The account's URL, once it is made.
    pub url: Option<String>,
}

impl Supply {
    /// What is kept from `directory`. Files that cannot be used are told of and left where they are; what expired before `now` is
    /// removed.
    ///
    /// # Errors
    /// A sentence for the operator: the folder cannot be read.
    pub fn open(state: &State, directory: &str, now: WallTime) -> Result<Self, String> {
        let folder = format!("acme/{}", folder_name(directory));
        let supply =
            Self { state: state.clone(), directory: directory.to_owned(), folder, certificates: RefCell::default() };
        supply.read(now).map_err(|error| {
            format!("the certificates in {} cannot be read: {error}", state.path(&supply.folder).display())
        })?;
        Ok(supply)
    }

    fn read(&self, now: WallTime) -> io::Result<()> {
        let entries = match std::fs::read_dir(self.state.path(&self.folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        for entry in entries {
            let path = entry?.path();
            let Some(stem) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".pem")) else { continue };
            let text = std::fs::read(&path)?;
            match Certificate::from_pem(&text, &text) {
                Ok(certificate) if certificate.facts().not_after < now => {
                    tracing::info!(file = %path.display(), "an expired certificate is removed");
                    std::fs::remove_file(&path)?;
                }
                Ok(certificate) => _ = self.certificates.borrow_mut().insert(stem.to_owned(), certificate),
                Err(error) => tracing::warn!(file = %path.display(), %error, "a kept certificate cannot be used"),
            }
        }
        Ok(())
    }

    /// The directory it all came from.
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// All certificates.
    pub fn certificates(&self) -> Vec<Certificate> {
        self.certificates.borrow().values().cloned().collect()
    }

    /// Of those that are for all of `names`, the one that lives longest.
    pub fn find(&self, names: &[CertificateName]) -> Option<Certificate> {
        let certificates = self.certificates.borrow();
        let good = certificates.values().filter(|known| names.iter().all(|name| known.facts().names.contains(name)));
        good.max_by_key(|known| known.facts().not_after).cloned()
    }

    /// Keeps a certificate; one with the same first name gives way.
    ///
    /// # Errors
    /// The file cannot be written; the certificate is used all the same until we end.
    pub fn keep(&self, certificate: Certificate, chain_pem: &str, key_pem: &str) -> io::Result<()> {
        let stem = certificate.facts().names.first().map(file_stem).unwrap_or_default();
        let written =
            self.state.write(&format!("{}/{stem}.pem", self.folder), format!("{key_pem}{chain_pem}").as_bytes());
        self.certificates.borrow_mut().insert(stem, certificate);
        written
    }

    /// Forgets what expired before `now`.
    pub fn forget_expired(&self, now: WallTime) {
        self.certificates.borrow_mut().retain(|stem, certificate| {
            let alive = certificate.facts().not_after >= now;
            if !alive {
                // A file that stays is tried again at the next start.
                let _ = std::fs::remove_file(self.state.path(&format!("{}/{stem}.pem", self.folder)));
            }
            alive
        });
    }

    /// Our account; its key is made on first need and kept before it is used.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn account(&self) -> Result<Account, String> {
        let place = |name: &str| format!("{}/{name}", self.folder);
        let unreadable = |error: io::Error| format!("the ACME account's files cannot be read: {error}");
        let url = self.state.read(&place("account.url")).map_err(unreadable)?;
        let url = url.and_then(|bytes| String::from_utf8(bytes).ok()).map(|text| text.trim().to_owned());
        if let Some(bytes) = self.state.read(&place("account.key")).map_err(unreadable)? {
            let key_pem = String::from_utf8(bytes).map_err(|_| "the ACME account's key is no text".to_owned())?;
            return Ok(Account { key_pem, url });
        }
        let key_pem = AccountKey::generate().to_pem();
        self.state
            .write(&place("account.key"), key_pem.as_bytes())
            .map_err(|error| format!("the ACME account's key cannot be kept: {error}"))?;
        Ok(Account { key_pem, url: None })
    }

    /// Keeps the account's URL. Without it the account is found again by its key (RFC 8555 §7.3.1).
    pub fn keep_account_url(&self, url: &str) {
        if let Err(error) = self.state.write(&format!("{}/account.url", self.folder), format!("{url}\n").as_bytes()) {
            tracing::warn!(%error, "the ACME account's URL cannot be kept");
        }
    }
}

/// A directory's URL as the name of a folder: two directories never share one.
fn folder_name(directory: &str) -> String {
    let mut name = String::new();
    for byte in directory.strip_prefix("https://").unwrap_or(directory).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => name.push(char::from(byte)),
            // A leading dot would hide the folder, or make it another one.
            b'.' if !name.is_empty() => name.push('.'),
            other => _ = write!(name, "_{other:02x}"),
        }
    }
    name
}

/// A certificate's file. Names hold letters, digits, hyphens, underscores and single dots inside; addresses colons.
fn file_stem(name: &CertificateName) -> String {
    name.to_string().replace('*', "_")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Duration;

    use edgeway_tls::authority::{Authority, Usage};

    use super::*;

    const NOW: WallTime = WallTime::from_seconds(1_795_000_000);

    #[test]
    fn certificates_and_account_survive_and_the_expired_are_removed() {
        let folder = std::env::temp_dir().join(format!("edgeway-supply-{}", std::process::id()));
        let state = State::choose(Some(&folder));
        let authority = Authority::create("test", NOW).unwrap();
        let names: Vec<CertificateName> = ["a.test", "b.test"].map(|name| name.parse().unwrap()).to_vec();
        let issued = authority.issue(&names, Usage::Server, NOW, Duration::from_secs(86_400)).unwrap();
        let open = |now| Supply::open(&state, "https://ca.test:14000/dir", now).unwrap();

        let supply = open(NOW);
        let key = supply.account().unwrap().key_pem;
        supply.keep_account_url("https://ca.test:14000/account/1");
        supply.keep(issued.certificate.clone(), &issued.chain_pem, &issued.key_pem).unwrap();
        let file = folder.join("acme/ca.test_3a14000_2fdir/a.test.pem");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

        let again = open(NOW);
        let account = again.account().unwrap();
        assert_eq!((account.key_pem, account.url.as_deref()), (key, Some("https://ca.test:14000/account/1")));
        let found = again.find(&names[1..]).expect("it is for b.test too");
        assert_eq!(found.facts().serial, issued.certificate.facts().serial);
        assert!(again.find(&["c.test".parse().unwrap()]).is_none());
        assert!(Supply::open(&state, "https://other.test/dir", NOW).unwrap().certificates().is_empty());

        let late = open(NOW.later(Duration::from_secs(2 * 86_400)));
        assert!(late.certificates().is_empty() && !file.exists());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn folders_are_told_apart() {
        for (directory, name) in [
            ("https://acme-v02.api.letsencrypt.org/directory", "acme-v02.api.letsencrypt.org_2fdirectory"),
            ("https://../x", "_2e._2fx"),
            ("https://a_b/", "a_5fb_2f"),
        ] {
            assert_eq!(folder_name(directory), name);
        }
    }
}
