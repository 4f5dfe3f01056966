//! What each value says for itself is already checked; here is what they say together. Called by
//! `config::load`; finds everything it can in one pass and tells it to the diagnostics.

mod action;
mod files;
mod limits;
mod listen;
mod proxy;
mod rewrite;
mod route;
mod shadow;
mod site;
mod tls;
mod zones;

use super::diagnostic::Diagnostics;
use super::raw::Configuration;
use super::source::Source;

/// How far to look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// At the text alone: for a configuration that is written on one machine and run on another.
    Text,
    /// Also at the files and folders it names.
    Files,
}

/// One pass over a raw form.
struct Check<'a> {
    configuration: &'a Configuration,
    source: &'a Source,
    reach: Reach,
    /// Something could not be read and was left out: what seems to be missing may only be mistaken.
    has_gaps: bool,
    found: &'a mut Diagnostics,
}

/// Tells `found` what is wrong with `configuration`, which was read from `source`.
pub fn check(configuration: &Configuration, source: &Source, reach: Reach, found: &mut Diagnostics) {
    let has_gaps = found.has_errors();
    let mut check = Check { configuration, source, reach, has_gaps, found };
    check.listen();
    check.limits();
    check.tls();
    check.sites();
    check.zones();
    check.log_file();
}

#[cfg(test)]
mod tests;
