//! The files stage as a client sees it.

use std::fs;
use std::time::{Duration, SystemTime};

use super::scratch::Scratch;
use super::*;
use crate::stages::scene::{Scene, Seen};

const PAGE: &str = "<h1>home</h1>";

/// A small site: pages, a folder, a big file, precompressed and hidden ones.
fn site(name: &str) -> Scratch {
    let place = Scratch::new(name);
    let root = place.path();
    for folder in ["docs", "empty", ".well-known", ".git", "a b"] {
        fs::create_dir(root.join(folder)).unwrap();
    }
    let big: Vec<u8> = (0..600_000_u32).map(|number| (number % 251) as u8).collect();
    let files: [(&str, &[u8]); 11] = [
        ("index.html", PAGE.as_bytes()),
        ("docs/index.html", b"docs"),
        ("app.js", b"console.log(1)"),
        ("app.js.br", b"brotli"),
        ("app.js.gz", b"gzip"),
        ("digits.txt", b"0123456789"),
        ("big.bin", &big),
        ("404.html", b"own not found"),
        (".well-known/security.txt", b"contact"),
        (".git/config", b"secret"),
        ("a b/c d.txt", b"blank"),
    ];
    for (path, content) in files {
        fs::write(root.join(path), content).unwrap();
    }
    place
}

fn files(place: &Scratch, change: impl FnOnce(&mut Settings)) -> Files {
    let mut settings = Settings::new(place.path());
    change(&mut settings);
    Files::new(Shared::open(settings).unwrap())
}

fn get(end: &Files, path: &str, fields: &[(&str, &str)]) -> Seen {
    Scene::new().ask(end, &format!("GET {path}"), fields)
}

#[test]
fn paths_lead_to_files_folders_or_nothing() {
    let place = site("files-paths");
    let end = files(&place, |_| {});
    for (path, status, content_type, body) in [
        ("/", 200, "text/html; charset=utf-8", PAGE),
        ("/index.html", 200, "text/html; charset=utf-8", PAGE),
        ("/docs/", 200, "text/html; charset=utf-8", "docs"),
        ("/digits.txt?x=y", 200, "text/plain; charset=utf-8", "0123456789"),
        ("/a%20b/c%20d.txt", 200, "text/plain; charset=utf-8", "blank"),
        ("//docs/../digits.txt", 200, "text/plain; charset=utf-8", "0123456789"),
        ("/.well-known/security.txt", 200, "text/plain; charset=utf-8", "contact"),
    ] {
        let seen = get(&end, path, &[]);
        assert_eq!(
            (seen.status, seen.field(FieldName::ContentType), seen.text().as_str()),
            (status, content_type, body),
            "{path}"
        );
        assert_eq!(seen.field(FieldName::AcceptRanges), "bytes");
        assert!(seen.field(FieldName::Etag).starts_with('"') && !seen.field(FieldName::LastModified).is_empty());
    }
    for path in ["/missing", "/empty/", "/digits.txt/", "/index.html/x", "/docs/.well-known/x"] {
        assert_eq!(get(&end, path, &[]).status, 404, "{path}");
    }
}

