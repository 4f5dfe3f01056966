//! The store as a client sees it, and as the disk does.

use std::collections::VecDeque;
use std::fs;
use std::rc::Rc;
use std::task::{Context, Poll};

use edgeway_base::SeededEntropy;
use edgeway_net::drive::{BodyError, BodyFailure, BodySource};
use tokio::sync::Notify;

use super::*;
use crate::stages::files::scratch::Scratch;
use crate::stages::scene::{Scene, Seen};

struct House {
    place: Scratch,
    scene: Scene,
    shared: Arc<Shared>,
    store: Store,
}

fn house(name: &str, change: impl FnOnce(&mut Settings)) -> House {
    let place = Scratch::new(name);
    let mut settings = Settings::new(place.path());
    // The tests ask what is where, not whether it survives the power.
    settings.durable = false;
    change(&mut settings);
    let shared = Shared::open(settings, &mut SeededEntropy::new(9)).unwrap();
    let store = Store::new(Arc::clone(&shared));
    House { place, scene: Scene::new(), shared, store }
}

impl House {
    fn ask(&self, line: &str, fields: &[(&str, &str)], body: impl Into<Body>) -> Seen {
        self.scene.send(&self.store, line, fields, body)
    }

    fn on_disk(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.place.path().join(path)).ok()
    }

    /// Everything there is, hidden names too.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.place.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Content that comes in pieces without a length, and may break off.
