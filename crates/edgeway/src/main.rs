//! The program `edgeway`: everything it does is in the library beside it, so that tests can ask for it too.

use std::process::ExitCode;

/// Requests allocate little, but they do: mimalloc keeps that cheap and its memory compact under many small objects.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    edgeway::command::run()
}