#[test]
fn hostile_078_hidden_and_disguised_names_are_not_there() {
    let place = site("files-hidden");
    std::os::unix::fs::symlink("digits.txt", place.path().join("link.txt")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", place.path().join("passwd.txt")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, place.path().join("pipe"), rustix::fs::Mode::RUSR).unwrap();
    let end = files(&place, |_| {});
    for path in [
        "/.git/config",
        "/.git/",
        "/%2egit/config",
        "/docs%2findex.html",
        "/docs%5cindex.html",
        "/digits.txt.",
        "/digits.txt%20",
        "/digits.txt::$DATA",
        "/link.txt",
        "/passwd.txt",
        "/pipe",
        "/%252e%252e/x",
    ] {
        assert_eq!(get(&end, path, &[]).status, 404, "{path}");
    }
    let lenient = files(&place, |settings| (settings.hidden, settings.follow_links) = (true, true));
    for (path, status) in [("/.git/config", 200), ("/link.txt", 200), ("/passwd.txt", 404), ("/pipe", 404)] {
        assert_eq!(get(&lenient, path, &[]).status, status, "{path}");
    }
}

#[test]
fn a_folder_without_its_slash_is_sent_there_with_its_query() {
    let place = site("files-slash");
    let end = files(&place, |_| {});
    for (path, location) in [("/docs", "./docs/"), ("/docs?a=b", "./docs/?a=b"), ("/a%20b", "./a%20b/")] {
        let seen = get(&end, path, &[]);
        assert_eq!((seen.status, seen.field(FieldName::Location)), (308, location), "{path}");
    }
}

#[test]
fn other_methods_are_told_what_there_is() {
    let place = site("files-methods");
    let end = files(&place, |_| {});
    let scene = Scene::new();
    for (method, status) in [("POST", 405), ("PUT", 405), ("DELETE", 405), ("OPTIONS", 204)] {
        let seen = scene.ask(&end, &format!("{method} /digits.txt"), &[]);
        assert_eq!((seen.status, seen.field(FieldName::Allow)), (status, "GET, HEAD, OPTIONS"), "{method}");
    }
    // RFC 9110 §15.6.2: a method that nothing here knows is not merely wrong for this resource.
    assert_eq!(scene.ask(&end, "PROPFIND /digits.txt", &[]).status, 501);
    let head = scene.ask(&end, "HEAD /digits.txt", &[("Range", "bytes=0-0")]);
    assert_eq!(
        (head.status, head.length),
        (200, edgeway_http::semantics::BodyLength::Known(10)),
        "Range is for GET only"
    );
}

#[test]
fn conditions_and_ranges() {
    let place = site("files-conditions");
    let end = files(&place, |settings| settings.cache_control = Some("max-age=60".to_owned()));
    let first = get(&end, "/digits.txt", &[]);
    let (tag, date) = (first.field(FieldName::Etag).to_owned(), first.field(FieldName::LastModified).to_owned());
    let weak = format!("W/{tag}");
    type Row<'a> = (&'a [(&'a str, &'a str)], u16, &'a str);
    let rows: [Row<'_>; 14] = [
        (&[("If-None-Match", &tag)], 304, ""),
        (&[("If-None-Match", &weak)], 304, ""),
        (&[("If-None-Match", "\"other\"")], 200, "0123456789"),
        (&[("If-Modified-Since", &date)], 304, ""),
        (&[("If-Match", "\"other\"")], 412, "*"),
        (&[("If-Match", &tag)], 200, "0123456789"),
        (&[("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")], 412, "*"),
        (&[("Range", "bytes=2-4")], 206, "234"),
        (&[("Range", "bytes=-3")], 206, "789"),
        (&[("Range", "bytes=2-4"), ("If-Range", &tag)], 206, "234"),
        (&[("Range", "bytes=2-4"), ("If-Range", &weak)], 200, "0123456789"),
        (&[("Range", "bytes=2-4"), ("If-Range", &date)], 206, "234"),
        (&[("Range", "bytes=10-")], 416, ""),
        (&[("Range", "bytes=2-4"), ("If-None-Match", &tag)], 304, ""),
    ];
    for (fields, status, body) in rows {
        let seen = get(&end, "/digits.txt", fields);
        assert_eq!(seen.status, status, "{fields:?}");
        assert!(body == "*" || seen.text() == body, "{fields:?}: {}", seen.text());
        if matches!(status, 200 | 206 | 304) {
            assert_eq!(
                (seen.field(FieldName::Etag), seen.field(FieldName::CacheControl)),
                (tag.as_str(), "max-age=60")
            );
        }
    }
    assert_eq!(get(&end, "/digits.txt", &[("Range", "bytes=2-4")]).field(FieldName::ContentRange), "bytes 2-4/10");
    assert_eq!(get(&end, "/digits.txt", &[("Range", "bytes=99-")]).field(FieldName::ContentRange), "bytes */10");
}

#[test]
fn several_ranges_of_small_and_big_files() {
    let place = site("files-multipart");
    let end = files(&place, |_| {});
    for path in ["/index.html", "/big.bin"] {
        let seen = get(&end, path, &[("Range", "bytes=0-0,-1")]);
        assert_eq!(seen.status, 206, "{path}");
        assert!(seen.field(FieldName::ContentType).starts_with("multipart/byteranges; boundary="), "{path}");
        assert_eq!(seen.length, edgeway_http::semantics::BodyLength::Known(seen.body.len() as u64));
    }
    let many = (0..17).map(|part| format!("{}-{}", part * 1000, part * 1000)).collect::<Vec<_>>().join(",");
    let seen = get(&end, "/big.bin", &[("Range", &format!("bytes={many}"))]);
    assert_eq!((seen.status, seen.body.len()), (200, 600_000), "too many ranges are ignored");
}

#[test]
fn precompressed_forms_are_negotiated() {
    let place = site("files-precompressed");
    let end = files(&place, |_| {});
    let plain = get(&end, "/app.js", &[]);
    for (accept, coding, body) in [
        ("gzip, br", "br", "brotli"),
        ("gzip", "gzip", "gzip"),
        ("br;q=0.1, gzip", "gzip", "gzip"),
        ("zstd", "", "console.log(1)"),
    ] {
        let seen = get(&end, "/app.js", &[("Accept-Encoding", accept)]);
        assert_eq!(
            (seen.status, seen.field(FieldName::ContentEncoding), seen.text().as_str()),
            (200, coding, body),
            "{accept}"
        );
        assert_eq!(seen.field(FieldName::Vary), "Accept-Encoding");
        assert_eq!(seen.field(FieldName::ContentType), "text/javascript; charset=utf-8");
        assert_eq!(
            seen.field(FieldName::Etag) == plain.field(FieldName::Etag),
            coding.is_empty(),
            "each form has its own tag"
        );
        let again =
            get(&end, "/app.js", &[("Accept-Encoding", accept), ("If-None-Match", seen.field(FieldName::Etag))]);
        assert_eq!((again.status, again.field(FieldName::Vary)), (304, "Accept-Encoding"));
    }
    assert_eq!(get(&end, "/app.js", &[("Accept-Encoding", "identity;q=0, zstd")]).status, 406);
    assert_eq!(get(&end, "/digits.txt", &[("Accept-Encoding", "*;q=0")]).status, 406);
    assert_eq!(get(&end, "/digits.txt", &[("Accept-Encoding", "br")]).field(FieldName::Vary), "");
    let later = files(&place, |settings| settings.compressed_later = true);
    assert_eq!(get(&later, "/digits.txt", &[("Accept-Encoding", "identity;q=0, zstd")]).status, 200);

    // A form left over from an older build is not sent.
    let original = fs::File::options().write(true).open(place.path().join("app.js")).unwrap();
    let later = original.metadata().unwrap().modified().unwrap() + Duration::from_secs(3600);
    original.set_modified(later).unwrap();
    let seen = get(&files(&place, |_| {}), "/app.js", &[("Accept-Encoding", "br")]);
    assert_eq!((seen.field(FieldName::ContentEncoding), seen.text().as_str()), ("", "console.log(1)"));
}

#[test]
fn fallback_and_error_pages() {
    let place = site("files-fallback");
    let end = files(&place, |settings| {
        settings.fallback = Some("index.html".to_owned());
        settings.error_pages.insert(404, "404.html".to_owned());
    });
    for (path, fields, status, body) in [
        ("/some/view", &[("Accept", "text/html")][..], 200, PAGE),
        ("/some/view", &[], 200, PAGE),
        ("/some/view", &[("Accept", "application/json")], 404, "own not found"),
        ("/missing.png", &[], 404, "own not found"),
        ("/.git/config", &[("Accept", "text/css")], 404, "own not found"),
    ] {
        let seen = get(&end, path, fields);
        assert_eq!((seen.status, seen.text().as_str()), (status, body), "{path} {fields:?}");
    }
    assert_eq!(get(&end, "/missing.png", &[]).field(FieldName::Etag), "", "an error has no validators");
}

#[test]
fn listings_for_people_and_programs() {
    let place = site("files-listing");
    let end = files(&place, |settings| settings.listing = true);
    fs::remove_file(place.path().join("index.html")).unwrap();
    let page = get(&end, "/", &[("Accept", "text/html,*/*;q=0.8")]);
    assert_eq!((page.status, page.field(FieldName::ContentType)), (200, "text/html; charset=utf-8"));
    assert!(page.text().contains("href=\"./a%20b/\"") && !page.text().contains(".git"));
    let json = get(&end, "/", &[("Accept", "application/json")]);
    let parsed: serde_json::Value = serde_json::from_str(&json.text()).unwrap();
    assert_eq!((parsed[0]["name"].as_str(), parsed[0]["type"].as_str()), (Some("a b"), Some("folder")));
    assert_eq!(get(&end, "/", &[("Accept", "image/png")]).status, 406);
    assert_eq!(get(&end, "/docs/", &[]).text(), "docs", "an index goes before a listing");
}

#[test]
fn a_changed_file_is_served_changed_within_a_second() {
    let place = site("files-change");
    let end = files(&place, |_| {});
    let scene = Scene::new();
    let path = place.path().join("digits.txt");
    let ask = || scene.ask(&end, "GET /digits.txt", &[]);
    let first = ask();
    fs::write(&path, "changed!").unwrap();
    assert_eq!(ask().text(), "0123456789", "from memory, without a look");
    scene.pass(1000);
    let second = ask();
    assert_eq!(second.text(), "changed!");
    assert_ne!(first.field(FieldName::Etag), second.field(FieldName::Etag));
    scene.pass(1000);
    assert_eq!(ask().field(FieldName::Etag), second.field(FieldName::Etag));
    fs::remove_file(&path).unwrap();
    scene.pass(1000);
    assert_eq!(ask().status, 404);
}

#[test]
fn what_changed_just_now_has_a_weak_tag_and_is_not_kept() {
    let place = site("files-racy");
    let end = files(&place, |_| {});
    let scene = Scene::new();
    let modified = fs::metadata(place.path().join("digits.txt")).unwrap().modified().unwrap();
    let modified = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    scene.clocks.wall.set(WallTime::from_duration(modified + Duration::from_millis(5)));
    let seen = scene.ask(&end, "GET /digits.txt", &[]);
    assert!(seen.field(FieldName::Etag).starts_with("W/"), "{}", seen.field(FieldName::Etag));
    scene.clocks.wall.set(WallTime::from_duration(modified + Duration::from_millis(500)));
    let later = scene.ask(&end, "GET /digits.txt", &[]);
    assert_eq!(format!("W/{}", later.field(FieldName::Etag)), seen.field(FieldName::Etag));
}

#[test]
fn big_files_are_streamed_and_open_ones_survive_their_name() {
    let place = site("files-big");
    let end = files(&place, |_| {});
    let scene = Scene::new();
    let seen = scene.ask(&end, "GET /big.bin", &[]);
    assert_eq!((seen.status, seen.body.len(), seen.broken), (200, 600_000, false));
    assert!(seen.body.iter().enumerate().all(|(index, byte)| usize::from(*byte) == index % 251));
    fs::remove_file(place.path().join("big.bin")).unwrap();
    assert_eq!(scene.ask(&end, "GET /big.bin", &[("Range", "bytes=251-253")]).body[..], [0, 1, 2]);
}

#[test]
fn with_patience_the_answer_is_the_same() {
    let place = site("files-patience");
    let end = files(&place, |settings| {
        settings.listing = true;
        settings.fallback = Some("index.html".to_owned());
        settings.error_pages.insert(404, "404.html".to_owned());
    });
    let scene = Scene::new();
    for line in [
        "GET /",
        "HEAD /index.html",
        "GET /docs",
        "GET /docs/",
        "GET /app.js",
        "GET /big.bin",
        "GET /empty/",
        "GET /missing.png",
        "GET /some/view",
        "GET /.git/config",
        "GET /a%20b/c%20d.txt",
        "GET /digits.txt/",
    ] {
        for fields in [&[][..], &[("Accept-Encoding", "br"), ("Range", "bytes=1-2")]] {
            let (now, later) = (scene.ask(&end, line, fields), scene.ask_patiently(&end, line, fields));
            assert_eq!(
                (now.status, &now.fields, &now.body),
                (later.status, &later.fields, &later.body),
                "{line} {fields:?}"
            );
        }
    }
}
