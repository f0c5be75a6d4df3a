//! `pichat`: see `pichat --help`.

use std::process::ExitCode;

/// Allocator on glibc. Sign-ins peaked at 27 to 46 MiB with it and at 255 MiB with glibc's allocator, whose
/// heap the hashes fragment. musl's, which the boards use, returns such memory at once
/// (`docs/decisions/0030`).
#[cfg(not(target_env = "musl"))]
type Heap = dlmalloc::GlobalDlmalloc;
#[cfg(not(target_env = "musl"))]
const HEAP: Heap = dlmalloc::GlobalDlmalloc;
#[cfg(target_env = "musl")]
type Heap = std::alloc::System;
#[cfg(target_env = "musl")]
const HEAP: Heap = std::alloc::System;

/// Clears every freed block: message texts and passwords pass through buffers of libraries that do not.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<Heap> = zeroizing_alloc::ZeroAlloc(HEAP);

fn main() -> ExitCode {
    pichat::cli::main()
}
