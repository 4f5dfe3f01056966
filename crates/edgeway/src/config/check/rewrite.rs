//! `rewrite`, and the star of redirects: it has something to stand for.

use std::ops::Range;

use super::Check;
use crate::config::raw::{Rewrite, Route};
use crate::config::read::Located;

impl Check<'_> {
    pub(super) fn rewrite_and_stars(&mut self, route: &Located<Route>) {
        if let Some(redirect) = &route.redirect {
            self.star(route, redirect.to.as_str(), &redirect.span);
        }
        let Some(rewrite) = &route.rewrite else { return };
        self.rewrite(rewrite);
        if let Some(to) = &rewrite.to {
            self.star(route, to, &to.span);
        }
    }

    fn rewrite(&mut self, rewrite: &Located<Rewrite>) {
        let ways = [&rewrite.strip_prefix, &rewrite.add_prefix, &rewrite.to];
        let count = ways.iter().filter(|way| way.is_some()).count();
        if count != 1 {
            let message = format!("a rewrite goes one way, and this has {count}");
            self.found.error(rewrite.span.clone(), message, "expected `strip_prefix`, `add_prefix` or `to`");
        }
        for prefix in rewrite.strip_prefix.iter().chain(&rewrite.add_prefix) {
            if !prefix.starts_with('/') || prefix.ends_with('/') {
                let good = format!("/{}", prefix.trim_matches('/'));
                let message = format!("`{}` is not a prefix of paths", prefix.value);
                self.found.error(prefix.span.clone(), message, format!("write \"{good}\""));
            }
        }
        if let Some(to) = rewrite.to.as_ref().filter(|to| !to.starts_with('/')) {
            let message = format!("`{}` is not a path", to.value);
            self.found.error(to.span.clone(), message, format!("write \"/{}\"", to.value));
        }
    }

    /// A star in the target stands for what `/*` at the end of a path took.
    fn star(&mut self, route: &Route, target: &str, span: &Range<usize>) {
        let ends_in_a_star = |path: &str| path.ends_with("/*") || path.ends_with("/**") || path == "*" || path == "**";
        let without = route.path.iter().find(|path| !ends_in_a_star(path.as_str()));
        if let Some(path) = without.filter(|_| target.contains('*')) {
            let message = format!("the star stands for nothing: `{}` does not end in `/*`", path.value);
            self.found.error(span.clone(), message, "expected a target without a star");
        }
    }
}
