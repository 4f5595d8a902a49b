//! Convolution without bias, padded so that stride 1 keeps the size.

use std::cell::RefCell;

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape as TensorShape, Tensor};
use rayon::prelude::*;

use super::columns::{Block, Shape};
use super::{own_kernels, slice, with_values};
use crate::fast::reuse;

/// Sums the gradient of the weights is made of: a fixed number, so that the order of addition does not depend on who is done
/// first.
const LANES: usize = 4;

thread_local! {
    static COLUMNS: RefCell<(Vec<f32>, Vec<f32>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// Convolves (n, from, h, w) with (to, from, side, side).
///
/// # Errors
/// Shapes that do not fit each other, or what candle says of the device.
pub fn convolve(x: &Tensor, weight: &Tensor, stride: usize) -> Result<Tensor> {
    if own_kernels(x) {
        return x.contiguous()?.apply_op2(&weight.contiguous()?, Convolution { stride });
    }
    stock(x, weight, stride)
}

/// candle's convolution on an input cut to exactly what the kernel touches: its gradient takes one output padding for both
/// axes, so nothing may be left over on either.
pub fn stock(x: &Tensor, weight: &Tensor, stride: usize) -> Result<Tensor> {
    let (_, _, height, width) = x.dims4()?;
    let side = weight.dim(3)?;
    let pad = side / 2;
    let x = match pad {
        0 => x.clone(),
        _ => x.pad_with_zeros(2, pad, pad)?.pad_with_zeros(3, pad, pad)?,
    };
    let touched = |n: usize| (n - 1) / stride * stride + side;
    x.narrow(2, 0, touched(height))?
        .narrow(3, 0, touched(width))?
        .contiguous()?
        .conv2d(weight, 0, stride, 1, 1)
}

struct Convolution {
    stride: usize,
}

impl Convolution {
    fn shape(&self, x: &[usize], weight: &[usize]) -> Result<Shape> {
        let (&[images, from, height, width], &[to, from_too, side, side_too]) = (x, weight) else {
            candle_core::bail!("a convolution of {x:?} with {weight:?}");
        };
        if from != from_too || side != side_too || side % 2 == 0 || images * from * height * width == 0 {
            candle_core::bail!("a convolution of {x:?} with {weight:?}");
        }
        Ok(Shape { images, from, to, side, stride: self.stride, height, width })
    }
}

impl CustomOp2 for Convolution {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, TensorShape)> {
        let shape = self.shape(x_layout.dims(), weight_layout.dims())?;
        let out = forward(&shape, slice(x, x_layout)?, slice(weight, weight_layout)?);
        let dims = (shape.images, shape.to, shape.out_height(), shape.out_width());
        Ok((CpuStorage::F32(out), dims.into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        slope: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let shape = self.shape(x.dims(), weight.dims())?;
        let to_x = match x.track_op() {
            true => {
                let values =
                    with_values(slope, |slope| with_values(weight, |w| input_slope(&shape, slope, w)))??;
                Some(Tensor::from_vec(values, x.shape(), x.device())?)
            }
            false => None,
        };
        let to_weight = match weight.track_op() {
            true => {
                let values = with_values(slope, |slope| with_values(x, |x| weight_slope(&shape, slope, x)))??;
                Some(Tensor::from_vec(values, weight.shape(), weight.device())?)
            }
            false => None,
        };
        Ok((to_x, to_weight))
    }
}

fn forward(shape: &Shape, x: &[f32], weight: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; shape.images * shape.to * shape.out_pixels()];
    let target = Target(out.as_mut_ptr());
    shape.blocks().into_par_iter().for_each(|block| {
        COLUMNS.with_borrow_mut(|(unrolled, product)| {
            let columns = block.columns(shape);
            let unrolled = reuse(unrolled, shape.depth() * columns);
            block.unroll(shape, x, unrolled);
            let product = reuse(product, shape.to * columns);
            multiply(
                [shape.to, columns, shape.depth()],
                Matrix::rows(weight, shape.depth()),
                Matrix::rows(unrolled, columns),
                product,
                false,
            );
            scatter(shape, &block, product, &target);
        });
    });
    out
}

/// Slope of the loss in the input.
fn input_slope(shape: &Shape, slope: &[f32], weight: &[f32]) -> Vec<f32> {
    match shape.stride {
        1 => {
            let back = Shape { from: shape.to, to: shape.from, ..*shape };
            forward(&back, slope, &turned(shape, weight))
        }
        _ => strided_input_slope(shape, slope, weight),
    }
}

/// The kernel with its ends and its channels exchanged: convolving with it is the transposed convolution.
fn turned(shape: &Shape, weight: &[f32]) -> Vec<f32> {
    let taps = shape.side * shape.side;
    let mut out = vec![0.0; weight.len()];
    for to in 0..shape.to {
        for from in 0..shape.from {
            for tap in 0..taps {
                out[(from * shape.to + to) * taps + (taps - 1 - tap)] =
                    weight[(to * shape.from + from) * taps + tap];
            }
        }
    }
    out
}

/// With a stride the columns are added back one by one (col2im); each task has the planes of its own input channels.
fn strided_input_slope(shape: &Shape, slope: &[f32], weight: &[f32]) -> Vec<f32> {
    let plane = shape.height * shape.width;
    let taps = shape.side * shape.side;
    let pixels = shape.out_pixels();
    let mut out = vec![0.0; shape.images * shape.from * plane];
    // A few channels at a time: enough rows for a fast product, few enough to share out.
    let group = (64 / taps).clamp(4, 64).min(shape.from);
    out.par_chunks_mut(shape.from * plane).enumerate().for_each(|(image, out)| {
        let slope = &slope[image * shape.to * pixels..(image + 1) * shape.to * pixels];
        out.par_chunks_mut(group * plane).enumerate().for_each(|(index, out)| {
            let rows = out.len() / plane * taps;
            COLUMNS.with_borrow_mut(|(columns, _)| {
                let columns = reuse(columns, rows * pixels);
                // (rows × to) · (to × pixels): the weight's columns of these channels, transposed.
                let first = index * group * taps;
                let lhs = Matrix { values: &weight[first..], row_stride: 1, column_stride: shape.depth() };
                multiply([rows, pixels, shape.to], lhs, Matrix::rows(slope, pixels), columns, false);
                for (channel, out) in out.chunks_exact_mut(plane).enumerate() {
                    for tap in 0..taps {
                        let line = &columns[(channel * taps + tap) * pixels..][..pixels];
                        add_back(shape, tap, line, out);
                    }
                }
            });
        });
    });
    out
}

/// Adds one kernel position's column back to the pixels it was read from.
fn add_back(shape: &Shape, tap: usize, line: &[f32], plane: &mut [f32]) {
    let pad = (shape.side / 2) as isize;
    let (dy, dx) = ((tap / shape.side) as isize - pad, (tap % shape.side) as isize - pad);
    for (row, segment) in line.chunks_exact(shape.out_width()).enumerate() {
        let Some(y) = usize::try_from((row * shape.stride) as isize + dy).ok().filter(|&y| y < shape.height)
        else {
            continue;
        };
        let target = &mut plane[y * shape.width..(y + 1) * shape.width];
        for (column, value) in segment.iter().enumerate() {
            let x = (column * shape.stride) as isize + dx;
            if let Some(pixel) = usize::try_from(x).ok().and_then(|x| target.get_mut(x)) {
                *pixel += value;
            }
        }
    }
}

/// Slope of the loss in the weights: slope · columnsᵀ, summed over the batch.
fn weight_slope(shape: &Shape, slope: &[f32], x: &[f32]) -> Vec<f32> {
    let blocks = shape.blocks();
    let lanes = LANES.min(blocks.len());
    let mut sums: Vec<Vec<f32>> = (0..lanes)
        .into_par_iter()
        .map(|lane| {
            let mut sum = vec![0.0; shape.to * shape.depth()];
            for block in blocks.iter().skip(lane).step_by(lanes) {
                add_block(shape, block, slope, x, &mut sum);
            }
            sum
        })
        .collect();
    let mut total = sums.remove(0);
    for sum in &sums {
        total.par_iter_mut().zip(sum).with_min_len(1 << 14).for_each(|(t, s)| *t += s);
    }
    total
}

fn add_block(shape: &Shape, block: &Block, slope: &[f32], x: &[f32], sum: &mut [f32]) {
    COLUMNS.with_borrow_mut(|(unrolled, gathered)| {
        let columns = block.columns(shape);
        let unrolled = reuse(unrolled, shape.depth() * columns);
        block.unroll(shape, x, unrolled);
        let gathered = reuse(gathered, shape.to * columns);
        block.gather(shape, shape.to, slope, gathered);
        let rhs = Matrix { values: unrolled, row_stride: 1, column_stride: columns };
        multiply([shape.to, shape.depth(), columns], Matrix::rows(gathered, columns), rhs, sum, true);
    });
}

/// The output batch, shared by tasks that each write other pixels.
struct Target(*mut f32);

// SAFETY: every task writes the pixels of its own block, and `forward` outlives them all.
unsafe impl Sync for Target {}

fn scatter(shape: &Shape, block: &Block, product: &[f32], target: &Target) {
    let columns = block.columns(shape);
    block.each_line(
        shape,
        shape.to,
        |at, column, length| {
            let source = &product[column..column + length];
            // SAFETY: the line lies inside the output, and blocks share no pixel.
            unsafe { std::ptr::copy_nonoverlapping(source.as_ptr(), target.0.add(at), length) };
        },
        columns,
    );
}

/// A matrix in someone's memory.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    values: &'a [f32],
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Row-major with `columns` columns.
    fn rows(values: &'a [f32], columns: usize) -> Self {
        Self { values, row_stride: columns, column_stride: 1 }
    }

    fn holds(&self, rows: usize, columns: usize) -> bool {
        self.values.len() > (rows - 1) * self.row_stride + (columns - 1) * self.column_stride
    }
}

/// out (m × n, row-major) = lhs (m × k) · rhs (k × n), or added to it.
fn multiply([m, n, k]: [usize; 3], lhs: Matrix<'_>, rhs: Matrix<'_>, out: &mut [f32], add: bool) {
    assert!(lhs.holds(m, k) && rhs.holds(k, n) && out.len() == m * n, "sizes of a matrix product");
    // SAFETY: the sizes were just checked; `out` is borrowed mutably, hence apart from the operands.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            add,
            lhs.values.as_ptr(),
            lhs.column_stride as isize,
            lhs.row_stride as isize,
            rhs.values.as_ptr(),
            rhs.column_stride as isize,
            rhs.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
