//! From text to what a worker walks through.

use edgeway_base::WallTime;
use edgeway_http::h1::machine::ServerLimits;
use edgeway_tls::SharedClock;
use edgeway_tls::authority::{Authority, Usage};
use edgeway_tls::certificate::CertificateName;
use edgeway_tls::server::{IssueRule, Memory};

use super::*;
use crate::config::diagnostic::Paint;
use crate::config::{Reach, load::parse};

const NOW: WallTime = WallTime::from_seconds(1_800_000_000);

/// A folder of its own for each test, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("edgeway-{name}-{}", std::process::id()));
        std::fs::create_dir_all(path.join("public")).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.0.join(name), content).unwrap();
    }

    /// The checked form, or what was found.
    fn make(&self, text: &str) -> Result<Checked, String> {
        let mut loaded = parse(Source::new("edge.toml", &self.0, text), Reach::Files);
        let made = loaded.make(&SharedClock::new(NOW));
        made.ok_or_else(|| loaded.diagnostics.render(&loaded.source, Paint::Plain))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn defaults_are_those_of_the_houses_below() {
    let folder = Folder::new("defaults");
    let made = folder.make("[[site.a.route]]\nfiles = \"public\"").unwrap();
    assert_eq!(format!("{:?}", made.limits), format!("{:?}", ServerLimits::default()));
    assert_eq!(format!("{:?}", made.http2), format!("{:?}", h2::limits::Limits::default()));
    assert_eq!(made.listening.https_port(), Some(443));
    assert!(made.certificates.wants_authority);
    let plan = made.plan();
    assert_eq!(plan.site("a").map(|site| (&*site.name, site.https_port)), Some(("a", Some(443))));
    assert!(plan.site("b").is_none());
}

#[test]
fn every_key_arrives_where_it_is_used() {
    let folder = Folder::new("keys");
    folder.write("public/404.html", "<p>gone");
    let made = folder
        .make(
            r#"
            trusted = "10.0.0.0/8"
            [listen]
            https = "127.0.0.1:8443"
            [limits]
            uri_size = "1KB"
            body_size = "5MB"
            [site."example.com"]
            aliases = "www.example.com"
            default = true
            hsts = { max_age = "1d", include_subdomains = true }
            error_pages = { 4xx = "public/404.html" }
            [[site."example.com".route]]
            path = ["/api/*", "/v2/*"]
            method = "GET"
            header = { Accept = "*json*" }
            rewrite = { strip_prefix = "/api" }
            request_headers = { remove = "Cookie" }
            headers = { set = { X-A = "b" } }
            limit_body = "1MB"
            proxy = { to = ["https://app:8443", "unix:/run/app"], host = "server", retry = 0, proxy_protocol = "v2" }
            [[site."example.com".route]]
            path = "/old/*"
            redirect = { to = "/new/*", status = 301 }
            [[site."example.com".route]]
            respond = 410
            "#,
        )
        .unwrap();
    assert_eq!((made.limits.head.target_bytes_max, made.trusted.contains("10.1.1.1".parse().unwrap())), (1024, true));
    let site = &made.sites[0];
    assert_eq!(site.hosts, ["example.com", "www.example.com", "*"]);
    assert_eq!(site.strict_transport_security.as_deref(), Some("max-age=86400; includeSubDomains"));
    assert_eq!(site.error_pages[&404].content_type.as_ref(), "text/html; charset=utf-8");
    let [api, old, rest] = &site.routes[..] else { panic!("three routes") };
    assert_eq!((api.name.as_str(), api.body_limit.0, rest.body_limit.0), ("/api/* /v2/*", 1 << 20, 5 << 20));
    assert_eq!(api.request_edits.remove, ["cookie"]);
    assert_eq!(api.response_edits.set, [("x-a".to_owned(), "b".to_owned())]);
    let End::Proxy(proxy) = &api.end else { panic!("a proxy") };
    assert_eq!((proxy.settings.host.as_deref(), proxy.settings.attempts), (Some("app:8443"), 1));
    assert_eq!(proxy.servers.iter().map(|server| server.tls.is_some()).collect::<Vec<_>>(), [true, false]);
    assert!(matches!(&old.end, End::Redirect(redirect) if redirect.status.code() == 301 && redirect.to == "/new/*"));
    assert!(matches!(&rest.end, End::Respond(respond) if respond.status.code() == 410));
    assert_eq!(made.plan().site("anything").map(|site| site.routes.len()), Some(3));
}

#[test]
fn certificates_are_read_and_judged() {
    let folder = Folder::new("certificates");
    let authority = Authority::create("test", NOW).unwrap();
    let leaf = |host: &str| {
        let names = [CertificateName::Host(host.to_owned())];
        authority.issue(&names, Usage::Server, NOW, Duration::from_secs(86_400)).unwrap()
    };
    let (good, other) = (leaf("a.example"), leaf("b.example"));
    folder.write("a.crt", &good.chain_pem);
    folder.write("a.key", &good.key_pem);
    folder.write("b.key", &other.key_pem);
    folder.write("ca.pem", authority.root_pem());
    let text = |host: &str, key: &str| {
        format!(
            "[site.\"{host}\"]\ntls = {{ cert = \"a.crt\", key = \"{key}\", client_certificates = {{ ca = \"ca.pem\" }} }}\n\
             route = [{{ files = \"public\" }}]\n[[site.c.route]]\nfiles = \"public\""
        )
    };
    let made = folder.make(&text("a.example", "a.key")).unwrap();
    let rules: Vec<_> = made.sites.iter().map(|site| site.client_rule != RuleId::NONE).collect();
    assert_eq!(rules, [true, false], "only the site that asks for client certificates has a rule");
    let memory = Memory::new(SharedClock::new(NOW));
    let front = made.certificates.front(&memory, Some(Arc::new(authority)), IssueRule::Never, &[]).unwrap();
    assert_eq!(front.rule_for("a.example"), made.sites[0].client_rule);

    let said = folder.make(&text("a.example", "b.key")).err().unwrap_or_default();
    assert!(said.contains("edge.toml:2:31") && said.contains("belongs to another certificate"), "{said}");
    folder.make(&text("z.example", "a.key")).expect("a certificate for another name is only warned about");
}

#[test]
fn users_are_read_and_a_scheme_they_cannot_prove_is_refused() {
    let folder = Folder::new("users");
    let line = |realm: &str| {
        use edgeway_http::semantics::authentication::{Algorithm, digest_secret};
        format!("anna:{realm}:{}", digest_secret(Algorithm::Sha256, "anna", realm, "secret"))
    };
    folder.write("users", &line("home"));
    let text = |auth: &str| {
        format!("[[site.a.route]]\nfiles = \"public\"\ncompress = [\"gzip\"]\nauth = {{ users = \"users\", {auth} }}")
    };
    let made = folder.make(&text("scheme = \"digest\", realm = \"home\"")).unwrap();
    assert_eq!(made.plan().site("a").map(|site| site.routes[0].stages.len()), Some(2));
    assert_eq!(made.watched, [folder.0.join("users")]);
    for (auth, part) in
        [("scheme = \"digest\"", "no digest for the realm \"Edgeway\""), ("realm = \"x\"", "no password for Basic")]
    {
        let said = folder.make(&text(auth)).err().unwrap_or_default();
        assert!(said.contains(part) && said.contains("edge.toml:4:18"), "{said}");
    }
}

#[test]
fn a_store_is_opened_with_its_bounds() {
    let folder = Folder::new("store");
    let text = "[[site.a.route]]\nstore = \"public\"\nopen = true\nlimit_body = \"1MB\"\nquota = \"1GB\"";
    let made = folder.make(text).unwrap();
    assert!(matches!(&made.sites[0].routes[0].end, End::Store(store) if store.used().0 == 0));
    folder.write("file", "");
    let said = folder.make(&text.replace("public", "file")).err().unwrap_or_default();
    assert!(said.contains("edge.toml:2:9") && said.contains("is a file, not a folder"), "{said}");
}

#[test]
fn a_mistake_in_a_zone_is_told_where_it_stands() {
    let folder = Folder::new("zones");
    folder.write("a.zone", "@ 60 SOA ns root 1 1h 15m 1w 5m\n@ 60 NS ns\n$INCLUDE more.zone\n");
    folder.write("more.zone", "ns 60 A 192.0.2.1\n");
    let head = "[listen]\ndns = \":53\"\n[zone.\"a.example\"]\n";
    let made = folder.make(&format!("{head}file = \"a.zone\"\n")).unwrap();
    assert_eq!(made.names.zones[0].zone.serial(), 1);
    assert!(made.watched.contains(&folder.0.join("more.zone")), "{:?}", made.watched);
    let inline = |records: &str| folder.make(&format!("{head}records = '''\n{records}'''\n")).map(|_| ()).unwrap_err();
    for (said, expected) in [
        (inline("@ 60 SOA ns root 1 1h 15m 1w 5m\n@ 60 NS ns\nns 60 A 1.2.3\n"), "edge.toml:7:9"),
        (inline("ns 60 A 192.0.2.1\n"), "there is no SOA record at the apex"),
        (inline("@ 60 SOA ns root 1 1h 15m 1w 5m\n@ 60 A 192.0.2.1\n"), "there is no NS record at the apex"),
        (
            inline("@ 60 SOA ns root 1 1h 15m 1w 5m\n@ 60 NS x.test.\n@ 60 ALIAS x.test.\n"),
            "a.example.: ALIAS records need a resolver",
        ),
    ] {
        assert!(said.contains(expected), "{expected} in\n{said}");
    }
    folder.write("more.zone", "ns 60 A 192.0.2.1\n\nns 60 AAAA 192.0.2.1\n");
    let said = folder.make(&format!("{head}file = \"a.zone\"\n")).map(|_| ()).unwrap_err();
    assert!(said.contains("more.zone:3:12"), "{said}");
}
