//! From samples to sentences: medians, ratios taken within each round, whether the target is met, and the section of
//! bench/RESULTS.md. Called by [`super::run`].

use super::Setup;
use super::cases::{Case, Load, Target};
use super::peers;
use super::rounds::{CaseResult, Sample, ServerResult};
use crate::output_of;
use anyhow::{Context as _, Result};
use std::fmt::Write as _;
use std::process::Command;

/// Frames this suite's part of bench/RESULTS.md, so that other suites keep theirs.
const SECTION_START: &str = "<!-- http1: written by `cargo xtask bench http1 --record` -->";
const SECTION_END: &str = "<!-- end of http1 -->";

impl Sample {
    /// Time of the server's core per request, in microseconds: the number that counts.
    fn core0_us(&self) -> f64 {
        self.spent.core0_us as f64 / self.answers.requests as f64
    }

    /// Time of the server's processes per request, in microseconds: the check on the number that counts.
    fn process_us(&self) -> f64 {
        (self.spent.user_us + self.spent.system_us) as f64 / self.answers.requests as f64
    }

    fn per_second(&self) -> f64 {
        self.answers.requests as f64 / self.answers.seconds
    }

    fn user_us(&self) -> f64 {
        self.spent.user_us as f64 / self.answers.requests as f64
    }

    /// Share of a core that was busy while the load ran.
    fn busy(&self, core_us: u64) -> f64 {
        core_us as f64 / (self.answers.seconds * 1e6)
    }
}

/// What a case is judged by: time per request, or memory per connection.
fn judged(case: &Case, sample: &Sample) -> f64 {
    match case.load {
        Load::Idle { .. } => sample.bytes_per_connection,
        Load::Wrk { .. } | Load::Handshake { .. } => sample.core0_us(),
    }
}

/// Progress on one line while the rounds run.
pub(crate) fn sample_line(name: &str, case: &Case, sample: &Sample) -> String {
    if let Load::Idle { .. } = case.load {
        return format!("{name}: {:.0} bytes per connection", sample.bytes_per_connection);
    }
    format!(
        "{name}: {:.2} us/request (process {:.2}), {:.0} req/s, {} errors",
        sample.core0_us(),
        sample.process_us(),
        sample.per_second(),
        sample.answers.errors
    )
}

/// The table of one case, in Markdown that also reads well on a terminal.
pub(crate) fn case_table(result: &CaseResult) -> String {
    let mut text = format!("\n### {}: {}\n\n", result.case.name, result.case.about);
    if is_disturbed(result) {
        text += "**Core 0 was busy with other things: these figures are worth nothing.**\n\n";
    }
    let is_idle = matches!(result.case.load, Load::Idle { .. });
    text += if is_idle {
        "| server | rounds | bytes/connection (median, min-max) | anonymous MB | RSS MB |\n|---|---|---|---|---|\n"
    } else {
        "| server | rounds | us/request, core 0 (median, min-max) | process (user) | req/s | p99 ms | core 0 % | core 1 % \
         | errors | RSS MB |\n|---|---|---|---|---|---|---|---|---|---|\n"
    };
    let mut servers: Vec<&ServerResult> = result.servers.iter().collect();
    servers.sort_by(|a, b| median_of(a, result.case).total_cmp(&median_of(b, result.case)));
    for server in servers {
        text += &if is_idle { idle_row(result.case, server) } else { time_row(result.case, server) };
    }
    text
}

/// Core 0 spent much more than the server on it did. The kernel charges some of a server's work to nobody (interrupts
/// that hit the idle core), a few percent on a quiet machine.
fn is_disturbed(result: &CaseResult) -> bool {
    const QUIET_AT_MOST: f64 = 1.25;
    result.servers.iter().filter(|server| !server.samples.is_empty()).any(|server| {
        let of = |value: fn(&Sample) -> f64| median(server.samples.iter().map(value));
        !matches!(result.case.load, Load::Idle { .. }) && of(Sample::core0_us) > QUIET_AT_MOST * of(Sample::process_us)
    })
}

