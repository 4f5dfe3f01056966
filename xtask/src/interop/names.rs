//! dig, kdig and drill ask the name service over UDP, TCP, TLS and HTTPS; ldns and BIND judge the zone it signs, which dig
//! brings out by transfer.

use super::report::Report;
use super::stage::{Stage, run_for};
use crate::install;
use anyhow::{Result, ensure};
use std::process::Command;
use std::time::Duration;

const ZONE: &str = "$TTL 300\n@ SOA ns root 1 3600 900 604800 60\n@ NS ns\nns A 192.0.2.1\nwww CNAME host\nhost A 192.0.2.10\n\
    *.wild A 192.0.2.20\nsub NS ns.sub\nns.sub A 192.0.2.40\n$GENERATE 1-60 big TXT \"record $ of a large set of records\"\n";

pub(super) fn run(stage: &Stage, report: &mut Report) -> Result<()> {
    install::debian(&["dnsutils", "knot-dnsutils", "ldnsutils", "bind9-utils"])?;
    stage.write("example.zone", ZONE)?;
    let tls = stage.site_tls();
    let edgeway = stage.serve(&format!(
        "[listen]\ndns = [\"127.0.0.1:0\"]\ndot = [\"127.0.0.1:0\"]\nhttps = [\"127.0.0.1:0\"]\n[log]\naccess = \"off\"\n\
         [zone.\"example.com\"]\nfile = \"example.zone\"\nsign = true\ntransfer = [\"127.0.0.1\"]\n\
         [site.\"localhost\"]\n{tls}\ndefault = true\n[[site.\"localhost\".route]]\npath = \"/dns-query\"\ndns = true\n"
    ))?;
    let (names, dot, https) =
        (edgeway.address("dns")?.port(), edgeway.address("dot")?.port(), edgeway.address("https")?.port());
    let port = names.to_string();
    let authority = stage.certificates.authority.display().to_string();
    let (tls, https) = (dot.to_string(), https.to_string());
    let ca = format!("+tls-ca={authority}");
    for (name, program, words, expected) in [
        ("dig over UDP", "dig", &["-p", &port, "@127.0.0.1", "www.example.com"][..], "192.0.2.10"),
        ("dig over TCP", "dig", &["-p", &port, "+tcp", "@127.0.0.1", "x.wild.example.com"], "192.0.2.20"),
        ("dig turns to TCP", "dig", &["-p", &port, "@127.0.0.1", "big.example.com", "TXT"], "ANSWER: 60"),
        ("dig: no such name", "dig", &["-p", &port, "@127.0.0.1", "none.example.com"], "status: NXDOMAIN"),
        ("dig: not ours", "dig", &["-p", &port, "@127.0.0.1", "example.org"], "status: REFUSED"),
        ("dig: a delegation", "dig", &["-p", &port, "+norec", "@127.0.0.1", "a.sub.example.com"], "192.0.2.40"),
        ("dig: cookies", "dig", &["-p", &port, "+cookie", "@127.0.0.1", "host.example.com"], "(good)"),
        ("drill with DNSSEC", "drill", &["-D", "-p", &port, "@127.0.0.1", "host.example.com"], "RRSIG"),
        ("kdig over UDP", "kdig", &["-p", &port, "@127.0.0.1", "+dnssec", "none.example.com"], "NSEC"),
        (
            "kdig over TLS",
            "kdig",
            &["-p", &tls, "@127.0.0.1", "+tls", &ca, "+tls-hostname=localhost", "www.example.com"],
            "192.0.2.10",
        ),
        (
            "kdig over HTTPS",
            "kdig",
            &["-p", &https, "@127.0.0.1", "+https", &ca, "+tls-hostname=localhost", "www.example.com"],
            "192.0.2.10",
        ),
        (
            "kdig over HTTPS by GET",
            "kdig",
            &["-p", &https, "@127.0.0.1", "+https-get", &ca, "+tls-hostname=localhost", "www.example.com"],
            "192.0.2.10",
        ),
    ] {
        report.check(name, || {
            let words = ask(program, words)?;
            ensure!(words.contains(expected), "{expected} is not in\n{words}");
            Ok(())
        });
    }
    report.check("the signed zone is transferred and holds before ldns-verify-zone and named-checkzone", || {
        let zone = ask(
            "dig",
            &["-p", &port, "+onesoa", "+nocomments", "+nostats", "+nocmd", "@127.0.0.1", "example.com", "AXFR"],
        )?;
        let path = stage.write("signed.zone", &zone)?;
        let path = path.display().to_string();
        let words = ask("ldns-verify-zone", &[&path])?;
        ensure!(words.contains("Zone is verified and complete"), "{words}\n{zone}");
        let words = ask("named-checkzone", &["example.com", &path])?;
        ensure!(words.trim_end().ends_with("OK"), "{words}");
        Ok(())
    });
    Ok(())
}

/// What a stranger says.
fn ask(program: &str, words: &[&str]) -> Result<String> {
    let output = run_for(Command::new(program).args(words), Duration::from_secs(30))?;
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok(format!("{said}{complained}"))
}
