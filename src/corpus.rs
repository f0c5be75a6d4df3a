//! Committed corpus of the fuzzers, replayed by the ordinary tests.

use std::path::Path;

/// Runs `property` over each input in `fuzz/corpus/TARGET`. Names the input that makes it fail.
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "tests")]
pub(crate) fn replay(target: &str, property: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).expect("a folder of inputs") {
        let path = entry.expect("an entry").path();
        let input = std::fs::read(&path).expect("an input");
        if let Err(panic) = std::panic::catch_unwind(|| property(&input)) {
            eprintln!("the input is {}", path.display());
            std::panic::resume_unwind(panic);
        }
        seen += 1;
    }
    assert!(seen > 0, "{} is empty", folder.display());
}
