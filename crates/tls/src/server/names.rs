//! Names to anything: exact, wildcard, default. Called by [`super::front`] and by the configuration
//! for its own tables; pure lookup, no allocation for names already in lower case.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::certificate::CertificateName;

/// A table in which an exact name goes before a wildcard, and a wildcard before the default.
#[derive(Clone, Debug)]
pub struct NameTable<T> {
    exact: HashMap<Box<str>, T>,
    wildcard: HashMap<Box<str>, T>,
    default: Option<T>,
}

impl<T> Default for NameTable<T> {
    fn default() -> Self {
        Self { exact: HashMap::new(), wildcard: HashMap::new(), default: None }
    }
}

impl<T> NameTable<T> {
    /// Enters `value` for `name`; gives back what was there before.
    pub fn insert(&mut self, name: &CertificateName, value: T) -> Option<T> {
        match name {
            CertificateName::Host(host) => self.exact.insert(host.as_str().into(), value),
            CertificateName::Wildcard(domain) => self.wildcard.insert(domain.as_str().into(), value),
            CertificateName::Address(address) => self.exact.insert(address.to_string().into(), value),
        }
    }

    /// What answers when nothing else does.
    pub fn set_default(&mut self, value: T) {
        self.default = Some(value);
    }

    /// What answers when nothing else does.
    pub fn default_value(&self) -> Option<&T> {
        self.default.as_ref()
    }

    /// The entry for `host`, without falling back to the default.
    pub fn get(&self, host: &str) -> Option<&T> {
        let host = normal(host);
        self.exact.get(&*host).or_else(|| {
            // RFC 9525 §6.3: exactly one label stands for the star.
            let (label, domain) = host.split_once('.')?;
            if label.is_empty() { None } else { self.wildcard.get(domain) }
        })
    }

    /// Every entry, the default last.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.exact.values().chain(self.wildcard.values()).chain(self.default.as_ref())
    }
}

/// Lower case and without the final dot.
pub(super) fn normal(host: &str) -> Cow<'_, str> {
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_before_wildcard_and_no_silent_default() {
        let mut table = NameTable::default();
        for (name, value) in [("a.example.com", 1), ("*.example.com", 2), ("*.b.example.com", 3), ("192.0.2.1", 4)] {
            assert_eq!(table.insert(&name.parse().unwrap(), value), None);
        }
        table.set_default(9);
        for (host, found) in [
            ("a.example.com", Some(1)),
            ("A.EXAMPLE.com.", Some(1)),
            ("c.example.com", Some(2)),
            ("x.b.example.com", Some(3)),
            ("b.example.com", Some(2)),
            ("x.y.example.com", None),
            ("example.com", None),
            (".example.com", None),
            ("192.0.2.1", Some(4)),
            ("", None),
        ] {
            assert_eq!(table.get(host).copied(), found, "{host}");
        }
        assert_eq!(table.default_value(), Some(&9));
    }
}
