//! The program `edgeway`: everything it does is in the library beside it, so that tests can ask for it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    edgeway::command::run()
}
