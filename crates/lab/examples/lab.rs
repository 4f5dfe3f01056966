//! Plays scenarios: `lab [NAME|all] [--seed N] [--out FOLDER] [--colour]`.

use std::path::Path;
use std::process::ExitCode;

use edgeway_lab::scenario::{self, Options};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| arguments.iter().position(|word| word == name).and_then(|at| arguments.get(at + 1));
    let seed = value("--seed").and_then(|text| text.parse().ok()).unwrap_or(1);
    let options = Options { colour: arguments.iter().any(|word| word == "--colour") };
    let Some(wanted) = arguments.first().filter(|word| !word.starts_with("--")) else {
        for (name, about) in scenario::list() {
            println!("{name:<14} {about}");
        }
        return ExitCode::SUCCESS;
    };
    let names = scenario::list().into_iter().map(|(name, _)| name.to_owned());
    let names: Vec<String> = if wanted == "all" { names.collect() } else { vec![wanted.clone()] };
    for name in names {
        let outcome = scenario::run(&name, seed, options, &mut std::io::stdout());
        let written = outcome.map(|artifacts| value("--out").map(|folder| artifacts.write_to(Path::new(folder))));
        match written {
            Ok(None | Some(Ok(()))) => {}
            Ok(Some(Err(why))) => {
                eprintln!("{why}");
                return ExitCode::FAILURE;
            }
            Err(why) => {
                eprintln!("{name}: {why}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
