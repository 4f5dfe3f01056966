//! A table of texts and what is said about them: `line:column severity message | expected`.

use super::super::diagnostic::{Paint, Severity};
use super::super::load::parse;
use super::*;

/// What is found in a text, one line each.
fn found(text: &str) -> Vec<String> {
    let loaded = parse(Source::new("edge.toml", "/nowhere", text), Reach::Text);
    let line = |one: &super::super::diagnostic::Diagnostic| {
        let place = loaded.source.place(one.span.start);
        let word = if one.severity == Severity::Warning { "warning: " } else { "" };
        format!("{}:{} {word}{} | {}", place.line, place.column, one.message, one.expected)
    };
    loaded.diagnostics.in_order().into_iter().map(line).collect()
}

fn check_table(table: &[(&str, &[&str])]) {
    for (text, expected) in table {
        let found = found(text);
        let as_expected = found.len() == expected.len()
            && found.iter().zip(*expected).all(|(found, expected)| found.contains(expected));
        assert!(as_expected, "\n{text}\nexpected {expected:#?}\nfound {found:#?}");
    }
}

#[test]
fn what_is_right_is_left_alone() {
    check_table(&[
        ("site.\"a.example\".route = [{ files = \"public\" }]", &[]),
        (
            "[listen]\nhttp = \":80\"\nhttps = [\":443\", \"[::1]:8443\"]\nadmin = \"localhost:7070\"\n[site.a.route]\nfiles = \"x\"",
            &[],
        ),
        (
            "[[site.a.route]]\npath = [\"/a\", \"/b/*\"]\nmethod = [\"GET\", \"POST\"]\nheader = { Accept = \"*json*\" }\nproxy = [\"10.0.0.1:80\", \"unix:/run/x\"]",
            &[],
        ),
        (
            "[[site.a.route]]\nrespond = 404\n[[site.b.route]]\nrespond = \"hello\"\n[[site.c.route]]\nrespond = { status = 503, body = \"x\" }",
            &[],
        ),
        (
            "[site.\"www.a.example\"]\nredirect = \"https://a.example\"\n[site.\"a.example\"]\nhsts = \"1y\"\nroute = [{ files = \".\" }]",
            &[],
        ),
    ]);
}

#[test]
fn words_that_are_wrong() {
    check_table(&[
        ("[lisen]\nhttp = 80", &["1:2 unknown key `lisen` in the configuration | did you mean `listen`?"]),
        (
            "[listen]\nhttp = 80\n[site.a]\nroute=[{files=\"x\"}]",
            &["2:8 `http` cannot be a number | expected an address"],
        ),
        (
            "[listen]\nhttp = [\"80\", \":81\"]\n[site.a]\nroute=[{files=\"x\"}]",
            &["2:9 `http`: \"80\" has no port | expected an address"],
        ),
        (
            "[log]\nformat = \"jsno\"\n[site.a]\nroute=[{files=\"x\"}]",
            &["2:10 `format`: there is no \"jsno\"; did you mean \"json\"? | expected \"json\" or \"combined\""],
        ),
        ("[[site.a.route]]\nfilse = \"x\"", &["2:1 unknown key `filse` in a route | did you mean `files`?"]),
        (
            "[site.\"https://a.example/\"]\nroute=[{files=\"x\"}]",
            &["1:7 `site`: \"https://a.example/\" is a URL: write the host alone"],
        ),
        (
            "[[site.a.route]]\nproxy = { too = \"x:1\" }\n[site.b]\nhsts = 3",
            &["2:11 unknown key `too` in proxy | did you mean `to`?", "4:8 `hsts` cannot be a number"],
        ),
        ("[site.a]\nroute = [{ files = public }]", &["not TOML: string values must be quoted | write \"public\""]),
        ("[[site.example.com.route]]\nfiles = \"public\"", &["unknown key `com` in a site"]),
        ("a = = 1", &["1:5 this is not TOML: extra `=`"]),
        (
            "[limits]\nheader_timeout = \"30\"\nbody_size = \"10 parsecs\"\n[site.a]\nroute=[{files=\"x\"}]",
            &["write \"30s\" for seconds", "3:13 `body_size`: \"10 parsecs\" is not a size"],
        ),
    ]);
}