fn time_row(case: &Case, server: &ServerResult) -> String {
    let of = |value: fn(&Sample) -> f64| median(server.samples.iter().map(value));
    let (low, high) = range(server.samples.iter().map(|sample| judged(case, sample)));
    format!(
        "| {} | {} | {:.2} ({low:.2}-{high:.2}) | {:.2} ({:.2}) | {:.0} | {:.2} | {:.0} | {:.0} | {} | {:.0} |\n",
        server.name,
        server.samples.len(),
        median_of(server, case),
        of(Sample::process_us),
        of(Sample::user_us),
        of(Sample::per_second),
        of(|sample| sample.answers.p99_us / 1e3),
        of(|sample| 100.0 * sample.busy(sample.spent.core0_us)),
        of(|sample| 100.0 * sample.busy(sample.spent.core1_us)),
        server.samples.iter().map(|sample| sample.answers.errors).sum::<u64>(),
        of(|sample| sample.memory.resident as f64 / 1e6),
    )
}

fn idle_row(case: &Case, server: &ServerResult) -> String {
    let of = |value: fn(&Sample) -> f64| median(server.samples.iter().map(value));
    let (low, high) = range(server.samples.iter().map(|sample| judged(case, sample)));
    format!(
        "| {} | {} | {:.0} ({low:.0}-{high:.0}) | {:.1} | {:.1} |\n",
        server.name,
        server.samples.len(),
        median_of(server, case),
        of(|sample| sample.memory.anonymous as f64 / 1e6),
        of(|sample| sample.memory.resident as f64 / 1e6),
    )
}

/// One line for each case: the paired ratio, the target, whether it is met.
pub(crate) fn verdicts(results: &[CaseResult]) -> String {
    let mut text = String::from("\n### Against the targets\n\n| case | measured | target | |\n|---|---|---|---|\n");
    for result in results {
        let (measured, target) = verdict(result);
        let mark = match (is_comparable(result), is_met(result)) {
            (false, _) => "-",
            (true, true) => "met",
            (true, false) => "**not met**",
        };
        let _ = writeln!(text, "| {} | {measured} | {target} | {mark} |", result.case.name);
    }
    text
}

fn verdict(result: &CaseResult) -> (String, String) {
    match result.case.target {
        Target::Bytes { at_most } => {
            let measured = server(result, "edgeway").map_or_else(
                || "edgeway was not measured".to_owned(),
                |ours| format!("{:.0} bytes", median_of(ours, result.case)),
            );
            (measured, format!("at most {at_most:.0} bytes"))
        }
        Target::Ratio { at_most, of } => {
            let names = of.join(", ");
            let target = format!("at most {at_most:.2} of {}{names}", if of.len() > 1 { "the best of " } else { "" });
            let Some((peer, ratios)) = paired(result, of) else {
                return (format!("edgeway or {names} was not measured"), target);
            };
            let (low, high) = range(ratios.iter().copied());
            (format!("{:.2} of {peer} ({low:.2}-{high:.2})", median(ratios.into_iter())), target)
        }
    }
}

/// Whether the target is met; a case without Edgeway in it has none to miss.
pub(crate) fn is_met(result: &CaseResult) -> bool {
    let Some(ours) = server(result, "edgeway") else { return true };
    if ours.samples.iter().any(|sample| sample.answers.errors > 0) {
        return false;
    }
    match result.case.target {
        Target::Bytes { at_most } => median_of(ours, result.case) <= at_most,
        Target::Ratio { at_most, of } => {
            paired(result, of).is_none_or(|(_, ratios)| median(ratios.into_iter()) <= at_most)
        }
    }
}

/// Whether all that the target speaks of was measured.
fn is_comparable(result: &CaseResult) -> bool {
    match result.case.target {
        Target::Bytes { .. } => server(result, "edgeway").is_some(),
        Target::Ratio { of, .. } => paired(result, of).is_some(),
    }
}

