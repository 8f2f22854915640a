#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| nibble_fuzz::windows(input));
