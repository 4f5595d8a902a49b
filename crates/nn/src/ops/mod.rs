//! Differentiable operations of the candle networks: our own kernels with exact gradients on the CPU, candle's stock
//! operations on CUDA, arranged so that their gradients are right there too.
//!
//! candle's own gradients are wrong or missing where a stride does not divide the size (convolution, mean) and for a
//! maximum over overlapping windows; both forms here are held to PyTorch's training step.

mod columns;
mod convolution;
mod norm;
mod pool;

pub use convolution::convolve;
pub use norm::{Norm, Statistics};
pub use pool::{max_pool_3x3, mean_pool_2x2};

use candle_core::{CpuStorage, Layout, Result, Storage, Tensor};

/// Whether the kernels of this module serve a tensor: 32-bit floats on the CPU.
fn own_kernels(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == candle_core::DType::F32
}

/// The values of a contiguous CPU tensor, as a custom operation gets them.
fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => candle_core::bail!("a custom operation was given a strided tensor"),
    }
}

/// Runs `f` on the values of a tensor on the CPU, whatever its strides.
fn with_values<T>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(cpu) => Ok(f(slice(cpu, layout)?)),
        _ => candle_core::bail!("a CPU operation was given a tensor elsewhere"),
    }
}

#[cfg(test)]
mod tests;
