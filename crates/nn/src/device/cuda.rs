//! The first CUDA device, opened and tried out, with its name.

use std::panic::catch_unwind;

use candle_core::cuda::cudarc::driver::{CudaContext, DriverError};
use candle_core::{DType, Device, Tensor};

use super::libraries;

const BYTES_IN_GIB: f64 = (1u64 << 30) as f64;

/// Opens CUDA device 0 and runs a small convolution on it; returns it with its name and memory.
///
/// # Errors
/// What is missing or went wrong, in words that follow "CUDA cannot be used:".
pub fn open() -> Result<(Device, String), String> {
    if let Some(missing) = libraries::first_missing(loads) {
        return Err(missing.to_owned());
    }
    // cudarc panics where a library is of a version that lacks a function; the message names the function.
    catch_unwind(open_device).unwrap_or_else(|panic| {
        let cause = panic.downcast_ref::<String>().map_or("unknown", |text| first_line(text));
        Err(format!("the CUDA libraries on this machine do not fit this program ({cause})"))
    })
}

fn open_device() -> Result<(Device, String), String> {
    let context =
        CudaContext::new(0).map_err(|e| format!("the driver offers no device ({})", in_words(e)))?;
    let name = context.name().map_err(in_words)?;
    let gib = context.total_mem().map_err(in_words)? as f64 / BYTES_IN_GIB;
    let failed = |e: candle_core::Error| {
        format!(
            "{name} does not run this program's kernels ({}{})",
            first_line(&e.to_string()),
            driver_note()
        )
    };
    let device = Device::new_cuda(0).map_err(failed)?;
    let sums = sums_of_neighbours(&device).map_err(failed)?;
    if sums != [4.0, 6.0, 4.0, 6.0, 9.0, 6.0, 4.0, 6.0, 4.0] {
        return Err(format!("{name} calculates wrongly (a convolution of ones gave {sums:?})"));
    }
    Ok((device, format!("{name} (CUDA, {gib:.0} GiB)")))
}

/// A 3×3 convolution of ones: loads the convolution's kernels and cuBLAS, which opening a device does not.
fn sums_of_neighbours(device: &Device) -> candle_core::Result<Vec<f32>> {
    let ones = Tensor::ones((1, 1, 3, 3), DType::F32, device)?;
    ones.conv2d(&ones, 1, 1, 1, 1)?.flatten_all()?.to_vec1()
}

/// An old driver refuses kernels of a newer compiler, so the CUDA version it knows is worth telling.
fn driver_note() -> String {
    let mut version = 0;
    // SAFETY: the driver was initialised above; the function writes one integer to a valid place.
    let status = unsafe { candle_core::cuda::cudarc::driver::sys::cuDriverGetVersion(&mut version) };
    match status.result() {
        Ok(()) => format!("; the driver knows CUDA up to {}.{}", version / 1000, version % 1000 / 10),
        Err(_) => String::new(),
    }
}

fn in_words(error: DriverError) -> String {
    error.error_string().map_or_else(|_| format!("{:?}", error.0), |text| text.to_string_lossy().into_owned())
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

/// Whether the system's loader finds the library.
fn loads(file_name: &str) -> bool {
    // SAFETY: these are CUDA's own libraries, which candle loads right afterwards; their initialisers are safe to run.
    match unsafe { libloading::Library::new(file_name) } {
        Ok(library) => {
            // Kept loaded: candle would load it again at once.
            std::mem::forget(library);
            true
        }
        Err(_) => false,
    }
}
