//! Several files in one folder, cut from the data at the lengths its first bytes tell: the series builder.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((lengths, rest)) = data.split_at_checked(8) else { return };
    let [a, b, c] = [0, 2, 4].map(|i| usize::from(u16::from_le_bytes([lengths[i], lengths[i + 1]])));
    let (first, rest) = rest.split_at(a.min(rest.len()));
    let (second, rest) = rest.split_at(b.min(rest.len()));
    let third = &rest[..c.min(rest.len())];
    thoracast_fuzz::open_bytes(&[("1.dcm", first), ("2.dcm", second), ("3.dcm", third)]);
});