#[test]
fn listening_and_limits() {
    let site = "\n[site.a]\nroute=[{files=\"x\"}]";
    for (text, expected) in [
        ("[listen]\nhttp = \":80\"\nhttps = \"0.0.0.0:80\"", "3:9 `0.0.0.0:80` is already taken by `:80` in line 2"),
        ("[listen]\nadmin = \":7070\"", "2:9 `admin` on `:7070` could be reached by other machines"),
        ("trusted = [\"0.0.0.0/0\"]", "1:12 warning: `0.0.0.0/0` is everyone"),
        ("[limits]\nidle_timeout = \"0s\"", "2:16 `idle_timeout` of zero"),
        ("[limits]\nheader_size = \"1KB\"", "2:15 `header_size` of 1KB would refuse what browsers send"),
        ("[workers]\ncount = 0", "2:9 0 is not a number of workers"),
    ] {
        check_table(&[(&format!("{text}{site}"), &[expected])]);
    }
    check_table(&[("[log]\nlevel = \"warn\"", &["1:1 warning: there is no site"])]);
}

#[test]
fn certificates() {
    check_table(&[
        ("[tls]\nissuer = \"files\"\n[[site.a.route]]\nfiles = \"x\"", &["3:8 the site `a` has no certificate"]),
        ("[listen]\nhttp = \":80\"\n[tls]\nissuer = \"files\"\n[[site.a.route]]\nfiles = \"x\"", &[]),
        ("[site.a]\ntls = { cert = \"a.crt\" }\nroute=[{files=\"x\"}]", &["2:16 a `cert` without its `key`"]),
        (
            "[tls]\nissuer = \"acme\"\n[tls.acme]\ncontact = \"a@b.c\"\n[[site.\"a.b\".route]]\nfiles = \"x\"",
            &["3:1 Let's Encrypt issues only", "4:11 `a@b.c` is not a contact | write \"mailto:a@b.c\""],
        ),
        (
            "[tls]\nissuer = \"acme\"\n[[site.\"*.a.b\".route]]\nfiles = \"x\"",
            &["names under `*.a.b` get certificates one by one"],
        ),
        ("[tls.client_certificates]\n[[site.a.route]]\nfiles = \"x\"", &["needs to know which authorities"]),
    ]);
}

#[test]
fn sites() {
    check_table(&[
        ("[site.a]", &["1:7 the site `a` answers nothing"]),
        (
            "[site.a]\naliases = [\"B\"]\nroute=[{files=\"x\"}]\n[site.b]\nroute=[{files=\"x\"}]",
            &["4:7 `b` already is a site, in line 2"],
        ),
        (
            "[site.a]\ndefault = true\nroute=[{files=\"x\"}]\n[site.b]\ndefault = true\nroute=[{files=\"x\"}]",
            &["5:11 there already is a default site, in line 2"],
        ),
        ("[site.a]\nredirect = \"https://a\"", &["2:12 the redirect of `a` leads to itself"]),
        (
            "[site.a]\nredirect = \"https://b\"\nroute=[{files=\"x\"}]",
            &["3:8 warning: routes of `a` are never reached"],
        ),
        (
            "[listen]\nhttp=\":80\"\n[site.a]\nhsts = \"1y\"\nroute=[{files=\"x\"}]",
            &["4:8 warning: `hsts` does nothing without HTTPS"],
        ),
        (
            "[site.a]\nhsts = { max_age = \"30d\", preload = true }\nroute=[{files=\"x\"}]",
            &["2:8 warning: browsers do not build this in"],
        ),
    ]);
}

