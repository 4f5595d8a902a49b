//! Any bytes as a ZIP archive.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| thoracast_fuzz::open_bytes(&[("a.zip", data)]));
