//! `cargo xtask interop`: other people's clients and test suites against a running Edgeway.
//!
//! Each case is one file: it installs what it needs, starts Edgeway with a configuration of its own, lets the
//! stranger work, and reports checks by name. tests/conformance/expected.toml holds for each case how many checks
//! must pass (a floor that may only rise) and the differences that are known, each with its reason. The clients that
//! are written in their own language stand beside it.
//!
//! Read [`stage`] (what a case is given), [`report`] (what it gives back), [`expected`] (what is held against it),
//! then any case.

mod application;
mod authority;
mod certbot;
mod chromium;
mod crash;
mod curl;
mod expected;
mod httplint;
mod names;
mod node;
mod pycurl;
mod raw;
mod reload;
mod report;
mod slow;
mod stage;
mod tls_scan;
mod websocket;

use crate::edgeway;
use anyhow::{Result, bail};
use report::{Outcome, Report};
use stage::Stage;
use std::path::PathBuf;
use std::time::Instant;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Cases to run; all by default.
    names: Vec<String>,
    /// Lists the cases and stops.
    #[arg(long)]
    list: bool,
    /// The build profile of Edgeway.
    #[arg(long, default_value = "dev")]
    profile: String,
    /// A program to judge instead of building one.
    #[arg(long)]
    program: Option<PathBuf>,
    /// Keeps the folder with configurations, logs and answers, and says where it is.
    #[arg(long)]
    keep: bool,
}

/// A stranger and what it is asked to do.
struct Case {
    name: &'static str,
    about: &'static str,
    run: fn(&Stage, &mut Report) -> Result<()>,
}

const ALL: &[Case] = &[
    Case { name: "curl", about: "curl: methods, ranges, conditions, uploads, sign-in, sockets", run: curl::run },
    Case { name: "pycurl", about: "libcurl's multi interface from Python, PROXY protocol", run: pycurl::run },
    Case { name: "node", about: "Node's fetch and undici: streams, pipelining, early hints", run: node::run },
    Case { name: "chromium", about: "headless Chromium on a page with parts", run: chromium::run },
    Case { name: "websocket", about: "Autobahn's cases through the proxy, compared with direct", run: websocket::run },
    Case {
        name: "raw",
        about: "bytes that no client library would send, and what arrives behind the proxy",
        run: raw::run,
    },
    Case { name: "slow", about: "slowhttptest's four attacks while others are served", run: slow::run },
    Case { name: "reload", about: "reload in a loop under load without a failed request", run: reload::run },
    Case { name: "crash", about: "kill -9 during PUT: the old file or the new one", run: crash::run },
    Case {
        name: "authority",
        about: "certbot and `edgeway ca serve` without a network of their own",
        run: authority::run,
    },
    Case {
        name: "certbot",
        about: "certbot and our own client get certificates from our authority",
        run: certbot::run,
    },
    Case { name: "tls", about: "sslscan and sslyze find nothing old or weak", run: tls_scan::run },
    Case {
        name: "names",
        about: "dig, kdig, drill over every transport; ldns and BIND judge what is signed",
        run: names::run,
    },
    Case { name: "httplint", about: "httplint finds nothing wrong with the answers", run: httplint::run },
];

/// Runs the cases; true if all went as tests/conformance/expected.toml says.
pub(crate) fn run(options: &Options) -> Result<bool> {
    if options.list {
        for case in ALL {
            println!("{:10} {}", case.name, case.about);
        }
        return Ok(true);
    }
    let cases = chosen(&options.names)?;
    let expected = expected::read()?;
    let program = match &options.program {
        Some(program) => std::path::absolute(program)?,
        None => edgeway::build("edgeway", &options.profile)?,
    };
    let scratch = tempfile::Builder::new().prefix("edgeway-interop-").tempdir()?;
    let mut summary = Vec::new();
    for case in cases {
        let start = Instant::now();
        let stage = Stage::set(&program, &scratch.path().join(case.name))?;
        let mut report = Report::new(case.name);
        if let Err(error) = (case.run)(&stage, &mut report) {
            report.fail("runs to its end", &format!("{error:#}"));
        }
        summary.push((report.judge(&expected), start.elapsed()));
    }
    println!();
    for (outcome, took) in &summary {
        println!("{outcome}  {:.0} s", took.as_secs_f64());
    }
    let sum = |of: fn(&Outcome) -> usize| summary.iter().map(|(outcome, _)| of(outcome)).sum::<usize>();
    println!("{} passed, {} failed, {} skipped", sum(|o| o.passed), sum(|o| o.failed), sum(|o| o.skipped));
    if options.keep {
        println!("kept in {}", scratch.keep().display());
    }
    Ok(summary.iter().all(|(outcome, _)| outcome.is_as_expected))
}

fn chosen(names: &[String]) -> Result<Vec<&'static Case>> {
    if let Some(unknown) = names.iter().find(|name| !ALL.iter().any(|case| case.name == **name)) {
        let known: Vec<&str> = ALL.iter().map(|case| case.name).collect();
        bail!("no case {unknown:?}; there are {}", known.join(", "));
    }
    Ok(ALL.iter().filter(|case| names.is_empty() || names.iter().any(|name| name == case.name)).collect())
}
