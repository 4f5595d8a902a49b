//! Any bytes as a table of text, in whatever encoding.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| thoracast_fuzz::read_table("a.csv", data));
