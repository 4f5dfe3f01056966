//! Both sides of ACME as programs: `edgeway ca serve` signs for a running `edgeway serve`, which is looked at by HTTP or by TLS, and
//! which serves what it got. On loopback and free ports; nothing is waited for but a line, an answer or a handshake.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;

use edgeway::fetch::{FetchError, Fetcher, Place, Request, dial};
use edgeway_base::World as _;
use edgeway_net::drive::tls;
use edgeway_net::os::Kernel;
use edgeway_tls::SharedClock;
use edgeway_tls::certificate::Facts;
use edgeway_tls::client::{ClientSettings, Trust};
use rustix::process::{Pid, Signal, kill_process};
use rustls_pki_types::ServerName;
use serde_json::Value;

const EDGEWAY: &str = env!("CARGO_BIN_EXE_edgeway");

/// A folder of our own, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("edgeway-acme-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder of our own");
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a path in UTF-8").to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).expect("a file of our own");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running program, ended when dropped.
struct Program {
    child: Child,
    ready: Value,
}

impl Program {
    /// Starts it and waits for the line that says it is ready.
    fn start(words: &[&str]) -> Self {
        let mut command = Command::new(EDGEWAY);
        let mut child = command.args(words).arg("--json").stdout(Stdio::piped()).spawn().expect("the program runs");
        let mut line = String::new();
        let out = child.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("it says something");
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{words:?} says {line:?}: {error}"));
        Self { child, ready }
    }

    fn port(&self, what: &str) -> u16 {
        let listening = self.ready["listening"].as_array().expect("a list");
        let found = listening.iter().find(|one| one["what"] == what).expect("it listens");
        found["address"].as_str().and_then(|text| text.rsplit_once(':')?.1.parse().ok()).expect("a port")
    }

