//! Runs every script below a folder: `packetdrill FOLDER [--strict]`. Prints each that did not pass, and the sum
//! by folder. Exit code 1 when one failed that is not
//! known to differ.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use edgeway_lab::packetdrill::{Mode, Verdict, known, run_folder};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(folder) = arguments.iter().find(|argument| !argument.starts_with("--")) else {
        eprintln!("usage: packetdrill FOLDER [--strict]");
        return ExitCode::from(2);
    };
    let mode = if arguments.iter().any(|argument| argument == "--strict") { Mode::Strict } else { Mode::Semantic };
    let report = match run_folder(Path::new(folder), mode) {
        Ok(report) => report,
        Err(why) => {
            eprintln!("{folder}: {why}");
            return ExitCode::from(2);
        }
    };
    let mut groups: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    for (name, verdict) in &report.verdicts {
        let group = name.rsplit_once('/').map_or("", |(group, _)| group).to_owned();
        let counts = groups.entry(group).or_default();
        match verdict {
            Verdict::Passed => counts[0] += 1,
            Verdict::Failed { line, why } => {
                counts[1] += 1;
                let known = known::reason(name).map(|why| format!(" [known: {why}]")).unwrap_or_default();
                println!("FAILED  {name}:{line}: {why}{known}");
            }
            Verdict::Skipped(why) => {
                counts[2] += 1;
                println!("SKIPPED {name}: {why}");
            }
        }
    }
    println!("{:<50} {:>6} {:>6} {:>7}", "", "passed", "failed", "skipped");
    for (group, [passed, failed, skipped]) in &groups {
        println!("{group:<50} {passed:>6} {failed:>6} {skipped:>7}");
    }
    let (passed, failed, skipped) = report.totals();
    let unexplained = report.unexplained().count();
    println!("{:<50} {passed:>6} {failed:>6} {skipped:>7}", "all");
    println!("{unexplained} failed without a known reason");
    ExitCode::from(u8::from(unexplained > 0))
}
