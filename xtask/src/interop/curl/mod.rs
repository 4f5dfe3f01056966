//! curl from Debian, the client that everyone has. [`asks`] are single requests with what is wanted of the answer;
//! [`transfers`] are those that need more than one step.

mod asks;
mod transfers;

use super::application::Application;
use super::report::Report;
use super::stage::{Stage, run_for};
use crate::edgeway::Edgeway;
use crate::install;
use anyhow::{Result, bail};
use std::process::Command;
use std::time::Duration;

/// No request of this case takes longer.
const REQUEST_MAX: Duration = Duration::from_secs(30);

/// Bytes of the file that is downloaded, resumed and uploaded: more than any buffer on the way.
const LARGE: usize = 20 * 1024 * 1024;

pub(super) fn run(stage: &Stage, report: &mut Report) -> Result<()> {
    install::debian(&["curl"])?;
    let scene = Scene::set(stage)?;
    for ask in asks::ALL {
        report.check(ask.name, || ask.put(&scene));
    }
    transfers::run(&scene, report)
}

/// A running Edgeway with everything that curl asks for.
struct Scene<'a> {
    stage: &'a Stage,
    _edgeway: Edgeway,
    /// `http://localhost:PORT` and `https://localhost:PORT`.
    http: String,
    https: String,
    /// What `large.bin` contains.
    large: Vec<u8>,
    _application: Application,
}

/// What curl got.
struct Answer {
    exit: i32,
    status: u16,
    /// One line for each URL: connections opened for it, and the version of HTTP.
    connections: Vec<String>,
    /// All heads, interim ones and those of redirects included.
    heads: String,
    body: Vec<u8>,
    words: String,
}

impl<'a> Scene<'a> {
    fn set(stage: &'a Stage) -> Result<Self> {
        let large = noise(LARGE);
        stage.write("public/index.html", "<!doctype html><title>start</title><p>start page\n")?;
        stage.write("public/hello.txt", "hello\n")?;
        stage.write("public/style.css", "body { color: black }\n".repeat(200))?;
        stage.write("public/folder/index.html", "<!doctype html><title>folder</title>\n")?;
        stage.write("public/listed/one two.txt", "1\n")?;
        stage.write("public/.secret", "nobody sees this\n")?;
        stage.write("public/large.bin", &large)?;
        stage.folder("store")?;
        users(stage, "basic.users", &[])?;
        users(stage, "digest.users", &["--digest", "judges", "--md5"])?;
        let application = stage.application()?;
        let edgeway = stage.serve(&configuration(stage, &application)?)?;
        let http = format!("http://localhost:{}", edgeway.address("http")?.port());
        let https = format!("https://localhost:{}", edgeway.address("https")?.port());
        Ok(Self { stage, _edgeway: edgeway, http, https, large, _application: application })
    }

