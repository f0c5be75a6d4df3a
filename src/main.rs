//! `pichat`: see `pichat --help`.

use std::process::ExitCode;

/// Sign-ins were seen to peak at 27 to 46 MiB with it and at 255 MiB with glibc's allocator, whose heap the memory of the hashes
/// tears up. musl's, which the boards have, gives such memory back at once (`docs/DECISIONS.md`).
#[cfg(not(target_env = "musl"))]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    pichat::cli::main()
}
