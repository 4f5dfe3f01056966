//! Tables of patterns, paths and what the stars stand for.

use super::*;

fn pattern(text: &str) -> PathPattern {
    text.parse().unwrap_or_else(|cause| panic!("{text}: {cause}"))
}

#[test]
fn paths_and_captures() {
    for (written, path, captures) in [
        ("/", "/", Some(vec![])),
        ("/", "/a", None),
        ("/about", "/about", Some(vec![])),
        ("/about", "/about/", None),
        ("/*", "/", Some(vec![""])),
        ("/*", "/a/b", Some(vec!["a/b"])),
        ("/api/*", "/api", Some(vec![""])),
        ("/api/*", "/api/", Some(vec![""])),
        ("/api/*", "/api/v1/x", Some(vec!["v1/x"])),
        ("/api/*", "/apis", None),
        ("/img/*.png", "/img/a.png", Some(vec!["a"])),
        ("/img/*.png", "/img/a/b.png", None),
        ("/users/*/photos/*", "/users/7/photos/a/b", Some(vec!["7", "a/b"])),
        ("/users/*/photos/*", "/users/7/8/photos/a", None),
        ("/**/feed.xml", "/feed.xml", Some(vec![""])),
        ("/**/feed.xml", "/a/b/feed.xml", Some(vec!["a/b"])),
        ("/**/a/**/b", "/x/a/y/z/b", Some(vec!["x", "y/z"])),
        ("/**/a/**/b", "/x/a/y/a/z", None),
        ("/docs/", "/docs/", Some(vec![])),
        ("/docs/", "/docs", None),
    ] {
        assert_eq!(pattern(written).captures(path), captures, "{written} {path}");
        if let Some(captures) = captures {
            assert_eq!(pattern(written).stars(), captures.len(), "{written}");
        }
    }
}

#[test]
fn deep_patterns_stay_cheap() {
    let stars = pattern(&"/**/a".repeat(8));
    assert!(!stars.matches(&"/a/b".repeat(5_000)));
}

#[test]
fn printed_as_written() {
    for text in ["/", "/about", "/api/*", "/**/feed.xml", "/docs/", "/a*b/c"] {
        assert_eq!(pattern(text).to_string(), text);
    }
}

#[test]
fn what_covers_what() {
    for (wide, narrow, covers) in [
        ("/*", "/api/*", true),
        ("/*", "/about", true),
        ("/api/*", "/api", true),
        ("/api/*", "/api/v1/*", true),
        ("/api/*", "/apis/*", false),
        ("/api/*", "/*", false),
        ("/img/*.png", "/img/a.png", true),
        ("/img/*.png", "/img/*.png", true),
        ("/img/*", "/img/*.png", true),
        ("/**/b", "/a/*", false),
    ] {
        assert_eq!(pattern(wide).covers(&pattern(narrow)), covers, "{wide} {narrow}");
    }
}

#[test]
fn mistakes_say_what_to_write() {
    for (wrong, cause) in [
        ("api/*", "write \"/api/*\""),
        ("/a?b=1", "the path alone"),
        ("/a//b", "empty part"),
        ("/a/../b", "are resolved"),
        ("/a**", "stands alone"),
    ] {
        let said = wrong.parse::<PathPattern>().unwrap_err();
        assert!(said.contains(cause), "{wrong}: {said}");
    }
}
