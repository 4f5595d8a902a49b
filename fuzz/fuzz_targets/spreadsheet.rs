//! Any bytes as a spreadsheet: half of the inputs as they are, half as members of an XLSX archive, so that what lies
//! behind the compression is reached.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    match data.split_first() {
        Some((0..128, rest)) => thoracast_fuzz::read_table("a.xlsx", &thoracast_fuzz::xlsx(rest)),
        Some((_, rest)) => thoracast_fuzz::read_table("a.xlsx", rest),
        None => {}
    }
});
