//! `pichat`: see `pichat --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pichat::cli::main()
}
