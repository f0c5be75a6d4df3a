#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pichat::quarantine::properties::archive(data));
