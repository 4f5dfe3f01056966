//! `rewrite`, and the `$1` of redirects: every placeholder has a star to stand for.

use super::Check;
use crate::config::raw::{Rewrite, Route};
use crate::config::read::Located;
use crate::config::words::location::highest_capture;

impl Check<'_> {
    pub(super) fn rewrite_and_captures(&mut self, route: &Located<Route>) {
        if let Some(redirect) = &route.redirect {
            let stars = route.path.iter().map(|path| path.stars()).min().unwrap_or(0);
            self.captures(redirect.to.highest_capture(), stars, &redirect.span, "the route's `path`");
        }
        if let Some(rewrite) = &route.rewrite {
            self.rewrite(rewrite);
        }
    }

    fn rewrite(&mut self, rewrite: &Located<Rewrite>) {
        let pair = rewrite.from.is_some() || rewrite.to.is_some();
        let ways =
            usize::from(pair) + usize::from(rewrite.strip_prefix.is_some()) + usize::from(rewrite.add_prefix.is_some());
        if ways != 1 {
            let message = format!("a rewrite goes one way, and this has {ways}");
            self.found.error(
                rewrite.span.clone(),
                message,
                "expected `strip_prefix`, `add_prefix`, or `from` and `to`",
            );
        }
        for prefix in rewrite.strip_prefix.iter().chain(&rewrite.add_prefix) {
            if !prefix.starts_with('/') || prefix.ends_with('/') {
                let good = format!("/{}", prefix.trim_matches('/'));
                let message = format!("`{}` is not a prefix of paths", prefix.value);
                self.found.error(prefix.span.clone(), message, format!("write \"{good}\""));
            }
        }
        match (&rewrite.from, &rewrite.to) {
            (Some(from), Some(to)) => {
                if !to.starts_with('/') {
                    let message = format!("`{}` is not a path", to.value);
                    self.found.error(to.span.clone(), message, format!("write \"/{}\"", to.value));
                }
                self.captures(highest_capture(to), from.stars(), &to.span, "`from`");
            }
            (Some(one), None) => self.found.error(one.span.clone(), "a `from` without a `to`", "add the new path"),
            (None, Some(one)) => self.found.error(one.span.clone(), "a `to` without a `from`", "add the old path"),
            (None, None) => {}
        }
    }

    fn captures(&mut self, highest: usize, stars: usize, span: &std::ops::Range<usize>, pattern: &str) {
        if highest > stars {
            let message = format!("`${highest}` stands for nothing: {pattern} has {stars} stars");
            self.found.error(span.clone(), message, "expected a star in the pattern for each $");
        }
    }
}