#[test]
fn routes() {
    check_table(&[
        ("[[site.a.route]]\npath = \"/\"", &["1:1 this route does nothing"]),
        ("[[site.a.route]]\nfiles = \"x\"\nproxy = \"b:1\"", &["3:9 a route does one thing: `files` or `proxy`"]),
        (
            "[[site.a.route]]\nproxy = \"b:1\"\nlisting = true",
            &["3:11 `listing` means nothing beside `proxy` | it belongs to `files` and `store`"],
        ),
        ("[[site.a.route]]\nstore = \"x\"", &["2:9 anyone could change the files of this store"]),
        ("[[site.a.route]]\nstore = \"x\"\nopen = true", &[]),
        (
            "[[site.a.route]]\nfiles = \"x\"\n[[site.a.route]]\npath = \"/api/*\"\nproxy = \"b:1\"",
            &["4:8 warning: this route is never reached | the route in line 1"],
        ),
        ("[[site.a.route]]\nfiles = \"x\"\nmethod = \"GET\"\n[[site.a.route]]\nproxy = \"b:1\"", &[]),
        (
            "[[site.a.route]]\nfiles = \"x\"\nheaders = { set = { Content-Length = \"1\" } }",
            &["3:21 `content-length` cannot be changed by hand"],
        ),
        ("[[site.a.route]]\npath = \"/old\"\nredirect = \"/new/*\"", &["3:12 the star stands for nothing"]),
        (
            "[[site.a.route]]\nproxy = \"b:1\"\nrewrite = { strip_prefix = \"api/\" }",
            &["3:28 `api/` is not a prefix of paths | write \"/api\""],
        ),
        ("[[site.a.route]]\nproxy = \"b:1\"\nrewrite = { to = \"a\" }", &["3:18 `a` is not a path | write \"/a\""]),
        (
            "[listen]\nhttp = \":80\"\n[[site.a.route]]\nproxy = \"localhost:80\"",
            &["4:9 warning: `http://localhost:80` is Edgeway itself"],
        ),
        (
            "[listen]\nhttp = \":80\"\n[[site.a.route]]\nfiles=\"x\"\nauth = { users = \"u\" }",
            &["5:8 warning: passwords travel readable"],
        ),
        (
            "[[site.a.route]]\nproxy = { to = \"https://b\", tls = { insecure = true } }",
            &["2:48 warning: any certificate is accepted"],
        ),
    ]);
}