/// Ratios of Edgeway to the cheapest of `peers`, one for each round: what the machine did in a round, it did to both.
fn paired(result: &CaseResult, peers: &[&str]) -> Option<(&'static str, Vec<f64>)> {
    let ours = server(result, "edgeway")?;
    let best = result
        .servers
        .iter()
        .filter(|server| peers.contains(&server.name))
        .min_by(|a, b| median_of(a, result.case).total_cmp(&median_of(b, result.case)))?;
    let ratio = |(a, b): (&Sample, &Sample)| judged(result.case, a) / judged(result.case, b);
    Some((best.name, ours.samples.iter().zip(&best.samples).map(ratio).collect()))
}

fn server<'a>(result: &'a CaseResult, name: &str) -> Option<&'a ServerResult> {
    result.servers.iter().find(|server| server.name == name)
}

fn median_of(server: &ServerResult, case: &Case) -> f64 {
    median(server.samples.iter().map(|sample| judged(case, sample)))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[length / 2],
        length => f64::midpoint(sorted[length / 2 - 1], sorted[length / 2]),
    }
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

/// Writes this suite's section of bench/RESULTS.md and leaves the others.
pub(crate) fn record(results: &[CaseResult], setup: &Setup) -> Result<()> {
    let mut section = format!("{SECTION_START}\n## HTTP/1.1\n\n{}", circumstances(setup)?);
    section += &verdicts(results);
    for result in results {
        section += &case_table(result);
    }
    section += SECTION_END;
    let path = crate::root().join("bench/RESULTS.md");
    let old = std::fs::read_to_string(&path).unwrap_or_else(|_| TITLE.to_owned());
    std::fs::write(&path, replace_section(&old, &section)).with_context(|| path.display().to_string())?;
    eprintln!("recorded in {}", path.display());
    Ok(())
}

const TITLE: &str = "# Results\n\nMeasured side by side in one run; how, and how to repeat it, stands in `README.md` beside this file.\n\n";

fn replace_section(old: &str, section: &str) -> String {
    match (old.find(SECTION_START), old.find(SECTION_END)) {
        (Some(start), Some(end)) if start < end => {
            format!("{}{section}{}", &old[..start], &old[end + SECTION_END.len()..])
        }
        _ => format!("{}\n\n{section}\n", old.trim_end()),
    }
}

/// Date, machine, versions.
fn circumstances(setup: &Setup) -> Result<String> {
    let date = output_of(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]))?;
    let kernel = output_of(Command::new("uname").args(["-sr"]))?;
    let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = information.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("unknown processor", |(_, name)| name.trim());
    let cores = information.lines().filter(|line| line.starts_with("processor")).count();
    let mut text = format!(
        "{}, {model}, {cores} cores, {}. Server with one worker on core 0, load and backend on core 1; access log to a \
         file and metrics on; {} rounds of {} s, in turn and in reverse.\n\n",
        date.trim(),
        kernel.trim(),
        setup.rounds,
        setup.seconds
    );
    for peer in peers::wanted(setup) {
        let _ = writeln!(text, "* {}: {}", peer.name, (peer.version)(setup)?);
    }
    Ok(text)
}

#[test]
fn a_section_replaces_only_itself() {
    let first = replace_section("# Results\n", &format!("{SECTION_START}\none\n{SECTION_END}"));
    let second = replace_section(&format!("{first}\n## Others\n"), &format!("{SECTION_START}\ntwo\n{SECTION_END}"));
    assert!(second.contains("two") && !second.contains("one") && second.contains("## Others"));
}

#[test]
fn medians_of_odd_and_even_and_nothing() {
    assert!((median([3.0, 1.0, 2.0].into_iter()) - 2.0).abs() < 1e-9);
    assert!((median([4.0, 1.0, 2.0, 3.0].into_iter()) - 2.5).abs() < 1e-9);
    assert!(median(std::iter::empty()).is_nan());
}
