//! The configuration is changed and reloaded again and again while wrk asks without pause: not one request may fail,
//! by either way to ask for a reload, and the last configuration must be in force at the end.

use super::report::Report;
use super::stage::{Stage, run_for};
use crate::edgeway::Edgeway;
use crate::install;
use crate::process::Heir;
use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::Signal;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long wrk asks, in seconds.
const LOAD_SECONDS: u64 = 8;

/// Between two reloads.
const RELOAD_EVERY: Duration = Duration::from_millis(250);

pub(super) fn run(stage: &Stage, report: &mut Report) -> Result<()> {
    install::debian(&["wrk", "curl"])?;
    stage.write("public/hello.txt", "hello\n")?;
    let application = stage.application()?;
    let text = |number: usize| {
        format!(
            "[listen]\nhttp = [\"127.0.0.1:0\"]\nadmin = \"127.0.0.1:0\"\n[log]\naccess = \"off\"\n[site.\"localhost\"]\n\
             default = true\n[[site.\"localhost\".route]]\npath = \"/app/*\"\nproxy = \"{}\"\n\
             rewrite = {{ strip_prefix = \"/app\" }}\nheaders = {{ set = {{ X-Number = \"{number}\" }} }}\n\
             [[site.\"localhost\".route]]\nfiles = \"public\"\nheaders = {{ set = {{ X-Number = \"{number}\" }} }}\n",
            application.address
        )
    };
    let edgeway = stage.serve(&text(0))?;
    report.check("files under SIGHUP", || {
        under_load(stage, &edgeway, "/hello.txt", &text, |edgeway| edgeway.service.signal(Signal::HUP))
    });
    report.check("proxied under SIGHUP", || {
        under_load(stage, &edgeway, "/app/size/1000", &text, |edgeway| edgeway.service.signal(Signal::HUP))
    });
    report.check("files under edgeway reload", || {
        under_load(stage, &edgeway, "/hello.txt", &text, |_| ask_for_reload(stage))
    });
    report.check("a broken configuration changes nothing", || {
        stage.replace_configuration("[listen\n")?;
        ensure!(ask_for_reload(stage).is_err(), "edgeway reload said that a broken file is fine");
        ensure!(number(&edgeway)?.is_some(), "it no longer answers");
        Ok(())
    });
    report.check("graceful stop finishes what is under way", || finishes(stage, &text(1)));
    report.check("binary upgrade under load", || upgrades(stage, &text(7)));
    Ok(())
}

fn under_load(
    stage: &Stage,
    edgeway: &Edgeway,
    path: &str,
    text: &impl Fn(usize) -> String,
    reload: impl Fn(&Edgeway) -> Result<()>,
) -> Result<()> {
    let url = format!("http://127.0.0.1:{}{path}", edgeway.address("http")?.port());
    let mut command = Command::new("wrk");
    command.args(["-t1", "-c32", &format!("-d{LOAD_SECONDS}s"), "--timeout", "5s", &url]);
    let (words, last) = std::thread::scope(|scope| -> Result<_> {
        let load = scope.spawn(|| run_for(&mut command, Duration::from_secs(LOAD_SECONDS + 30)));
        let until = Instant::now() + Duration::from_secs(LOAD_SECONDS) - RELOAD_EVERY;
        let mut last = 1;
        while Instant::now() < until {
            last += 1;
            stage.replace_configuration(&text(last))?;
            reload(edgeway)?;
            std::thread::sleep(RELOAD_EVERY);
        }
        let output = load.join().unwrap_or_else(|_| bail!("wrk panicked"))?;
        Ok((String::from_utf8_lossy(&output.stdout).into_owned(), last))
    })?;
    ensure!(words.contains("requests in"), "wrk said:\n{words}");
    ensure!(!words.contains("Socket errors") && !words.contains("Non-2xx"), "requests failed:\n{words}");
    let now = number(edgeway)?;
    ensure!(now == Some(last), "number {now:?} is in force, {last} was the last");
    Ok(())
}

