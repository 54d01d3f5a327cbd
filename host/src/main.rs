//! The `attune` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    attune::cli::main()
}
