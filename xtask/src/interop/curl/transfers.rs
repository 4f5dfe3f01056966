//! What takes more than one request: revalidation, resumption, uploads, a store changed step by step, PROXY protocol,
//! the own authority. Called by [`super::run`].

use super::Scene;
use crate::edgeway::Edgeway;
use crate::interop::report::Report;
use anyhow::{Context as _, Result, bail, ensure};
use std::process::Command;

pub(super) fn run(scene: &Scene<'_>, report: &mut Report) -> Result<()> {
    for (name, check) in CHECKS {
        report.check(name, || check(scene));
    }
    Ok(())
}

type Check = fn(&Scene<'_>) -> Result<()>;

const CHECKS: &[(&str, Check)] = &[
    ("revalidation by etag", revalidates),
    ("precompressed file", precompressed),
    ("a large file", downloads),
    ("a large file over tls", downloads_over_tls),
    ("a large file over tls, http 1.1", downloads_over_tls_1),
    ("a slow reader", reads_slowly),
    ("resumed download", resumes),
    ("long uri", long_uri),
    ("long header", long_header),
    ("store: created, replaced, read, deleted", stores),
    ("store: guarded by if-none-match and if-match", guards),
    ("store: merge patch", patches),
    ("store: upload with expect 100-continue", uploads_when_told),
    ("store: chunked upload", uploads_in_chunks),
    ("proxy: large upload", proxies_upload),
    ("proxy: connection upstream is reused", reuses_upstream),
    ("parallel requests", parallel),
    ("access log has a line for each request", logged),
    ("proxy protocol", announced),
    ("served folder with own authority", own_authority),
];

fn revalidates(scene: &Scene<'_>) -> Result<()> {
    scene.ask(&["--etag-save", "FOLDER/etag", "HTTP:/hello.txt"])?.status(200)?;
    scene.ask(&["--etag-compare", "FOLDER/etag", "HTTP:/hello.txt"])?.status(304)?.body(b"")?;
    scene.stage.write("public/changing.txt", "before\n")?;
    scene.ask(&["--etag-save", "FOLDER/etag", "HTTP:/changing.txt"])?.status(200)?;
    scene.stage.write("public/changing.txt", "after, and longer\n")?;
    // A small file that was just asked for is answered from memory, for a second at most.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let changed = scene.ask(&["--etag-compare", "FOLDER/etag", "HTTP:/changing.txt"])?;
    changed.status(200)?.body(b"after, and longer\n").map(drop)
}

fn precompressed(scene: &Scene<'_>) -> Result<()> {
    scene.stage.write("public/ready.txt", "plain\n")?;
    let plain = scene.stage.write("ready", "made beforehand\n")?;
    let made = Command::new("gzip").args(["-nc"]).arg(plain).output()?;
    scene.stage.write("public/ready.txt.gz", made.stdout)?;
    scene.ask(&["HTTP:/ready.txt"])?.status(200)?.body(b"plain\n")?;
    let answer = scene.ask(&["-H", "Accept-Encoding: gzip", "--compressed", "HTTP:/ready.txt"])?;
    answer.status(200)?.head("content-encoding: gzip")?.body(b"made beforehand\n").map(drop)
}

fn downloads(scene: &Scene<'_>) -> Result<()> {
    scene.ask(&["HTTP:/large.bin"])?.status(200)?.body(&scene.large).map(drop)
}

fn downloads_over_tls(scene: &Scene<'_>) -> Result<()> {
    scene.ask(&["HTTPS:/large.bin"])?.status(200)?.body(&scene.large).map(drop)
}

fn downloads_over_tls_1(scene: &Scene<'_>) -> Result<()> {
    scene.ask(&["--http1.1", "HTTPS:/large.bin"])?.status(200)?.body(&scene.large).map(drop)
}

fn reads_slowly(scene: &Scene<'_>) -> Result<()> {
    // 20 MB at 8 MB a second: the server must wait for the reader more than once.
    scene.ask(&["--limit-rate", "8M", "HTTP:/large.bin"])?.status(200)?.body(&scene.large).map(drop)
}

fn resumes(scene: &Scene<'_>) -> Result<()> {
    let half = scene.large.len() / 2 + 7;
    let path = scene.stage.write("resumed.bin", &scene.large[..half])?;
    let answer = scene.ask(&["-C", "-", "-o", "FOLDER/resumed.bin", "HTTP:/large.bin"])?;
    answer.status(206)?.head(&format!("content-range: bytes {half}-"))?;
    ensure!(std::fs::read(path)? == scene.large, "the resumed file is not the file");
    Ok(())
}

fn long_uri(scene: &Scene<'_>) -> Result<()> {
    scene.ask(&[format!("HTTP:/{}", "a".repeat(60_000))])?.status(414).map(drop)
}

fn long_header(scene: &Scene<'_>) -> Result<()> {
    let field = format!("X-Long: {}", "a".repeat(90_000));
    scene.ask(&["-H", &field, "HTTP:/hello.txt"])?.status(431).map(drop)
}

fn stores(scene: &Scene<'_>) -> Result<()> {
    scene.stage.write("one", "one\n")?;
    scene.stage.write("two", "two\n")?;
    scene.ask(&["-T", "FOLDER/one", "HTTP:/store/note.txt"])?.status(201)?;
    scene.ask(&["HTTP:/store/note.txt"])?.status(200)?.body(b"one\n")?;
    scene.ask(&["-T", "FOLDER/two", "HTTP:/store/note.txt"])?.status(204)?;
    scene.ask(&["HTTP:/store/note.txt"])?.status(200)?.body(b"two\n")?;
    scene.ask(&["-X", "DELETE", "HTTP:/store/note.txt"])?.status(204)?;
    scene.ask(&["HTTP:/store/note.txt"])?.status(404)?;
    scene.ask(&["-X", "DELETE", "HTTP:/store/note.txt"])?.status(404).map(drop)
}

fn guards(scene: &Scene<'_>) -> Result<()> {
    let put = ["-T", "FOLDER/one", "HTTP:/store/guarded.txt"];
    let with = |field: &'static str| ["-H", field].into_iter().chain(put).collect::<Vec<_>>();
    scene.ask(&with("If-Match: *"))?.status(412)?;
    scene.ask(&with("If-None-Match: *"))?.status(201)?;
    scene.ask(&with("If-None-Match: *"))?.status(412)?;
    scene.ask(&with("If-Match: \"another\""))?.status(412)?;
    scene.ask(&with("If-Match: *"))?.status(204).map(drop)
}

fn patches(scene: &Scene<'_>) -> Result<()> {
    scene.stage.write("before.json", r#"{"name":"ali","age":40}"#)?;
    scene.ask(&["-T", "FOLDER/before.json", "HTTP:/store/person.json"])?.status(201)?;
    let merge =
        ["-X", "PATCH", "-H", "Content-Type: application/merge-patch+json", "-d", r#"{"age":null,"door":"open"}"#];
    let merged: Vec<&str> = merge.into_iter().chain(["HTTP:/store/person.json"]).collect();
    let status = scene.ask(&merged)?.status;
    ensure!(status == 200 || status == 204, "status {status}");
    let answer = scene.ask(&["HTTP:/store/person.json"])?;
    let person: serde_json::Value = serde_json::from_slice(&answer.status(200)?.body)?;
    ensure!(person == serde_json::json!({ "name": "ali", "door": "open" }), "{person}");
    Ok(())
}

fn uploads_when_told(scene: &Scene<'_>) -> Result<()> {
    let answer =
        scene.ask(&["-H", "Expect: 100-continue", "-T", "FOLDER/public/large.bin", "HTTP:/store/large.bin"])?;
    answer.status(201)?.head("http/1.1 100")?;
    scene.ask(&["HTTP:/store/large.bin"])?.status(200)?.body(&scene.large).map(drop)
}

fn uploads_in_chunks(scene: &Scene<'_>) -> Result<()> {
    let words = ["-H", "Transfer-Encoding: chunked", "-H", "Expect:", "-T", "FOLDER/public/large.bin"];
    let words: Vec<&str> = words.into_iter().chain(["HTTPS:/store/chunked.bin"]).collect();
    scene.ask(&words)?.status(201)?;
    scene.ask(&["HTTP:/store/chunked.bin"])?.status(200)?.body(&scene.large).map(drop)
}

fn proxies_upload(scene: &Scene<'_>) -> Result<()> {
    let answer = scene.ask(&["--data-binary", "@FOLDER/public/large.bin", "HTTP:/app/echo"])?;
    answer.status(200)?.body(&scene.large).map(drop)
}

fn reuses_upstream(scene: &Scene<'_>) -> Result<()> {
    // Two workers may have a connection each; ten requests on one connection come from one worker.
    let words: Vec<&str> = (0..10).flat_map(|_| ["HTTP:/app/size/10", "-o", "/dev/null"]).collect();
    let answer = scene.ask(&words)?;
    answer.status(200)?;
    ensure!(answer.connections.len() == 10, "{:?}", answer.connections);
    ensure!(answer.connections[1..].iter().all(|line| line.starts_with("0 ")), "{:?}", answer.connections);
    Ok(())
}

fn parallel(scene: &Scene<'_>) -> Result<()> {
    let mut words = vec!["-Z", "--parallel-max", "20"];
    words.extend((0..100).flat_map(|_| ["HTTPS:/app/size/5000", "-o", "/dev/null"]));
    let answer = scene.ask(&words)?;
    answer.status(200)?;
    ensure!(answer.connections.len() == 100, "{} answers", answer.connections.len());
    Ok(())
}

fn logged(scene: &Scene<'_>) -> Result<()> {
    scene.ask(&["-A", r#"an "agent" \ with quotes"#, "HTTP:/hello.txt?logged-once"])?.status(200)?;
    let path = scene.stage.folder.join("access.log");
    // Lines are written by the buffer: within a few seconds, not at once.
    for _ in 0..100 {
        let log = std::fs::read_to_string(&path).unwrap_or_default();
        let found: Vec<&str> = log.lines().filter(|line| line.contains("logged-once")).collect();
        if let [line] = found[..] {
            serde_json::from_str::<serde_json::Value>(line).with_context(|| format!("not JSON: {line}"))?;
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    bail!("no line with the request in {}", path.display())
}

fn announced(scene: &Scene<'_>) -> Result<()> {
    let folder = scene.stage.folder("announced")?;
    let text = "[listen]\nhttp = [\"127.0.0.1:0\"]\nproxy_protocol = [\"127.0.0.0/8\"]\n[site.\"localhost\"]\n\
                [[site.\"localhost\".route]]\nrespond = \"hello\\n\"\n";
    std::fs::write(folder.join("edgeway.toml"), text)?;
    let edgeway = Edgeway::serve(&scene.stage.program, &["edgeway.toml"], &folder)?;
    let url = format!("http://localhost:{}/", edgeway.address("http")?.port());
    scene.ask(&["--haproxy-protocol", url.as_str()])?.status(200)?.body(b"hello\n")?;
    let unannounced = scene.ask(&[url.as_str()])?;
    ensure!(unannounced.status != 200, "a connection without the header was served");
    Ok(())
}

fn own_authority(scene: &Scene<'_>) -> Result<()> {
    let folder = scene.stage.folder("own")?;
    std::fs::create_dir_all(folder.join("site"))?;
    std::fs::write(folder.join("site/index.html"), "<p>own\n")?;
    let words = ["site", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0"];
    let edgeway = Edgeway::serve(&scene.stage.program, &words, &folder)?;
    let exported = Command::new(&scene.stage.program)
        .args(["ca", "export", "--state"])
        .arg(folder.join("state"))
        .output()
        .context("edgeway ca export")?;
    ensure!(exported.status.success(), "edgeway ca export: {}", String::from_utf8_lossy(&exported.stderr));
    let authority = scene.stage.write("own.pem", exported.stdout)?.display().to_string();
    let url = |what: &str| -> Result<String> { Ok(format!("{what}://localhost:{}/", edgeway.address(what)?.port())) };
    scene.ask(&["--cacert", &authority, &url("https")?])?.status(200)?.body(b"<p>own\n")?;
    scene.ask(&[url("http")?])?.status(200)?.body(b"<p>own\n")?;
    Ok(())
}