#[test]
fn files_are_looked_at() {
    let folder = std::env::temp_dir().join(format!("edgeway-check-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("public")).unwrap();
    std::fs::write(folder.join("users"), "").unwrap();
    std::fs::write(folder.join("site.key"), "-----BEGIN EC PRIVATE KEY-----\n").unwrap();
    let text = "[site.a]\ntls = { cert = \"users\", key = \"site.key\" }\nroute = [\n{ path = \"/1\", files = \"public\" },\n{ path = \"/2\", files = \"users\" },\n{ path = \"/3\", files = \"nothing\", auth = { users = \"public\" } },\n]";
    let loaded = parse(Source::new("edge.toml", &folder, text), Reach::Files);
    std::fs::remove_dir_all(&folder).unwrap();
    let said: Vec<_> = loaded.diagnostics.in_order().iter().map(|one| one.message.clone()).collect();
    let ends = [
        "users holds no CERTIFICATE in PEM form",
        "users is a file, not a folder",
        "nothing does not exist",
        "public is a folder, not a file",
    ];
    assert!(said.len() == 4 && said.iter().zip(ends).all(|(said, end)| said.ends_with(end)), "{said:#?}");
}

#[test]
fn a_mistake_as_a_person_sees_it() {
    let text = "[site.\"example.com\"]\nhsts = \"1y\"\n\n[[site.\"example.com\".route]]\npath = \"/api/*\"\nprxoy = \"10.0.0.2:8080\"\n";
    let loaded = parse(Source::new("edge.toml", ".", text), Reach::Text);
    let shown = loaded.diagnostics.render(&loaded.source, Paint::Plain);
    let expected = "\
error: unknown key `prxoy` in a route
 --> edge.toml:6:1
  |
6 | prxoy = \"10.0.0.2:8080\"
  | ^^^^^ did you mean `proxy`?
  = known keys: path, method, header, files, store, proxy,";
    assert!(shown.contains(expected), "{shown}");
}

#[test]
fn routes_that_issue() {
    check_table(&[
        ("[[site.a.route]]\npath = \"/acme/*\"\nissue = { names = [\"*.lan\"] }", &[]),
        ("[[site.a.route]]\npath = \"/acme/*\"\nissue = {}", &["3:9 `issue` needs to know for which names"]),
        (
            "[[site.a.route]]\nissue = { names = \"x.lan\" }\npath = \"/acme\"",
            &["2:9 a route that issues is for everything below"],
        ),
        (
            "[[site.a.route]]\npath = \"/acme/*\"\nissue = { names = \"x.lan\", lifetime = \"1y\" }",
            &["3:39 `lifetime` of 1y is not one for a certificate"],
        ),
        (
            "[[site.a.route]]\npath = \"/1/*\"\nissue = { names = \"x.lan\" }\n[[site.a.route]]\npath = \"/2/*\"\nissue = { names = \"y.lan\" }",
            &["6:9 there already is a route that issues, in line 3"],
        ),
    ]);
}

/// Whatever is typed, it is read or refused with places inside the text; nothing panics.
#[test]
fn no_text_brings_the_reading_down() {
    use edgeway_base::{Entropy as _, SeededEntropy};
    const TEXT: &str = "trusted = [\"10.0.0.0/8\"]\n[listen]\nhttp = \":80\"\n[tls.acme]\nagree = true\n[site.\"*.ex\u{e4}.com\"]\n\
        hsts = { max_age = \"1y\" }\nerror_pages = { 4xx = \"a\" }\n[[site.a.route]]\npath = [\"/a/*\", \"/**/b\"]\nproxy = { to = \
        [\"https://x:1\", \"unix:/r\"], tls = { ca = \"c\" } }\nheaders = { set = { A = \"b\" } }\n";
    let mut chance = SeededEntropy::new(7);
    for _ in 0..3_000 {
        let mut bytes = TEXT.as_bytes().to_vec();
        for _ in 0..=chance.below(4) {
            let at = chance.below(bytes.len() as u32) as usize;
            match chance.below(3) {
                0 => bytes[at] = b"\"[]{}=.,#\n\0 a1"[chance.below(14) as usize],
                1 if bytes.len() > 1 => _ = bytes.remove(at),
                _ => bytes.truncate(at.max(1)),
            }
        }
        let loaded = parse(Source::new("x", ".", String::from_utf8_lossy(&bytes)), Reach::Text);
        let shown = loaded.diagnostics.render(&loaded.source, Paint::Plain);
        assert!(loaded.diagnostics.in_order().iter().all(|one| one.span.end <= loaded.source.text().len()), "{shown}");
    }
}

#[test]
fn zones_and_who_may_have_them() {
    const LISTEN: &str = "[listen]\ndns = \":53\"\n";
    let cases: &[(&str, &[&str])] = &[
        ("[zone.\"a.example\"]\nfile = \"x\"\n", &[]),
        ("[zone.\"a.example\"]\n", &["3:7 the zone `a.example` has no records | expected a `file`, or `records`"]),
        (
            "[zone.\"a.example\"]\nfile = \"x\"\nrecords = \"\"\n",
            &["5:11 the zone `a.example` comes from two places | expected a `file` or `records`, not both"],
        ),
        (
            "[zone.\"a.example\"]\nfile = \"x\"\n[zone.\"A.example.\"]\nfile = \"x\"\n",
            &["5:7 `a.example` already is a zone, in line 3"],
        ),
        (
            "[zone.\"a.example\"]\nfile = \"x\"\ntransfer = [\"10.0.0.1\", \"key:k\"]\n",
            &["5:25 there is no key `k` | expected the name of a [tsig] key"],
        ),
        (
            "[zone.\"a.example\"]\nfile = \"x\"\nsign = true\ndenial = \"compact\"\ntransfer = \"::1\"\n",
            &["7:12 warning: copies of this zone cannot prove"],
        ),
        ("[tsig.k]\nsecret = \"MDEy\"\n", &["4:10 `secret`: a secret of 3 bytes can be guessed", "there is no site"]),
    ];
    for (text, expected) in cases {
        let mut found = found(&format!("{LISTEN}{text}"));
        found.sort_by_key(|line| line.contains("there is no site"));
        let as_expected = found.len() == expected.len()
            && found.iter().zip(*expected).all(|(found, expected)| found.contains(expected));
        assert!(as_expected, "\n{text}\nexpected {expected:#?}\nfound {found:#?}");
    }
    check_table(&[
        (
            "[listen]\nadmin = \"localhost:1\"\n[zone.\"a.example\"]\nfile = \"x\"\n",
            &["3:7 warning: `a.example` is served nowhere | add `dns = [\":53\"]` to [listen]"],
        ),
        (
            "[listen]\ndns = \"unix:/x\"\n[zone.a]\nfile = \"x\"\n",
            &["2:7 `unix:/x` cannot be asked for names | expected an address with a port"],
        ),
    ]);
}
