//! Headless Chromium from Debian on a page with parts, driven by playwright-core from npm. The driver is
//! tests/conformance/chromium_client.mjs.

use super::report::Report;
use super::stage::{Stage, run_for};
use crate::install;
use anyhow::Result;
use std::process::Command;
use std::time::Duration;

const PACKAGE: &str = "playwright-core@1.65.1";

/// Images on the page: more than a browser opens connections, so that each connection carries several.
const IMAGES: usize = 24;

pub(super) fn run(stage: &Stage, report: &mut Report) -> Result<()> {
    install::debian(&["chromium"])?;
    let modules = install::node(&stage.cache, &[PACKAGE])?;
    write_page(stage)?;
    let application = stage.application()?;
    let (app, tls) = (application.address, stage.site_tls());
    let edgeway = stage.serve(&format!(
        "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = [\"127.0.0.1:0\"]\n[log]\naccess = \"access.log\"\n\
         [site.\"localhost\"]\nhttp = \"serve\"\nerror_pages = {{ \"404\" = \"public/lost.html\" }}\n{tls}\n\
         [[site.\"localhost\".route]]\npath = \"/app/*\"\nproxy = \"{app}\"\nrewrite = {{ strip_prefix = \"/app\" }}\n\
         [[site.\"localhost\".route]]\nfiles = \"public\"\ncache_control = \"no-cache\"\n"
    ))?;
    let script = modules.join("chromium_client.mjs");
    std::fs::copy(Stage::script("chromium_client.mjs"), &script)?;
    let mut command = Command::new("node");
    command.arg(script);
    command.arg(edgeway.address("http")?.port().to_string()).arg(edgeway.address("https")?.port().to_string());
    command.arg(IMAGES.to_string()).arg(stage.folder("profile")?).arg(stage.folder.join("page.png"));
    let output = run_for(&mut command, Duration::from_secs(120))?;
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    report.take(&String::from_utf8_lossy(&output.stdout))
}

fn write_page(stage: &Stage) -> Result<()> {
    let images: String =
        (0..IMAGES).map(|number| format!("<img src=\"/image-{number}.svg\" width=\"24\" height=\"24\">\n")).collect();
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>A page with parts</title>\n\
         <link rel=\"stylesheet\" href=\"/style.css\"><script type=\"module\" src=\"/script.js\"></script>\n\
         <h1>A page with parts</h1><p id=\"fetched\">nothing yet</p>\n{images}<iframe src=\"/frame.html\"></iframe>\n"
    );
    stage.write("public/index.html", page)?;
    stage.write("public/frame.html", "<!doctype html><title>frame</title><p>frame\n")?;
    stage.write("public/lost.html", "<!doctype html><title>lost</title><p>lost\n")?;
    stage.write("public/style.css", "h1 { color: rgb(1, 2, 3) }\n".repeat(100))?;
    stage.write(
        "public/script.js",
        "const answer = await fetch('/app/chunked');\n\
         document.getElementById('fetched').textContent = await answer.text();\n",
    )?;
    for number in 0..IMAGES {
        let hue = number * 360 / IMAGES;
        stage.write(
            &format!("public/image-{number}.svg"),
            format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"24\" height=\"24\">\
                 <circle cx=\"12\" cy=\"12\" r=\"10\" fill=\"hsl({hue} 80% 50%)\"/></svg>\n"
            ),
        )?;
    }
    Ok(())
}
