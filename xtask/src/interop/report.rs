//! What a case gives back: checks by name, each passed, failed or skipped with the reason. Called by every case;
//! [`Report::judge`] holds it against [`super::expected`].

use super::expected::Expected;
use anyhow::{Result, bail};
use std::fmt;

/// The checks of one case, printed as they come.
pub(crate) struct Report {
    case: &'static str,
    checks: Vec<Check>,
}

struct Check {
    name: String,
    result: CheckResult,
}

enum CheckResult {
    Passed,
    Failed,
    Skipped,
}

/// A case in one line.
pub(crate) struct Outcome {
    case: &'static str,
    pub(crate) passed: usize,
    /// Failures that are not known.
    pub(crate) failed: usize,
    known: usize,
    pub(crate) skipped: usize,
    /// No unknown failure, and at least as many passed as ever.
    pub(crate) is_as_expected: bool,
    note: String,
}

impl Report {
    pub(crate) fn new(case: &'static str) -> Self {
        Self { case, checks: Vec::new() }
    }

    /// Runs one check; an error is its failure.
    pub(crate) fn check(&mut self, name: &str, run: impl FnOnce() -> Result<()>) {
        match run() {
            Ok(()) => self.pass(name),
            Err(error) => self.fail(name, &format!("{error:#}")),
        }
    }

    pub(crate) fn pass(&mut self, name: &str) {
        println!("PASS {}/{name}", self.case);
        self.push(name, CheckResult::Passed);
    }

    pub(crate) fn fail(&mut self, name: &str, why: &str) {
        println!("FAIL {}/{name}: {}", self.case, why.trim().replace('\n', "\n       "));
        self.push(name, CheckResult::Failed);
    }

    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        println!("SKIP {}/{name} ({why})", self.case);
        self.push(name, CheckResult::Skipped);
    }

    /// Takes over the lines of a script that reports in the same words: `PASS name`, `FAIL name: why`,
    /// `SKIP name (why)`. Its other lines are passed on.
    pub(crate) fn take(&mut self, words: &str) -> Result<()> {
        let mut taken = 0;
        for line in words.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "PASS" => self.pass(rest.trim()),
                "FAIL" => {
                    let (name, why) = rest.split_once(": ").unwrap_or((rest, "no reason given"));
                    self.fail(name, why);
                }
                "SKIP" => {
                    let (name, why) = rest.split_once(" (").unwrap_or((rest, "no reason given)"));
                    self.skip(name, why.trim_end_matches(')'));
                }
                _ => {
                    eprintln!("{line}");
                    continue;
                }
            }
            taken += 1;
        }
        if taken == 0 {
            bail!("the script reported nothing");
        }
        Ok(())
    }

    fn push(&mut self, name: &str, result: CheckResult) {
        self.checks.push(Check { name: format!("{}/{name}", self.case), result });
    }

    /// Holds the checks against what is expected.
    pub(crate) fn judge(&self, expected: &Expected) -> Outcome {
        let mut outcome = Outcome {
            case: self.case,
            passed: 0,
            failed: 0,
            known: 0,
            skipped: 0,
            is_as_expected: true,
            note: String::new(),
        };
        for check in &self.checks {
            match (&check.result, expected.reason(&check.name)) {
                (CheckResult::Passed, None) => outcome.passed += 1,
                (CheckResult::Passed, Some(_)) => {
                    outcome.passed += 1;
                    outcome.note += &format!("; {} passes now: take it out of expected.toml", check.name);
                }
                (CheckResult::Failed, Some(_)) => outcome.known += 1,
                (CheckResult::Failed, None) => outcome.failed += 1,
                (CheckResult::Skipped, _) => outcome.skipped += 1,
            }
        }
        let floor = expected.floor(self.case);
        if outcome.passed < floor {
            outcome.note += &format!("; {floor} must pass");
        }
        outcome.is_as_expected = outcome.failed == 0 && outcome.passed >= floor;
        outcome
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_as_expected { "PASS" } else { "FAIL" };
        write!(formatter, "{word} {:10} {} passed, {} failed", self.case, self.passed, self.failed)?;
        if self.known > 0 {
            write!(formatter, ", {} failed as expected", self.known)?;
        }
        if self.skipped > 0 {
            write!(formatter, ", {} skipped", self.skipped)?;
        }
        write!(formatter, "{}", self.note)
    }
}

#[test]
fn judged_by_floor_and_known_differences() {
    let expected: Expected =
        toml::from_str("[floor]\ncurl = 2\n[[known]]\ncheck = \"curl/b\"\nreason = \"the standard allows both\"\n")
            .unwrap();
    let mut report = Report::new("curl");
    report.take("PASS a\nFAIL b: not this\nSKIP c (no network)\nsomething else\n").unwrap();
    let outcome = report.judge(&expected);
    assert_eq!((outcome.passed, outcome.failed, outcome.known, outcome.skipped), (1, 0, 1, 1));
    assert!(!outcome.is_as_expected, "one passed, two must");
    report.pass("d");
    assert!(report.judge(&expected).is_as_expected);
    report.fail("e", "a new one");
    assert!(!report.judge(&expected).is_as_expected);
}
