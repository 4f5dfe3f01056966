//! Which route takes a request: patterns of paths, methods and fields. Built by the configuration, walked by the chain, first match
//! wins: the order in the file is the order of the questions.

use edgeway_http::semantics::{Method, RequestHead};

/// A pattern for paths. `*` stands for any text without a slash, `**` for any text; a pattern that ends in `/*` takes
/// everything below. Compared with the normal form of the path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathPattern {
    text: String,
    shape: Shape,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Shape {
    /// `/*` and `*`.
    Everything,
    /// `/a/b`: this path and no other.
    Exact,
    /// `/a/*`: the length up to and with the last slash.
    Below(usize),
    /// Anything else with a star.
    Glob,
}

impl PathPattern {
    /// Reads a pattern; the error is a sentence for the operator.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') && !text.starts_with('*') {
            return Err(format!("a path pattern begins with \"/\" or \"*\": write \"/{text}\""));
        }
        if text.contains("***") {
            return Err(format!("\"{text}\" has three stars in a row; \"**\" already takes everything"));
        }
        let shape = match text.find('*') {
            _ if matches!(text, "*" | "/*" | "**" | "/**") => Shape::Everything,
            None => Shape::Exact,
            Some(star) if star + 1 == text.len() && text.ends_with("/*") => Shape::Below(star),
            Some(star) if star + 2 == text.len() && text.ends_with("/**") => Shape::Below(star),
            Some(_) => Shape::Glob,
        };
        Ok(Self { text: text.to_owned(), shape })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether `path` matches.
    pub fn matches(&self, path: &str) -> bool {
        match self.shape {
            Shape::Everything => true,
            Shape::Exact => self.text == path,
            Shape::Below(length) => path.as_bytes().starts_with(&self.text.as_bytes()[..length]),
            Shape::Glob => glob(self.text.as_bytes(), path.as_bytes()),
        }
    }

    /// What the last star stands for in a matching path: the rest below a prefix.
    pub fn rest<'a>(&self, path: &'a str) -> &'a str {
        match self.shape {
            Shape::Everything => path.strip_prefix('/').unwrap_or(path),
            Shape::Below(length) => &path[length..],
            Shape::Exact | Shape::Glob => "",
        }
    }

    /// Whether every path that `other` takes is taken by this one: then a route after it can never be reached.
    pub fn covers(&self, other: &Self) -> bool {
        match (&self.shape, &other.shape) {
            (Shape::Everything, _) => true,
            (Shape::Below(length), Shape::Below(_) | Shape::Exact | Shape::Glob) => {
                let fixed = other.text.find('*').unwrap_or(other.text.len());
                other.text[..fixed].starts_with(&self.text[..*length])
            }
            _ => self == other,
        }
    }
}

/// Matches without recursion: on a mismatch only the last star can take one byte more, so the work is bounded by the
/// product of the lengths, and a pattern cannot be made to explode.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut here) = (0, 0);
    // Where to go back to: the pattern after the last star of each kind, and the text it took up to.
    let mut single: Option<(usize, usize)> = None;
    let mut double: Option<(usize, usize)> = None;
    loop {
        if pattern[at..].starts_with(b"**") {
            at += 2;
            (double, single) = (Some((at, here)), None);
        } else if pattern.get(at) == Some(&b'*') {
            at += 1;
            single = Some((at, here));
        } else if at == pattern.len() && here == text.len() {
            return true;
        } else if at < pattern.len() && here < text.len() && pattern[at] == text[here] {
            at += 1;
            here += 1;
        } else if let Some((after, taken)) = single.filter(|(_, taken)| *taken < text.len() && text[*taken] != b'/') {
            (at, here, single) = (after, taken + 1, Some((after, taken + 1)));
        } else if let Some((after, taken)) = double.filter(|(_, taken)| *taken < text.len()) {
            (at, here, double, single) = (after, taken + 1, Some((after, taken + 1)), None);
        } else {
            return false;
        }
    }
}

/// A condition on a field: present, or with this value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldCondition {
    /// The field's name, in any case.
    pub name: String,
    /// Its value; `None` when any will do. A star at either end stands for any text.
    pub value: Option<String>,
}

