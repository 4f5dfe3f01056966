//! tests/conformance/expected.toml: how many checks of a case must pass, and which failures are known. Read by
//! [`super::run`]; applied by [`super::report`].

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The file.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    /// For each case, how many checks pass at least. May only rise.
    #[serde(default)]
    floor: BTreeMap<String, usize>,
    /// Checks that fail, and why that is right or bearable.
    #[serde(default)]
    known: Vec<Known>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    check: String,
    reason: String,
}

impl Expected {
    pub(crate) fn floor(&self, case: &str) -> usize {
        self.floor.get(case).copied().unwrap_or(0)
    }

    /// Why the check is known to fail.
    pub(crate) fn reason(&self, check: &str) -> Option<&str> {
        self.known.iter().find(|known| known.check == check).map(|known| known.reason.as_str())
    }
}

/// Reads the file.
pub(crate) fn read() -> Result<Expected> {
    let path = crate::root().join("tests/conformance/expected.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let expected: Expected = toml::from_str(&text).with_context(|| path.display().to_string())?;
    if let Some(known) = expected.known.iter().find(|known| known.reason.trim().is_empty()) {
        bail!("{}: {} has no reason", path.display(), known.check);
    }
    Ok(expected)
}