/// SIGUSR2 under load: another process takes over the listening sockets, and the old one goes when its work is done.
fn upgrades(stage: &Stage, text: &str) -> Result<()> {
    let folder = stage.folder("upgraded")?;
    std::fs::create_dir_all(folder.join("public"))?;
    std::fs::write(folder.join("public/hello.txt"), "hello\n")?;
    std::fs::write(folder.join("edgeway.toml"), text)?;
    let mut edgeway = Edgeway::serve(&stage.program, &["edgeway.toml"], &folder)?;
    let url = format!("http://127.0.0.1:{}/hello.txt", edgeway.address("http")?.port());
    let mut command = Command::new("wrk");
    command.args(["-t1", "-c32", "-d5s", "--timeout", "5s", &url]);
    let (words, _heir) = std::thread::scope(|scope| -> Result<_> {
        let load = scope.spawn(|| run_for(&mut command, Duration::from_secs(40)));
        std::thread::sleep(Duration::from_secs(2));
        edgeway.service.signal(Signal::USR2)?;
        let heir = Heir::of(&mut edgeway.service)?;
        let output = load.join().unwrap_or_else(|_| bail!("wrk panicked"))?;
        Ok((String::from_utf8_lossy(&output.stdout).into_owned(), heir))
    })?;
    ensure!(words.contains("requests in"), "wrk said:\n{words}");
    ensure!(!words.contains("Socket errors") && !words.contains("Non-2xx"), "requests failed:\n{words}");
    ends_by_itself(&mut edgeway, Duration::from_secs(40))?;
    ensure!(number(&edgeway)? == Some(7), "the new process does not answer");
    Ok(())
}

fn ends_by_itself(edgeway: &mut Edgeway, at_most: Duration) -> Result<()> {
    let until = Instant::now() + at_most;
    while !edgeway.service.has_ended() {
        ensure!(Instant::now() < until, "it has not stopped after {at_most:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The number that the configuration in force sets.
fn number(edgeway: &Edgeway) -> Result<Option<usize>> {
    let url = format!("http://127.0.0.1:{}/hello.txt", edgeway.address("http")?.port());
    let output = Command::new("curl").args(["-sS", "-i", "--noproxy", "*", &url]).output()?;
    let text = String::from_utf8_lossy(&output.stdout).to_ascii_lowercase();
    let line = text.lines().find_map(|line| line.strip_prefix("x-number:"));
    Ok(line.and_then(|value| value.trim().parse().ok()))
}

fn ask_for_reload(stage: &Stage) -> Result<()> {
    let mut command = Command::new(&stage.program);
    command.arg("reload").arg("--state").arg(stage.folder.join("state"));
    let output = run_for(&mut command, Duration::from_secs(20))?;
    ensure!(output.status.success(), "edgeway reload: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// SIGTERM while an answer is on its way: the answer arrives whole, and the program ends by itself with 0.
fn finishes(stage: &Stage, text: &str) -> Result<()> {
    let folder = stage.folder("stopping")?;
    std::fs::create_dir_all(folder.join("public"))?;
    std::fs::write(folder.join("edgeway.toml"), text)?;
    let mut edgeway = Edgeway::serve(&stage.program, &["edgeway.toml"], &folder)?;
    let url = format!("http://127.0.0.1:{}/app/chunked", edgeway.address("http")?.port());
    let client = Command::new("curl")
        .args(["-sS", "--noproxy", "*", "--max-time", "20", &url])
        .stdout(std::process::Stdio::piped())
        .spawn()?;
    // The answer takes a quarter of a second; the signal comes in its midst.
    std::thread::sleep(Duration::from_millis(120));
    edgeway.service.signal(Signal::TERM)?;
    let output = client.wait_with_output().context("curl")?;
    let body = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success() && body.ends_with("part 5\n"), "curl ended with {} after {body:?}", output.status);
    ends_by_itself(&mut edgeway, Duration::from_secs(10))
}
