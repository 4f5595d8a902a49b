//! Any bytes as a DICOMDIR beside a file it may name.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    thoracast_fuzz::open_bytes(&[("DICOMDIR", data), ("I1", b"not an image")]);
});
