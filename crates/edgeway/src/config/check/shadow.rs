//! Routes that can never match, because one before them takes everything they are for.

use super::Check;
use crate::config::raw::{Route, Site};

impl Check<'_> {
    pub(super) fn shadowed_routes(&mut self, site: &Site) {
        for (index, route) in site.route.iter().enumerate() {
            let Some(first) = site.route[..index].iter().find(|earlier| takes_all_of(earlier, route)) else { continue };
            let line = self.source.place(first.span.start).line;
            let span = route.path.first().map(|path| path.span.clone()).filter(|span| !span.is_empty());
            self.found.warning(
                span.unwrap_or_else(|| route.span.clone()),
                "this route is never reached",
                format!("the route in line {line} takes all its requests"),
            );
            self.found.advise("routes are tried in the order of the file: put the narrower one first");
        }
    }
}

/// Whether every request for `later` is one for `earlier` too. May miss a case, never invents one.
fn takes_all_of(earlier: &Route, later: &Route) -> bool {
    let paths = later.path.iter().all(|path| earlier.path.iter().any(|wide| wide.covers(path)));
    let methods = earlier.method.is_empty()
        || !later.method.is_empty()
            && later.method.iter().all(|method| earlier.method.iter().any(|own| own.value == method.value));
    let has = |route: &Route, name: &str, value| {
        route.header.iter().any(|(own, wildcard)| own.as_str() == name && wildcard == value)
    };
    let headers = earlier.header.iter().all(|(name, value)| has(later, name.as_str(), value));
    paths && methods && headers
}
