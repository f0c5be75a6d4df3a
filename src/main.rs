//! `pichat`: see `pichat --help`.

use std::process::ExitCode;

/// Sign-ins were seen to peak at 27 to 46 MiB with it and at 255 MiB with glibc's allocator, whose heap the memory of the hashes
/// tears up (`docs/DECISIONS.md`). The 32-bit boards keep musl's own, which gives such memory back too.
#[cfg(target_pointer_width = "64")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    pichat::cli::main()
}