struct Pieces(VecDeque<Result<&'static str, BodyFailure>>);

impl BodySource for Pieces {
    fn poll_frame(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>> {
        Poll::Ready(self.0.pop_front().map(|piece| match piece {
            Ok(text) => Ok(Frame::Data(Bytes::from(text))),
            Err(failure) => Err(failure.into()),
        }))
    }
}

fn pieces(list: &[Result<&'static str, BodyFailure>]) -> Body {
    Body::Source(Box::new(Pieces(list.iter().copied().collect())))
}

#[test]
fn a_file_is_made_read_replaced_and_removed() {
    let house = house("store-life", |_| {});
    let made = house.ask("PUT /a/b/c.txt", &[], "one");
    assert_eq!((made.status, house.on_disk("a/b/c.txt").as_deref()), (201, Some("one")));
    let read = house.ask("GET /a/b/c.txt", &[], Body::Empty);
    assert_eq!(
        (read.status, read.text().as_str(), read.field(FieldName::Etag)),
        (200, "one", made.field(FieldName::Etag))
    );
    assert_eq!(
        (read.field(FieldName::XContentTypeOptions), read.field(FieldName::CacheControl)),
        ("nosniff", "no-cache")
    );
    let replaced = house.ask("PUT /a/b/c.txt", &[], pieces(&[Ok("t"), Ok("wo")]));
    assert_eq!((replaced.status, house.on_disk("a/b/c.txt").as_deref()), (204, Some("two")));
    assert_ne!(replaced.field(FieldName::Etag), made.field(FieldName::Etag));
    assert_eq!(
        house.ask("GET /a/b/c.txt", &[], Body::Empty).text(),
        "two",
        "what was changed here is not answered from memory"
    );
    assert_eq!(house.ask("PUT /empty", &[], Body::Empty).status, 201);
    assert_eq!((house.on_disk("empty").as_deref(), house.shared.used()), (Some(""), ByteCount(3)));
    assert_eq!(house.ask("DELETE /a/b/c.txt", &[], Body::Empty).status, 204);
    assert_eq!((house.on_disk("a/b/c.txt"), house.shared.used()), (None, ByteCount(0)));
    for line in ["DELETE /a/b/c.txt", "GET /a/b/c.txt", "PATCH /missing"] {
        let json: &[(&str, &str)] = &[("Content-Type", "application/merge-patch+json")];
        assert_eq!(house.ask(line, json, Body::Empty).status, 404, "{line}");
    }
}

#[test]
fn hostile_081_what_is_no_file_of_ours() {
    let house = house("store-paths", |_| {});
    fs::create_dir(house.place.path().join("folder")).unwrap();
    fs::write(house.place.path().join("file"), "f").unwrap();
    std::os::unix::fs::symlink("/tmp", house.place.path().join("out")).unwrap();
    for (line, status) in [
        ("PUT /", 409),
        ("PUT /folder", 409),
        ("PUT /new/", 409),
        ("DELETE /folder", 409),
        ("DELETE /folder/", 409),
        ("PUT /file/below", 409),
        ("PUT /out/x", 409),
        ("PUT /.hidden", 404),
        ("PUT /a%2fb", 404),
        ("PUT /a%5cb", 404),
        ("PUT /trailing.", 404),
        ("PUT /.edgeway-put-1", 404),
        ("POST /file", 405),
        ("MKCOL /x", 501),
    ] {
        let seen = house.ask(line, &[], "x");
        assert_eq!(seen.status, status, "{line}");
    }
    assert_eq!(house.names(), ["file", "folder", "out"]);
    let long = format!("PUT /{}", "n".repeat(300));
    assert_eq!(house.ask(&long, &[], "x").status, 414);
    assert_eq!(house.ask("PUT /out", &[], "a file in the place of the link").status, 201);
    assert!(!fs::symlink_metadata(house.place.path().join("out")).unwrap().is_symlink());
}

#[test]
fn hostile_081_a_put_is_whole_or_refused() {
    let house = house("store-partial", |_| {});
    house.ask("PUT /a", &[], "old");
    for (fields, body, status) in [
        (&[("Content-Range", "bytes 0-1/3")][..], Body::from("ne"), 400),
        (&[("Content-Encoding", "gzip")], Body::from("ne"), 415),
        (&[], pieces(&[Ok("ne"), Err(BodyFailure::Disconnected)]), 400),
        (&[], pieces(&[Ok("ne"), Err(BodyFailure::TimedOut)]), 408),
        (&[], pieces(&[Ok("ne"), Err(BodyFailure::TooLarge)]), 413),
    ] {
        assert_eq!(house.ask("PUT /a", fields, body).status, status, "{fields:?}");
        assert_eq!((house.on_disk("a").as_deref(), house.shared.used()), (Some("old"), ByteCount(3)));
    }
    assert_eq!(house.names(), ["a"], "nothing half-written is left");
}

#[test]
fn hostile_081_nobody_overwrites_what_he_has_not_seen() {
    let house = house("store-conditions", |_| {});
    let first = house.ask("PUT /a", &[("If-None-Match", "*")], "one");
    assert_eq!(first.status, 201);
    let tag = first.field(FieldName::Etag).to_owned();
    assert!(tag.starts_with('"'), "strong at once: {tag}");
    for (line, fields, status) in [
        ("PUT /a", ("If-None-Match", "*"), 412),
        ("PUT /b", ("If-Match", "*"), 412),
        ("PUT /a", ("If-Match", "\"other\""), 412),
        ("DELETE /a", ("If-Match", "\"other\""), 412),
        ("PUT /a", ("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"), 412),
        ("PUT /a", ("If-Match", &tag), 204),
        ("PUT /a", ("If-Match", &tag), 412),
        ("DELETE /a", ("If-Match", &tag), 412),
        ("DELETE /a", ("If-Match", "*"), 204),
    ] {
        assert_eq!(house.ask(line, &[fields], "two").status, status, "{line} {fields:?}");
    }
}

#[test]
fn what_one_worker_stored_another_shows_at_once() {
    let house = house("store-workers", |_| {});
    let other = Store::new(Arc::clone(&house.shared));
    for content in ["one", "two", "three"] {
        house.ask("PUT /a", &[], content);
        assert_eq!(house.scene.ask(&other, "GET /a", &[]).text(), content);
        assert_eq!(house.ask("GET /a", &[], Body::Empty).text(), content);
    }
    house.ask("DELETE /a", &[], Body::Empty);
    assert_eq!(house.scene.ask(&other, "GET /a", &[]).status, 404);
}

#[test]
fn limits_and_quota() {
    let house = house("store-quota", |settings| {
        (settings.file_limit, settings.quota) = (ByteCount(10), Some(ByteCount(15)));
    });
    for (line, body, status) in [
        ("PUT /a", Body::from("0123456789"), 201),
        ("PUT /b", Body::from("0123456789x"), 413),
        ("PUT /b", pieces(&[Ok("0123456789"), Ok("x")]), 413),
        ("PUT /b", Body::from("012345"), 507),
        ("PUT /b", pieces(&[Ok("012345")]), 507),
        ("PUT /b", Body::from("01234"), 201),
        ("DELETE /a", Body::Empty, 204),
        ("PUT /c", pieces(&[Ok("0123456"), Ok("789")]), 201),
    ] {
        assert_eq!(house.ask(line, &[], body).status, status, "{line}");
    }
    assert_eq!((house.shared.used(), house.names()), (ByteCount(15), vec!["b".to_owned(), "c".to_owned()]));
    let again = Settings { quota: Some(ByteCount(15)), ..Settings::new(house.place.path()) };
    let again = Shared::open(again, &mut SeededEntropy::new(1)).unwrap();
    assert_eq!(again.used(), ByteCount(15), "counted at the start");
}

#[test]
fn patches_of_bytes() {
    let house = house("store-bytes", |settings| settings.file_limit = ByteCount(20));
    house.ask("PUT /a", &[], "0123456789");
    let octets = ("Content-Type", "application/octet-stream");
    for (range, fields, body, status, content) in [
        ("bytes 2-3/*", &[octets][..], "ab", 204, "01ab456789"),
        ("bytes 2-3/10", &[], "cd", 204, "01cd456789"),
        ("bytes 10-11/12", &[octets], "XY", 204, "01cd456789XY"),
        ("bytes 11-13/*", &[octets], "123", 204, "01cd456789X123"),
        ("bytes 2-3/10", &[octets], "ab", 409, ""),
        ("bytes 99-99/*", &[octets], "a", 416, ""),
        ("bytes 2-3/*", &[octets], "abc", 400, ""),
        ("bytes 2-3/*", &[octets], "a", 400, ""),
        ("bytes 3-2/*", &[octets], "ab", 400, ""),
        ("bytes 14-20/*", &[octets], "1234567", 413, ""),
        ("bytes 0-0/*", &[("Content-Type", "text/plain")], "a", 415, ""),
        ("bytes 0-0/*", &[("Content-Type", "application/json-patch+json")], "a", 400, ""),
        ("bytes 0-0/*", &[octets, ("If-Match", "\"x\"")], "a", 412, ""),
    ] {
        let fields: Vec<_> = fields.iter().copied().chain([("Content-Range", range)]).collect();
        let seen = house.ask("PATCH /a", &fields, body);
        assert_eq!(seen.status, status, "{range} {body}");
        if status == 204 {
            assert_eq!(house.on_disk("a").as_deref(), Some(content), "{range}");
        }
    }
    assert_eq!((house.on_disk("a").as_deref(), house.shared.used()), (Some("01cd456789X123"), ByteCount(14)));
    let unsatisfied = house.ask("PATCH /a", &[octets, ("Content-Range", "bytes 99-99/*")], "a");
    assert_eq!(unsatisfied.field(FieldName::ContentRange), "bytes */14");
    let streamed =
        house.ask("PATCH /a", &[octets, ("Content-Range", "bytes 0-1/*")], pieces(&[Ok("z"), Ok("z"), Ok("z")]));
    assert_eq!((streamed.status, house.on_disk("a").as_deref()), (400, Some("01cd456789X123")));
}

#[test]
fn patches_of_json() {
    let house = house("store-json", |settings| settings.file_limit = ByteCount(200));
    house.ask("PUT /a.json", &[], r#"{"name":"x","list":[1]}"#);
    let operations = ("Content-Type", "application/json-patch+json");
    let merge = ("Content-Type", "application/merge-patch+json; charset=utf-8");
    for (content_type, body, status) in [
        (operations, r#"[{"op":"add","path":"/list/-","value":2}]"#, 204),
        (merge, r#"{"name":null,"new":true}"#, 204),
        (operations, r#"[{"op":"test","path":"/new","value":false}]"#, 409),
        (operations, "rubbish", 400),
        (("Content-Type", "application/json"), "{}", 415),
    ] {
        let seen = house.ask("PATCH /a.json", &[content_type], body);
        assert_eq!(seen.status, status, "{body}");
        assert_eq!(seen.fields.get_named("Accept-Patch").is_some(), status == 415);
    }
    let long = format!("{{\"long\":\"{}\"}}", "x".repeat(200));
    assert_eq!(house.ask("PATCH /a.json", &[merge], long).status, 413);
    let stored: serde_json::Value = serde_json::from_str(&house.on_disk("a.json").unwrap()).unwrap();
    assert_eq!(stored.to_string(), r#"{"list":[1,2],"new":true}"#);
    assert_eq!(house.shared.used(), ByteCount(house.on_disk("a.json").unwrap().len() as u64));
    let options = house.ask("OPTIONS /a.json", &[], Body::Empty);
    assert_eq!((options.status, options.fields.get_named("Accept-Patch").is_some()), (204, true));
    assert!(options.field(FieldName::Allow).contains("PATCH"));
}

#[test]
fn an_abandoned_upload_leaves_nothing() {
    let house = house("store-abandoned", |_| {});
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reached = Rc::new(Notify::new());
    let mut exchange = house.scene.exchange("PUT /a", &[], Body::Source(Box::new(Stalled(Rc::clone(&reached)))));
    runtime.block_on(async {
        tokio::select! {
            _ = house.store.answer(&mut exchange) => panic!("the client never ends its content"),
            () = reached.notified() => {}
        }
    });
    drop(runtime);
    assert_eq!((house.names(), house.shared.used()), (Vec::new(), ByteCount(0)));
}

/// Content that is asked for and never comes.
struct Stalled(Rc<Notify>);

impl BodySource for Stalled {
    fn poll_frame(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>> {
        self.0.notify_one();
        Poll::Pending
    }
}
