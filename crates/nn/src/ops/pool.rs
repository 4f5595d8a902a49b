//! The two poolings of the study's networks.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::{own_kernels, slice, with_values};

/// 3×3 maximum, stride 2, padding 1. Its input comes from a ReLU, so zeros are as good a border as minus infinity.
/// Among equal pixels the first in reading order gets the gradient, as in PyTorch.
pub fn max_pool_3x3(x: &Tensor) -> Result<Tensor> {
    match own_kernels(x) {
        true => x.contiguous()?.apply_op1(MaxPool),
        false => stock_max_pool(x),
    }
}

/// 2×2 mean; a last odd row or column is left out. Cut off first: candle's gradient of an odd size is wrong.
pub fn mean_pool_2x2(x: &Tensor) -> Result<Tensor> {
    if own_kernels(x) {
        return x.contiguous()?.apply_op1(MeanPool);
    }
    let (_, _, height, width) = x.dims4()?;
    x.narrow(2, 0, height / 2 * 2)?.narrow(3, 0, width / 2 * 2)?.contiguous()?.avg_pool2d(2)
}

/// The maximum from stock operations with the right gradient: the nine shifted pictures, compared one after the other.
pub fn stock_max_pool(x: &Tensor) -> Result<Tensor> {
    let (n, channels, height, width) = x.dims4()?;
    let (rows, columns) = (pooled(height), pooled(width));
    // One border before, and behind as many as make rows + 1 pairs.
    let x = x.pad_with_zeros(2, 1, 2 * rows + 1 - height)?.pad_with_zeros(3, 1, 2 * columns + 1 - width)?;
    let pairs = x.reshape((n, channels, rows + 1, 2, columns + 1, 2))?;
    let shifted = |dy: usize, dx: usize| {
        pairs
            .narrow(2, dy / 2, rows)?
            .narrow(3, dy % 2, 1)?
            .narrow(4, dx / 2, columns)?
            .narrow(5, dx % 2, 1)?
            .contiguous()?
            .reshape((n, channels, rows, columns))
    };
    let mut high = shifted(0, 0)?;
    for (dy, dx) in (1..9).map(|i| (i / 3, i % 3)) {
        let next = shifted(dy, dx)?;
        high = high.ge(&next)?.where_cond(&high, &next)?;
    }
    Ok(high)
}

fn pooled(n: usize) -> usize {
    (n - 1) / 2 + 1
}

struct MaxPool;

/// Place and value of the maximum under output pixel (row, column).
fn highest(plane: &[f32], height: usize, width: usize, row: usize, column: usize) -> (usize, f32) {
    let rows = (2 * row).saturating_sub(1)..(2 * row + 2).min(height);
    let columns = (2 * column).saturating_sub(1)..(2 * column + 2).min(width);
    let mut best = (rows.start * width + columns.start, f32::NEG_INFINITY);
    for y in rows {
        let first = y * width + columns.start;
        for (at, &value) in (first..).zip(&plane[first..y * width + columns.end]) {
            if value > best.1 {
                best = (at, value);
            }
        }
    }
    best
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool-3x3"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, channels, height, width) = layout.shape().dims4()?;
        let x = slice(storage, layout)?;
        let (rows, columns) = (pooled(height), pooled(width));
        let mut out = vec![0.0; n * channels * rows * columns];
        out.par_chunks_exact_mut(rows * columns).zip(x.par_chunks_exact(height * width)).for_each(
            |(out, plane)| {
                for (i, value) in out.iter_mut().enumerate() {
                    *value = highest(plane, height, width, i / columns, i % columns).1;
                }
            },
        );
        Ok((CpuStorage::F32(out), (n, channels, rows, columns).into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, slope: &Tensor) -> Result<Option<Tensor>> {
        let (_, _, height, width) = x.dims4()?;
        let (_, _, rows, columns) = slope.dims4()?;
        let mut out = vec![0.0; x.elem_count()];
        with_values(x, |x| {
            with_values(slope, |slope| {
                let planes = x.par_chunks_exact(height * width).zip(slope.par_chunks_exact(rows * columns));
                out.par_chunks_exact_mut(height * width).zip(planes).for_each(|(out, (plane, slope))| {
                    for (i, slope) in slope.iter().enumerate() {
                        out[highest(plane, height, width, i / columns, i % columns).0] += slope;
                    }
                });
            })
        })??;
        Ok(Some(Tensor::from_vec(out, x.shape(), x.device())?))
    }
}

struct MeanPool;

impl CustomOp1 for MeanPool {
    fn name(&self) -> &'static str {
        "mean-pool-2x2"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, channels, height, width) = layout.shape().dims4()?;
        let x = slice(storage, layout)?;
        let (rows, columns) = (height / 2, width / 2);
        let mut out = vec![0.0; n * channels * rows * columns];
        let planes = x.par_chunks_exact(height * width);
        out.par_chunks_exact_mut((rows * columns).max(1)).zip(planes).for_each(|(out, plane)| {
            for (row, out) in out.chunks_exact_mut(columns).enumerate() {
                let upper = &plane[2 * row * width..];
                let lower = &plane[(2 * row + 1) * width..];
                for (column, value) in out.iter_mut().enumerate() {
                    let at = 2 * column;
                    *value = 0.25 * (upper[at] + upper[at + 1] + lower[at] + lower[at + 1]);
                }
            }
        });
        Ok((CpuStorage::F32(out), (n, channels, rows, columns).into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, slope: &Tensor) -> Result<Option<Tensor>> {
        let (_, _, height, width) = x.dims4()?;
        let (rows, columns) = (height / 2, width / 2);
        let mut out = vec![0.0; x.elem_count()];
        with_values(slope, |slope| {
            let planes = slope.par_chunks_exact((rows * columns).max(1));
            out.par_chunks_exact_mut(height * width).zip(planes).for_each(|(out, slope)| {
                for (i, slope) in slope.iter().enumerate() {
                    let at = 2 * (i / columns) * width + 2 * (i % columns);
                    for pixel in [at, at + 1, at + width, at + width + 1] {
                        out[pixel] = 0.25 * slope;
                    }
                }
            });
        })?;
        Ok(Some(Tensor::from_vec(out, x.shape(), x.device())?))
    }
}
