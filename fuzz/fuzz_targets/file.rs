//! Any bytes as one DICOM file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| thoracast_fuzz::open_bytes(&[("a.dcm", data)]));
