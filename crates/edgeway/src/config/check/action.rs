//! Each route does exactly one thing, and each of its keys belongs to that thing.

use std::ops::Range;

use super::Check;
use crate::config::raw::Route;
use crate::config::read::Located;

/// What a route does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Action {
    Files,
    Store,
    Proxy,
    Redirect,
    Dns,
    Respond,
    Issue,
}

impl Action {
    const fn word(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Store => "store",
            Self::Proxy => "proxy",
            Self::Redirect => "redirect",
            Self::Dns => "dns",
            Self::Respond => "respond",
            Self::Issue => "issue",
        }
    }
}

impl Check<'_> {
    pub(super) fn one_action(&mut self, route: &Located<Route>) {
        let actions = actions(route);
        if actions.is_empty() && !self.has_gaps {
            let message = "this route does nothing";
            self.found.error(
                route.span.clone(),
                message,
                "expected `files`, `store`, `proxy`, `redirect`, `dns`, `respond` or `issue`",
            );
        }
        for (second, span) in actions.iter().skip(1) {
            let first = actions[0].0.word();
            self.found.error(
                span.clone(),
                format!("a route does one thing: `{first}` or `{}`", second.word()),
                "move one of them to a route of its own",
            );
        }
    }

    pub(super) fn keys_belong(&mut self, route: &Located<Route>) {
        use Action::{Files, Proxy, Respond, Store};
        let [(action, _)] = actions(route)[..] else { return };
        let files = &[Files, Store][..];
        let only_files = &[Files][..];
        let store = &[Store][..];
        let passing = &[Files, Store, Proxy, Respond][..];
        for (key, span, owners) in [
            ("listing", span(route.listing.as_ref()), files),
            ("index", route.index.first().map(|index| index.span.clone()), only_files),
            ("fallback", span(route.fallback.as_ref()), only_files),
            ("symlinks", span(route.symlinks.as_ref()), only_files),
            ("hidden", span(route.hidden.as_ref()), only_files),
            ("open", span(route.open.as_ref()), store),
            ("quota", span(route.quota.as_ref()), store),
            ("request_headers", span(route.request_headers.as_ref()), &[Proxy][..]),
            ("rewrite", span(route.rewrite.as_ref()), &[Files, Store, Proxy][..]),
            ("limit_body", span(route.limit_body.as_ref()), &[Store, Proxy][..]),
            ("compress", span(route.compress.as_ref()), passing),
            ("cache_control", span(route.cache_control.as_ref()), files),
        ] {
            let Some(span) = span.filter(|_| !owners.contains(&action)) else { continue };
            let owners: Vec<_> = owners.iter().map(|owner| format!("`{}`", owner.word())).collect();
            self.found.error(
                span,
                format!("`{key}` means nothing beside `{}`", action.word()),
                format!("it belongs to {}", owners.join(" and ")),
            );
        }
    }
}

fn actions(route: &Route) -> Vec<(Action, Range<usize>)> {
    [
        (Action::Files, span(route.files.as_ref())),
        (Action::Store, span(route.store.as_ref())),
        (Action::Proxy, span(route.proxy.as_ref())),
        (Action::Redirect, span(route.redirect.as_ref())),
        (Action::Dns, span(route.dns.as_ref().filter(|dns| dns.value))),
        (Action::Respond, span(route.respond.as_ref())),
        (Action::Issue, span(route.issue.as_ref())),
    ]
    .into_iter()
    .filter_map(|(action, span)| Some((action, span?)))
    .collect()
}

fn span<T>(value: Option<&Located<T>>) -> Option<Range<usize>> {
    value.map(|value| value.span.clone())
}
