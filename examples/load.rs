//! Loads the largest CT series of a folder into a volume and prints what it took: a whole process to hold against other
//! readers (`benches/peers/`). `cargo run --release --example load -- FOLDER`

#![allow(clippy::unwrap_used)] // nobody but a developer runs it

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use thoracast_dicom as dicom;
use thoracast_files::progress::Silent;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: load FOLDER");
        return ExitCode::FAILURE;
    };
    match load(folder) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// One line of JSON: size, the sum of all HU (so that readers can be held against each other), times and peak memory.
fn load(folder: PathBuf) -> Result<String, String> {
    let begin = Instant::now();
    let scan = dicom::scan(&[folder], &Silent).map_err(|e| e.to_string())?;
    let largest = scan.series.iter().filter(|s| s.usable).max_by_key(|s| s.slices);
    let series = largest.ok_or("the folder holds no usable CT series")?;
    let headers_s = begin.elapsed().as_secs_f64();
    let volume = dicom::load(series, 0, &Silent, &|_, _| ()).map_err(|e| e.to_string())?;
    let seconds = begin.elapsed().as_secs_f64();
    let peak_kib = peak_kib();
    let sum_hu: f64 = volume
        .planes
        .iter()
        .map(|plane| {
            let stored: i64 = plane.stored.iter().map(|&v| i64::from(v)).sum();
            f64::from(plane.slope) * stored as f64 + f64::from(plane.intercept) * plane.stored.len() as f64
        })
        .sum();
    Ok(serde_json::json!({
        "slices": volume.slices(), "rows": volume.rows, "columns": volume.columns, "sum_hu": sum_hu,
        "headers_s": headers_s, "seconds": seconds, "peak_kib": peak_kib,
    })
    .to_string())
}

/// Largest resident size of this process so far, where the system tells it (Linux).
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}