impl FieldCondition {
    fn matches(&self, head: &RequestHead) -> bool {
        let Some(wanted) = &self.value else { return head.fields.get_named(&self.name).is_some() };
        head.fields.get_all_named(&self.name).any(|value| {
            let (front, back) = (wanted.starts_with('*'), wanted.len() > 1 && wanted.ends_with('*'));
            let core = wanted.trim_matches('*').as_bytes();
            match (front, back) {
                (true, true) => memchr::memmem::find(value, core).is_some(),
                (true, false) => value.ends_with(core),
                (false, true) => value.starts_with(core),
                (false, false) => value == core,
            }
        })
    }
}

/// All conditions of a route; an empty list asks nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Matcher {
    /// One of these paths.
    pub paths: Vec<PathPattern>,
    /// One of these methods.
    pub methods: Vec<Method>,
    /// Each of these fields.
    pub fields: Vec<FieldCondition>,
}

impl Matcher {
    /// Whether the route takes the request, method aside.
    pub fn matches_path(&self, path: &str) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|pattern| pattern.matches(path))
    }

    /// Whether the route takes the method. Who takes GET takes HEAD (RFC 9110 §9.3.2).
    pub fn matches_method(&self, method: Method) -> bool {
        self.methods.is_empty()
            || self.methods.contains(&method)
            || (method == Method::Head && self.methods.contains(&Method::Get))
    }

    /// Whether all field conditions hold.
    pub fn matches_fields(&self, head: &RequestHead) -> bool {
        self.fields.iter().all(|condition| condition.matches(head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_what_they_say() {
        for (pattern, path, expected) in [
            ("/*", "/", true),
            ("*", "/a/b", true),
            ("/api/*", "/api/", true),
            ("/api/*", "/api/v1/x", true),
            ("/api/*", "/api", false),
            ("/api/*", "/apiary", false),
            ("/a", "/a", true),
            ("/a", "/a/", false),
            ("*.php", "/x.php", false),
            ("**.php", "/a/x.php", true),
            ("/*.php", "/x.php", true),
            ("/*.php", "/a/x.php", false),
            ("/u/*/photo", "/u/ann/photo", true),
            ("/u/*/photo", "/u/ann/b/photo", false),
            ("/u/**/photo", "/u/ann/b/photo", true),
            ("/**/a*b", "/x/y/aXb", true),
            ("/**/a*b", "/x/y/a/b", false),
        ] {
            assert_eq!(PathPattern::parse(pattern).unwrap().matches(path), expected, "{pattern} {path}");
        }
        assert!(PathPattern::parse("api/*").is_err());
    }

    #[test]
    fn a_star_bomb_ends_in_time() {
        let pattern = PathPattern::parse(&format!("/{}z", "*a".repeat(200))).unwrap();
        assert!(!pattern.matches(&format!("/{}", "a".repeat(4_000))));
    }

    #[test]
    fn shadowed_routes_are_found() {
        let pattern = |text| PathPattern::parse(text).unwrap();
        assert!(pattern("/*").covers(&pattern("/a")));
        assert!(pattern("/a/*").covers(&pattern("/a/b/*")));
        assert!(!pattern("/a/*").covers(&pattern("/a")));
        assert!(!pattern("/a").covers(&pattern("/*")));
    }

    #[test]
    fn fields_and_methods_are_asked() {
        let mut head = RequestHead::default();
        head.fields.append_named("X-Beta", "yes-please");
        let condition = |value: Option<&str>| FieldCondition { name: "x-beta".into(), value: value.map(str::to_owned) };
        for (value, expected) in
            [(None, true), (Some("yes*"), true), (Some("*ease"), true), (Some("*s-p*"), true), (Some("yes"), false)]
        {
            assert_eq!(condition(value).matches(&head), expected, "{value:?}");
        }
        let matcher = Matcher { methods: vec![Method::Get], ..Matcher::default() };
        assert!(matcher.matches_method(Method::Head) && !matcher.matches_method(Method::Post));
    }
}
