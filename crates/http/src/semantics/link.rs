//! Link fields (RFC 8288), so that what a page preloads can go out early (103, RFC 8297) or be pushed. Called by
//! `proxy` and `files`; hands on to nothing.

use std::borrow::Cow;

use super::field_name::FieldName;
use super::fields::Fields;
use super::limits::LINKS_MAX;
use super::media_type::unquote;

/// One link: `</style.css>; rel=preload; as=style`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link<'a> {
    /// What stands between `<` and `>`: a URI reference.
    pub target: &'a str,
    /// Parameters in order; a value may be missing.
    pub parameters: Vec<(&'a str, Option<Cow<'a, str>>)>,
}

impl Link<'_> {
    /// The value of the first parameter of that name (RFC 8288 §3: names are case-insensitive, and of several `rel` only
    /// the first counts).
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let (_, value) = self.parameters.iter().find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        Some(value.as_deref().unwrap_or_default())
    }

    /// Whether `rel` has this relation among its blank-separated ones.
    pub fn has_relation(&self, relation: &str) -> bool {
        self.parameter("rel")
            .is_some_and(|rel| rel.split_ascii_whitespace().any(|one| one.eq_ignore_ascii_case(relation)))
    }

    /// Whether it asks for a fetch ahead of use: `rel=preload` without `nopush`, or `modulepreload`.
    pub fn is_preload(&self) -> bool {
        self.has_relation("preload") || self.has_relation("modulepreload")
    }

    /// Whether it forbids a server push (W3C Preload).
    pub fn forbids_push(&self) -> bool {
        self.parameter("nopush").is_some()
    }
}

/// All links of a field section, in order. A line is read up to its first mistake.
pub fn links(fields: &Fields) -> Vec<Link<'_>> {
    let mut found = Vec::new();
    for line in fields.get_all(FieldName::Link) {
        let Ok(mut rest) = str::from_utf8(line) else { continue };
        while found.len() < LINKS_MAX {
            let Some((link, after)) = parse_link(rest) else { break };
            found.push(link);
            rest = after;
        }
    }
    found
}

fn parse_link(text: &str) -> Option<(Link<'_>, &str)> {
    let text = text.trim_start_matches([' ', '\t', ',']).strip_prefix('<')?;
    let (target, mut rest) = text.split_once('>')?;
    let mut parameters = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        match rest.strip_prefix(';') {
            Some(after) => {
                let (parameter, after) = parse_parameter(after.trim_ascii_start())?;
                parameters.extend(parameter);
                rest = after;
            }
            None if rest.is_empty() || rest.starts_with(',') => return Some((Link { target, parameters }, rest)),
            None => return None,
        }
    }
}

type Parameter<'a> = (&'a str, Option<Cow<'a, str>>);

/// `name`, `name=value`, `name="value"`, or nothing at all between two semicolons.
fn parse_parameter(text: &str) -> Option<(Option<Parameter<'_>>, &str)> {
    let end = text.find(['=', ';', ',']).unwrap_or(text.len());
    let name = text[..end].trim_ascii();
    let Some(after) = text[end..].strip_prefix('=') else {
        return Some(((!name.is_empty()).then_some((name, None)), &text[end..]));
    };
    let after = after.trim_ascii_start();
    let (value, rest) = match after.strip_prefix('"') {
        Some(quoted) => unquote(quoted)?,
        None => {
            let end = after.find([';', ',']).unwrap_or(after.len());
            (Cow::Borrowed(after[..end].trim_ascii()), &after[end..])
        }
    };
    Some((Some((name, Some(value))), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_quoted_bare_and_broken() {
        let mut fields = Fields::new();
        fields
            .append(FieldName::Link, "</a,b;c.css>; rel=preload; as=style , </x.js>;rel=\"modulepreload next\";nopush");
        fields.append(FieldName::Link, "<https://e.example/>; rel=\"preconnect\"; title=\"a \\\"q\\\", b\";;, </y>");
        fields.append(FieldName::Link, "</ok>; rel=preload, rubbish, </lost>; rel=preload");
        let links = links(&fields);
        let targets: Vec<_> = links.iter().map(|link| link.target).collect();
        assert_eq!(targets, ["/a,b;c.css", "/x.js", "https://e.example/", "/y", "/ok"]);
        assert_eq!(links.iter().map(Link::is_preload).collect::<Vec<_>>(), [true, true, false, false, true]);
        assert!(links[1].forbids_push() && !links[0].forbids_push());
        assert_eq!(links[0].parameter("AS"), Some("style"));
        assert_eq!(links[2].parameter("title"), Some("a \"q\", b"));
        assert!(links[1].has_relation("next"));
    }

    #[test]
    fn what_does_not_end_is_no_link() {
        for broken in ["<", "</a", "</a>; rel=\"x", "</a> rel=preload", "/a; rel=preload"] {
            let mut fields = Fields::new();
            fields.append(FieldName::Link, broken);
            assert_eq!(links(&fields), [], "{broken}");
        }
        let mut fields = Fields::new();
        fields.append(FieldName::Link, "</a>;rel=preload,".repeat(1000));
        assert_eq!(links(&fields).len(), LINKS_MAX);
    }
}
