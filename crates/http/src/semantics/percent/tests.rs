//! Paths as browsers and attackers write them.

use super::*;

#[test]
fn one_path_has_one_form() {
    for (raw, text, segments, slash) in [
        ("/", "/", &[][..], true),
        ("/a", "/a", &["a"], false),
        ("/a/", "/a/", &["a"], true),
        ("/a/b.html", "/a/b.html", &["a", "b.html"], false),
        ("//a///b//", "/a/b/", &["a", "b"], true),
        ("/a/./b/.", "/a/b/", &["a", "b"], true),
        ("/a/../b", "/b", &["b"], false),
        ("/a/b/..", "/a/", &["a"], true),
        ("/a/..", "/", &[], true),
        ("/%61%2D%7e", "/a-~", &["a-~"], false),
        ("/a%20b", "/a%20b", &["a b"], false),
        ("/%e4%bd%a0", "/%E4%BD%A0", &["\u{4f60}"], false),
        ("/a\"<b>|", "/a%22%3Cb%3E%7C", &["a\"<b>|"], false),
        ("/a;b=c,d@e:f", "/a;b=c,d@e:f", &["a;b=c,d@e:f"], false),
        ("/a%3Bb", "/a%3Bb", &["a;b"], false),
        ("/Inc.", "/Inc.", &["Inc."], false),
        ("/.well-known/x", "/.well-known/x", &[".well-known", "x"], false),
        ("/..a/b..", "/..a/b..", &["..a", "b.."], false),
    ] {
        let path = NormalPath::parse(raw).unwrap_or_else(|error| panic!("{raw}: {error}"));
        assert_eq!(path.as_str(), text, "{raw}");
        let found: Vec<_> = path.segments().map(|segment| String::from_utf8_lossy(segment).into_owned()).collect();
        assert_eq!(found, segments, "{raw}");
        assert_eq!(path.decoded(), segments.join("/").as_bytes(), "{raw}");
        assert_eq!(path.has_trailing_slash(), slash, "{raw}");
        assert_eq!(NormalPath::parse(text).unwrap().as_str(), text, "the form of the form is itself");
    }
}

#[test]
fn hostile_078_ways_out_of_the_root() {
    use InvalidPath::{AboveRoot, BrokenEscape, ControlByte, DisguisedDots, NotAbsolute, TooLong};
    for (raw, expected) in [
        ("/..", AboveRoot),
        ("/../etc/passwd", AboveRoot),
        ("/a/../../etc/passwd", AboveRoot),
        ("/%2e%2e/etc/passwd", AboveRoot),
        ("/.%2E/etc/passwd", AboveRoot),
        ("/a/%2e%2e/%2e%2e/b", AboveRoot),
        ("//..//etc", AboveRoot),
        ("/a/..%5c..%5cboot.ini", DisguisedDots),
        ("/a/..\\..\\boot.ini", DisguisedDots),
        ("/a\\..\\b", DisguisedDots),
        ("/a/..%2f..%2fetc", DisguisedDots),
        ("/a%2f..%2f..%2fetc", DisguisedDots),
        ("/a/..;/manager/html", DisguisedDots),
        ("/a/..;x=1/manager/html", DisguisedDots),
        ("/a/%2e%2e%3b/manager", DisguisedDots),
        ("/a/.;/b", DisguisedDots),
        ("/a/..%20/b", DisguisedDots),
        ("/a/.%20./b", DisguisedDots),
        ("/a/.../b", DisguisedDots),
        ("/a%00.html", ControlByte),
        ("/%00", ControlByte),
        ("/a%0d%0aSet-Cookie:x", ControlByte),
        ("/a%7f", ControlByte),
        ("/a%", BrokenEscape),
        ("/a%2", BrokenEscape),
        ("/a%zz", BrokenEscape),
        ("/%u002e%u002e/", BrokenEscape),
        ("/%+1", BrokenEscape),
        ("", NotAbsolute),
        ("a/b", NotAbsolute),
        ("*", NotAbsolute),
        ("\\\\server\\share", NotAbsolute),
    ] {
        assert_eq!(NormalPath::parse(raw).unwrap_err(), expected, "{raw}");
    }
    assert_eq!(NormalPath::parse(&"/a".repeat(PATH_SEGMENTS_MAX + 1)).unwrap_err(), TooLong);
    assert_eq!(NormalPath::parse(&format!("/{}", "a".repeat(PATH_BYTES_MAX))).unwrap_err(), TooLong);
}

