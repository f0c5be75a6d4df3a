//! `pichat`: see `pichat --help`.

use std::process::ExitCode;

/// Gives the memory of a hash back to the system when it is freed; glibc's was seen to keep 260 MiB after some dozen sign-ins,
/// this one none (`docs/DECISIONS.md`). The 32-bit boards keep musl's own, which gives such memory back too.
#[cfg(target_pointer_width = "64")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    pichat::cli::main()
}
