//! Any bytes as the card beside a weights file, and as every other model and description the program reads.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| thoracast_fuzz::read_models(data));
