//! Leaves of our own authority, issued when a client first asks for a name and kept until a third
//! of their life is left. Called by [`super::resolver`] during handshakes on all workers at once.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use edgeway_base::WallTime;

use crate::authority::{Authority, Usage};
use crate::certificate::{Certificate, CertificateName};
use crate::limits;

/// The answer to "may a certificate be made for this name?".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Yes.
    Allow,
    /// No; the client is told `unrecognized_name`.
    Deny,
    /// Not known yet: the session waits while the caller finds out, and the rule is asked again.
    Ask,
}

/// Who may have a certificate made on demand. Without a rule, whoever can open connections can have
/// certificates made without end.
#[derive(Clone, Default)]
pub enum IssueRule {
    /// Nobody: only the names of configured sites.
    #[default]
    Never,
    /// Whatever the function allows; it answers at once, from what it knows.
    Rule(Arc<dyn Fn(&CertificateName) -> Decision + Send + Sync>),
}

impl IssueRule {
    pub(super) fn decide(&self, name: &CertificateName) -> Decision {
        match self {
            Self::Never => Decision::Deny,
            Self::Rule(rule) => rule(name),
        }
    }
}

impl fmt::Debug for IssueRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Never => "Never",
            Self::Rule(_) => "Rule",
        })
    }
}

/// What was issued, by the names in it.
#[derive(Debug, Default)]
pub(super) struct IssuedLeaves {
    leaves: Mutex<Leaves>,
}

#[derive(Debug, Default)]
struct Leaves {
    by_names: HashMap<Vec<CertificateName>, Leaf>,
    uses: u64,
}

#[derive(Debug)]
struct Leaf {
    certificate: Certificate,
    root: Box<[u8]>,
    last_use: u64,
}

impl IssuedLeaves {
    /// The leaf for `names`, issued now if there is none that `authority` signed and that has more
    /// than a third of its life left.
    pub(super) fn get(&self, names: &[CertificateName], authority: &Authority, now: WallTime) -> Option<Certificate> {
        let root = authority.root_der().as_ref();
        if let Some(found) = self.lock().find(names, root, now) {
            return Some(found);
        }
        // Outside the lock: signing takes longer than all other handshakes should wait. Two workers may
        // both sign; the later leaf stays, and either is good.
        let issued = authority.issue(names, Usage::Server, now, limits::LEAF_LIFETIME_MAX).ok()?;
        self.lock().insert(names.to_vec(), issued.certificate.clone(), root.into());
        Some(issued.certificate)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Leaves> {
        // Every change is one insertion or removal: a panic elsewhere leaves nothing half done.
        self.leaves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().by_names.len()
    }
}

impl Leaves {
    fn find(&mut self, names: &[CertificateName], root: &[u8], now: WallTime) -> Option<Certificate> {
        self.uses += 1;
        let leaf = self.by_names.get_mut(names)?;
        let facts = leaf.certificate.facts();
        if *leaf.root != *root || now >= facts.renewal_due() || now < facts.not_before {
            return None;
        }
        leaf.last_use = self.uses;
        Some(leaf.certificate.clone())
    }

    fn insert(&mut self, names: Vec<CertificateName>, certificate: Certificate, root: Box<[u8]>) {
        if self.by_names.len() >= limits::ISSUED_LEAVES_MAX && !self.by_names.contains_key(&names) {
            self.forget_least_used();
        }
        self.by_names.insert(names, Leaf { certificate, root, last_use: self.uses });
    }

    /// A scan of a thousand entries costs a hundredth of the signature that made it necessary.
    fn forget_least_used(&mut self) {
        if let Some(oldest) = self.by_names.iter().min_by_key(|(_, leaf)| leaf.last_use).map(|(names, _)| names.clone())
        {
            self.by_names.remove(&oldest);
        }
    }
}