    /// Stops it gracefully.
    fn stop(mut self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).expect("it runs");
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn edgeway(words: &[&str]) {
    let output = Command::new(EDGEWAY).args(words).output().expect("the program runs");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A client that believes one authority.
struct Visitor {
    runtime: tokio::runtime::Runtime,
    world: Kernel,
    settings: ClientSettings,
}

impl Visitor {
    fn new(root: &Path) -> Self {
        let trust = Trust::from_pem(false, &fs::read(root).expect("the root")).expect("a certificate");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let settings = ClientSettings { trust, alpn: vec![b"http/1.1".to_vec()], ..ClientSettings::default() };
        Self { runtime, world: Kernel::new(), settings }
    }

    fn get(&self, url: &str) -> Result<String, FetchError> {
        let config = self.settings.build(&SharedClock::new(self.world.wall())).expect("good settings");
        let fetcher = Fetcher::new(Rc::new(self.world.clone()), config);
        let place = Place::parse(url).expect("a URL");
        let response = self.runtime.block_on(fetcher.fetch(Request::get(place, 1 << 20)))?;
        Ok(String::from_utf8_lossy(&response.content).into_owned())
    }

    /// The serial number of the certificate shown for `name`.
    fn serial(&self, name: &str, port: u16) -> Vec<u8> {
        let config = self.settings.build(&SharedClock::new(self.world.wall())).expect("good settings");
        let settings = tls::ClientSettings {
            config,
            name: ServerName::try_from(name.to_owned()).expect("a name"),
            identity: "".into(),
        };
        let shown = self.runtime.block_on(async {
            let transport = dial(&self.world, name, port).await.expect("it accepts");
            tls::look(transport, &settings).await.expect("a handshake that is believed")
        });
        Facts::read(&shown.certificate.expect("a certificate")).expect("a good one").serial
    }
}

/// An authority for the ports of `site`.
fn authority(folder: &Folder, http: u16, https: u16) -> Program {
    let (http, https, state) = (http.to_string(), https.to_string(), folder.path("ca"));
    let words =
        ["ca", "serve", "--https", "127.0.0.1:0", "--state", &state, "--http-port", &http, "--tls-port", &https];
    let program = Program::start(&words);
    edgeway(&["ca", "export", "--state", &state, "--out", &folder.path("root.pem")]);
    program
}

fn issued(folder: &Folder) -> usize {
    let state = fs::read(folder.0.join("ca/authority/acme.json")).expect("the authority's state");
    let state: Value = serde_json::from_slice(&state).expect("JSON");
    state["certificates"].as_object().expect("a table").len()
}

#[test]
fn a_site_is_proved_by_http_and_keeps_its_certificate() {
    let folder = Folder::new("http");
    let site = "[site.\"localhost\"]\nhttp = \"serve\"\n[[site.\"localhost\".route]]\nrespond = \"hello\"\n";
    let listen = "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = [\"127.0.0.1:0\"]\nadmin = \"127.0.0.1:0\"\n[log]\naccess = \"off\"\n";
    folder.write("edge.toml", &format!("{listen}{site}"));
    let (file, state) = (folder.path("edge.toml"), folder.path("state"));
    let words = ["serve", &file, "--state", &state, "--workers", "2"];
    let server = Program::start(&words);
    let (http, https) = (server.port("http"), server.port("https"));

    let ca = authority(&folder, http, https);
    let directory = ca.ready["directory"].as_str().expect("a URL");
    let acme = format!("[tls]\nissuer = \"acme\"\n[tls.acme]\ndirectory = \"{directory}\"\nca = \"root.pem\"\n");
    folder.write("edge.toml", &format!("{listen}{acme}{site}"));
    edgeway(&["reload", "--state", &state]);

    // The handshake waits until the certificate has come.
    let visitor = Visitor::new(&folder.0.join("root.pem"));
    assert_eq!(visitor.get(&format!("https://localhost:{https}/")).expect("a page"), "hello");
    let serial = visitor.serial("localhost", https);
    let elsewhere = visitor.get(&format!("http://localhost:{http}/.well-known/acme-challenge/x")).expect("a page");
    assert_eq!(elsewhere, "hello", "what nobody expects is the site's");
    server.stop();

    let server = Program::start(&words);
    assert_eq!(visitor.serial("localhost", server.port("https")), serial, "it is the certificate that was kept");
    assert_eq!(issued(&folder), 1);
    server.stop();
    ca.stop();
}

#[test]
fn a_site_is_proved_by_tls_and_other_names_only_if_somebody_allows_them() {
    let folder = Folder::new("tls");
    let site = "[site.\"localhost\"]\naliases = [\"*.localhost\"]\n[[site.\"localhost\".route]]\nrespond = \"hello\"\n";
    let listen = "[listen]\nhttps = [\"127.0.0.1:0\"]\nadmin = \"127.0.0.1:0\"\n[log]\naccess = \"off\"\n";
    folder.write("edge.toml", &format!("{listen}{site}"));
    let (file, state) = (folder.path("edge.toml"), folder.path("state"));
    let server = Program::start(&["serve", &file, "--state", &state, "--workers", "2"]);
    let https = server.port("https");

    let ca = authority(&folder, 1, https);
    let (directory, ask) = (ca.ready["directory"].as_str().expect("a URL"), gatekeeper());
    let acme = format!(
        "[tls]\nissuer = \"acme\"\n[tls.acme]\ndirectory = \"{directory}\"\nca = \"root.pem\"\nask = \"{ask}\"\n"
    );
    folder.write("edge.toml", &format!("{listen}{acme}{site}"));
    edgeway(&["reload", "--state", &state]);

    let visitor = Visitor::new(&folder.0.join("root.pem"));
    let get = |name: &str| visitor.get(&format!("https://{name}:{https}/"));
    assert_eq!(get("localhost").expect("a page"), "hello");
    assert_eq!(get("good.localhost").expect("a page"), "hello");
    for bad in ["bad.localhost", "bad.localhost", "a.b.localhost"] {
        assert!(matches!(get(bad), Err(FetchError::Tls(_))), "{bad} is turned away");
    }
    assert_eq!(get("good.localhost").expect("a page"), "hello");
    assert_eq!(issued(&folder), 2);
    server.stop();
    ca.stop();
}

/// Says yes to `good.localhost` and no to everyone else, until the test ends.
fn gatekeeper() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap_or(0);
            let allowed = request[..read].starts_with(b"GET /may-issue?name=good.localhost HTTP/1.1\r\n");
            let status = if allowed { "200 OK" } else { "403 Forbidden" };
            // A client that has left learns nothing.
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    format!("http://{address}/may-issue")
}
