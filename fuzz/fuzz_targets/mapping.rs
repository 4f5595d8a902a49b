//! Any bytes as the mapping of a small cohort folder.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| thoracast_fuzz::read_mapping(data));