#[test]
fn hostile_078_nothing_is_decoded_twice() {
    for (raw, segment) in [("/%252e%252e", "%2e%2e"), ("/%252f", "%2f"), ("/%2500", "%00"), ("/%25", "%")] {
        let path = NormalPath::parse(raw).unwrap();
        assert_eq!(path.name(), Some(segment.as_bytes()), "{raw}");
        assert_eq!(path.as_str(), raw, "{raw}");
    }
}

#[test]
fn hostile_078_what_is_no_plain_file_name_is_told() {
    for (raw, plain, hidden, slash) in [
        ("/a/b", true, false, false),
        ("/a%2fb", false, false, true),
        ("/a%2fb/../c", true, false, false),
        ("/a%5cb", false, false, false),
        ("/a.php.", false, false, false),
        ("/a.php%20", false, false, false),
        ("/12:30.txt", true, false, false),
        ("/%20a", true, false, false),
        ("/.git/config", true, true, false),
        ("/a/%2ehtaccess", true, true, false),
    ] {
        let path = NormalPath::parse(raw).unwrap();
        assert_eq!((path.is_plain(), path.is_hidden(), path.has_encoded_slash()), (plain, hidden, slash), "{raw}");
    }
}

#[test]
fn random_paths_never_leave_and_are_stable() {
    use edgeway_base::{Entropy, SeededEntropy};
    let pieces = ["/", "..", ".", "%2e", "%2E", "%2f", "%5c", "\\", ";", "a", "%25", "%20", " ", "~", "%c3%a9", "b.c"];
    let mut chance = SeededEntropy::new(78);
    for _ in 0..20_000 {
        let length = chance.below(12);
        let raw: String = (0..length).map(|_| pieces[chance.below(pieces.len() as u32) as usize]).collect();
        let Ok(path) = NormalPath::parse(&format!("/{raw}")) else { continue };
        assert!(path.segments().all(|segment| !matches!(segment, b"" | b"." | b"..")), "{raw}");
        let again = NormalPath::parse(path.as_str()).unwrap_or_else(|error| panic!("{raw} -> {path}: {error}"));
        assert_eq!((again.as_str(), again.decoded()), (path.as_str(), path.decoded()), "{raw}");
    }
}

#[test]
fn the_short_way_is_the_long_way() {
    use edgeway_base::{Entropy, SeededEntropy};
    let pieces = ["/", "a", "b.c", ".", "~x", ";p=1", "@", "-", "..", ":"];
    let mut chance = SeededEntropy::new(79);
    for _ in 0..20_000 {
        let length = chance.below(10);
        let raw: String = (0..length).map(|_| pieces[chance.below(pieces.len() as u32) as usize]).collect();
        let mut long = NormalPath::default();
        long.clear();
        let resolved = long.resolve(&raw);
        match NormalPath::parse(&format!("/{raw}")) {
            Ok(path) => {
                assert_eq!(resolved, Ok(()), "{raw}");
                assert_eq!(
                    format!("{:?} {:?}", path.segments, path.decoded),
                    format!("{:?} {:?}", long.segments, long.decoded)
                );
                assert_eq!((path.as_str(), path.trailing_slash), (long.as_str(), long.trailing_slash), "{raw}");
            }
            Err(error) => assert_eq!(resolved, Err(error), "{raw}"),
        }
    }
}

#[test]
fn segments_and_queries_go_both_ways() {
    assert_eq!(encode_segment("a b/%?#\u{e9}".as_bytes()), "a%20b%2F%25%3F%23%C3%A9");
    assert_eq!(decode(b"a%20b%2F"), Some(b"a b/".to_vec()));
    assert_eq!(decode(b"100%"), None);
}