    /// Asks with these words; `HTTP`, `HTTPS` and `FOLDER` in them stand for the two origins and the case's folder.
    fn ask<S: AsRef<str>>(&self, words: &[S]) -> Result<Answer> {
        let (heads, body) = (self.stage.folder.join("curl.heads"), self.stage.folder.join("curl.body"));
        for left_over in [&heads, &body] {
            let _ = std::fs::remove_file(left_over);
        }
        let mut command = Command::new("curl");
        command.args([
            "-sS",
            "--noproxy",
            "*",
            "--max-time",
            "25",
            "-w",
            "%{http_code} %{num_connects} %{http_version}\n",
        ]);
        command.arg("--cacert").arg(&self.stage.certificates.authority).arg("-D").arg(&heads);
        let folder = self.stage.folder.display().to_string();
        let words: Vec<String> = words
            .iter()
            .map(|word| {
                word.as_ref().replace("HTTPS:", &self.https).replace("HTTP:", &self.http).replace("FOLDER", &folder)
            })
            .collect();
        if !words.iter().any(|word| word == "-o") {
            command.arg("-o").arg(&body);
        }
        let output = run_for(command.args(&words), REQUEST_MAX)?;
        let lines: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        let status = lines.last().and_then(|line| line.split(' ').next()?.parse().ok()).unwrap_or(0);
        Ok(Answer {
            exit: output.status.code().unwrap_or(-1),
            status,
            connections: lines.iter().filter_map(|line| Some(line.split_once(' ')?.1.to_owned())).collect(),
            heads: String::from_utf8_lossy(&std::fs::read(heads).unwrap_or_default()).into_owned(),
            body: std::fs::read(body).unwrap_or_default(),
            words: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

impl Answer {
    /// The status, and that curl itself was content.
    fn status(&self, wanted: u16) -> Result<&Self> {
        if self.exit != 0 {
            bail!("curl ended with {}: {}", self.exit, self.words.trim());
        }
        if self.status != wanted {
            bail!("status {}, wanted {wanted}; {}", self.status, self.heads.trim());
        }
        Ok(self)
    }

    fn body(&self, wanted: &[u8]) -> Result<&Self> {
        if self.body != wanted {
            let start = String::from_utf8_lossy(&self.body[..self.body.len().min(120)]).into_owned();
            bail!("body of {} bytes, wanted {}; it starts {start:?}", self.body.len(), wanted.len());
        }
        Ok(self)
    }

    /// A part of the heads, whatever its letters' case.
    fn head(&self, wanted: &str) -> Result<&Self> {
        if !self.heads.to_ascii_lowercase().contains(&wanted.to_ascii_lowercase()) {
            bail!("no {wanted:?} in the head: {}", self.heads.trim());
        }
        Ok(self)
    }

    fn no_head(&self, unwanted: &str) -> Result<&Self> {
        if self.heads.to_ascii_lowercase().contains(&unwanted.to_ascii_lowercase()) {
            bail!("{unwanted:?} in the head: {}", self.heads.trim());
        }
        Ok(self)
    }
}

/// A file of users with one user, written by the command that people use.
pub(super) fn users(stage: &Stage, name: &str, how: &[&str]) -> Result<()> {
    let password = stage.write("password", "open sesame\n")?;
    let mut command = Command::new(&stage.program);
    command.args(["user", "add"]).args(how).arg("--password-stdin").arg(stage.folder.join(name)).arg("ali");
    let output = command.stdin(std::fs::File::open(password)?).output()?;
    if !output.status.success() {
        bail!("edgeway user add: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn configuration(stage: &Stage, application: &Application) -> Result<String> {
    let (app, nobody, tls) = (application.address, Application::nobody()?, stage.site_tls());
    let socket = format!("unix:{}/web.sock", stage.folder.display());
    let mut text = format!(
        r#"
[listen]
http = ["127.0.0.1:0", "{socket}"]
https = ["127.0.0.1:0"]

[log]
access = "access.log"

[site."localhost"]
default = true
http = "serve"
{tls}
"#
    );
    let strip = |prefix: &str| format!("rewrite = {{ strip_prefix = \"{prefix}\" }}");
    let auth =
        |scheme: &str| format!("auth = {{ users = \"{scheme}.users\", scheme = \"{scheme}\", realm = \"judges\" }}");
    let routes = [
        ("/old/*", "redirect = \"/*\"".to_owned()),
        ("/found", "redirect = { to = \"/hello.txt\", status = 302 }".to_owned()),
        ("/see", "redirect = { to = \"/hello.txt\", status = 303 }".to_owned()),
        ("/text", "respond = \"hello\\n\"".to_owned()),
        ("/gone", "respond = 410".to_owned()),
        ("/store/*", format!("store = \"store\"\nopen = true\nlimit_body = \"64MB\"\n{}", strip("/store"))),
        ("/basic/*", format!("files = \"public\"\n{}\n{}", strip("/basic"), auth("basic"))),
        ("/digest/*", format!("files = \"public\"\n{}\n{}", strip("/digest"), auth("digest"))),
        ("/app/*", format!("proxy = \"{app}\"\n{}", strip("/app"))),
        ("/small/*", format!("proxy = \"{app}\"\nlimit_body = \"1KB\"\n{}", strip("/small"))),
        ("/dead/*", format!("proxy = \"{nobody}\"")),
        ("/silent", format!("proxy = {{ to = [\"{app}\"], first_byte_timeout = \"1s\", retry = 0 }}")),
        ("/listed/*", "files = \"public\"\nlisting = true".to_owned()),
        (
            "/*",
            "files = \"public\"\ncompress = true\ncache_control = \"max-age=60\"\nheaders = { set = { X-Judged = \"yes\" } }".to_owned(),
        ),
    ];
    for (path, rest) in routes {
        text += &format!("\n[[site.\"localhost\".route]]\npath = \"{path}\"\n{rest}\n");
    }
    Ok(text)
}

/// Bytes that do not compress and do not repeat; the same in each run.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(|| {
        // xorshift64*, Vigna 2016.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()
    })
    .flatten()
    .take(length)
    .collect()
}
