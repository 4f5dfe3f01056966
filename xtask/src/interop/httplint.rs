//! httplint from PyPI reads each kind of answer and complains about nothing.

use super::curl;
use super::report::Report;
use super::stage::{Stage, run_for};
use crate::install;
use anyhow::{Result, ensure};
use std::process::Command;
use std::time::Duration;

const PACKAGE: &str = "httplint==2026.10.4";

/// What is asked for, with curl's words before the path.
const ANSWERS: &[(&str, &[&str], &str)] = &[
    ("a file", &[], "/hello.txt"),
    ("a compressed file", &["-H", "Accept-Encoding: gzip"], "/style.css"),
    ("a range", &["-r", "0-3"], "/hello.txt"),
    ("a range beyond the end", &["-r", "100-"], "/hello.txt"),
    ("not modified", &["-H", "If-None-Match: *"], "/hello.txt"),
    ("a listing", &[], "/listed/"),
    ("a folder without slash", &[], "/listed"),
    ("a redirect", &[], "/old/hello.txt"),
    ("not found", &[], "/nowhere"),
    ("not allowed", &["-X", "DELETE"], "/hello.txt"),
    ("sign in", &[], "/basic/"),
    ("a text", &[], "/text"),
    ("a bad request", &["-H", "Host:"], "/hello.txt"),
    ("proxied", &[], "/app/seen"),
    ("nobody upstream", &[], "/dead/"),
];

pub(super) fn run(stage: &Stage, report: &mut Report) -> Result<()> {
    install::debian(&["curl"])?;
    let bin = install::python(&stage.cache, &[PACKAGE])?;
    stage.write("public/hello.txt", "hello\n")?;
    stage.write("public/style.css", "body { color: black }\n".repeat(200))?;
    stage.write("public/listed/one.txt", "1\n")?;
    curl::users(stage, "users", &[])?;
    let (app, nobody) = (stage.application()?, super::application::Application::nobody()?);
    let edgeway = stage.serve(&format!(
        "[listen]\nhttp = [\"127.0.0.1:0\"]\n[log]\naccess = \"off\"\n[site.\"localhost\"]\n\
         [[site.\"localhost\".route]]\npath = \"/old/*\"\nredirect = \"/*\"\n\
         [[site.\"localhost\".route]]\npath = \"/text\"\nrespond = \"hello\\n\"\n\
         [[site.\"localhost\".route]]\npath = \"/basic/*\"\nrespond = \"in\"\nauth = {{ users = \"users\" }}\n\
         [[site.\"localhost\".route]]\npath = \"/app/*\"\nproxy = \"{}\"\nrewrite = {{ strip_prefix = \"/app\" }}\n\
         [[site.\"localhost\".route]]\npath = \"/dead/*\"\nproxy = \"{nobody}\"\n\
         [[site.\"localhost\".route]]\nfiles = \"public\"\nlisting = true\n",
        app.address
    ))?;
    let origin = format!("http://localhost:{}", edgeway.address("http")?.port());
    for (name, words, path) in ANSWERS {
        report.check(name, || {
            let answer = Command::new("curl")
                .args(["-sS", "-i", "--raw", "--noproxy", "*", "--max-time", "20"])
                .args(*words)
                .arg(format!("{origin}{path}"))
                .output()?;
            let file = stage.write("answer.http", &answer.stdout)?;
            let mut command = Command::new("sh");
            command.args(["-c", "exec \"$0\" -n < \"$1\""]).arg(bin.join("httplint")).arg(file);
            let output = run_for(&mut command, Duration::from_secs(30))?;
            let words = String::from_utf8_lossy(&output.stdout).into_owned();
            ensure!(words.contains("[GOOD]") || words.contains("[INFO]"), "httplint read nothing: {answer:?}");
            let bad: Vec<&str> = words.lines().filter(|line| is_complaint(line)).collect();
            ensure!(bad.is_empty(), "{}\n{}", bad.join("\n"), String::from_utf8_lossy(&answer.stdout));
            Ok(())
        });
    }
    Ok(())
}

/// What the linter only remarks: how long answers may be kept is the operator's to say, not the server's to guess, and
/// the bad request was meant to be one.
const REMARKS: &[&str] = &["their own freshness lifetimes", "didn't understand the request"];

fn is_complaint(line: &str) -> bool {
    line.contains("[BAD]") || (line.contains("[WARN]") && !REMARKS.iter().any(|remark| line.contains(remark)))
}
