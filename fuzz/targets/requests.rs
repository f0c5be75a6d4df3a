#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pichat::ws::properties::requests(data));
