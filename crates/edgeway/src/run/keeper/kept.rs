//! The certificates there are from a public authority: in memory for the front, in `certificates/` of the state folder for the
//! next start.

use std::cell::RefCell;
use std::io;

use edgeway_tls::certificate::{Certificate, CertificateName};

use crate::state::State;

const FOLDER: &str = "certificates";

/// What there is.
#[derive(Default)]
pub struct Kept {
    certificates: RefCell<Vec<Certificate>>,
}

impl Kept {
    /// What an earlier process stored. A damaged pair of files is left out: it will be got again.
    pub fn load(state: &State) -> Self {
        let mut certificates = Vec::new();
        let entries = std::fs::read_dir(state.path(FOLDER)).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "crt")) {
            let pair = std::fs::read(&path).and_then(|chain| Ok((chain, std::fs::read(path.with_extension("key"))?)));
            let certificate = pair
                .map_err(|error| error.to_string())
                .and_then(|(chain, key)| Certificate::from_pem(&chain, &key).map_err(|error| error.to_string()));
            match certificate {
                Ok(certificate) => certificates.push(certificate),
                Err(error) => tracing::warn!(file = %path.display(), "a stored certificate is left out: {error}"),
            }
        }
        Self { certificates: RefCell::new(certificates) }
    }

    /// All of them.
    pub fn all(&self) -> Vec<Certificate> {
        self.certificates.borrow().clone()
    }

    /// The one for exactly these names, in any order.
    pub fn find(&self, names: &[CertificateName]) -> Option<Certificate> {
        self.certificates.borrow().iter().find(|one| same_names(&one.facts().names, names)).cloned()
    }

    /// Keeps one, in the place of an earlier one for the same names.
    ///
    /// # Errors
    /// When it cannot be stored; it is kept in memory all the same.
    pub fn keep(&self, state: &State, certificate: Certificate, chain: &str, key: &str) -> io::Result<()> {
        let name = certificate.facts().names.first().map(file_name).unwrap_or_default();
        let mut certificates = self.certificates.borrow_mut();
        certificates.retain(|one| !same_names(&one.facts().names, &certificate.facts().names));
        certificates.push(certificate);
        // The key first: a chain without its key would be found damaged by the next start.
        state.write(&format!("{FOLDER}/{name}.key"), key.as_bytes())?;
        state.write(&format!("{FOLDER}/{name}.crt"), chain.as_bytes())
    }
}

fn same_names(one: &[CertificateName], other: &[CertificateName]) -> bool {
    one.len() == other.len() && one.iter().all(|name| other.contains(name))
}

/// A name as part of a path: hosts hold nothing that a path would mind, IPv6 addresses hold colons.
fn file_name(name: &CertificateName) -> String {
    name.to_string().replace('*', "wildcard").replace([':', '/'], "_")
}
