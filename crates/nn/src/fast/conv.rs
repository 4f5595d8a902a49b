//! Convolution of one image as matrix products over bands of output rows.
//!
//! Each task unrolls its band (im2col) into a buffer of its own, multiplies, and finishes the band with bias, shortcut and
//! ReLU while it is still in the cache. No task writes where another does.

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use super::{Affine, Map};

/// Values of the unrolled band a task works on (half a megabyte): what stays in a core's L2 beside the weights. Measured:
/// four times as much costs 8 %, half as much 5 %.
const BAND_VALUES: usize = 128 * 1024;
/// Columns below which a matrix product loses its pace, whatever the cache says.
const FEWEST_COLUMNS: usize = 64;
/// Columns above which nothing is gained.
const MOST_COLUMNS: usize = 384;

thread_local! {
    static UNROLLED: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// A convolution with bias (of a folded batch norm), padded so that stride 1 keeps the size.
pub struct Conv {
    pub from: usize,
    pub to: usize,
    pub side: usize,
    pub stride: usize,
    /// to × (from · side · side), row-major.
    pub weights: Vec<f32>,
    pub bias: Vec<f32>,
}

/// What happens to a product before it is stored.
#[derive(Clone, Copy, Default)]
pub struct Finish<'a> {
    /// Added to the result: the shortcut.
    pub plus: Option<&'a [f32]>,
    pub relu: bool,
}

impl Conv {
    /// Height and width of the output.
    pub fn output_size(&self, height: usize, width: usize) -> (usize, usize) {
        let size = |n: usize| (n + 2 * (self.side / 2) - self.side) / self.stride + 1;
        (size(height), size(width))
    }

    /// Convolves `input` into `output` (`to` planes). `before` is a batch norm and ReLU on the input, for 1×1 convolutions.
    pub fn run(&self, input: Map<'_>, before: Option<&Affine>, finish: Finish<'_>, output: &mut [f32]) {
        let (height, width) = self.output_size(input.height, input.width);
        let pixels = height * width;
        assert_eq!(input.channels, self.from, "channels of a convolution's input");
        assert_eq!(input.values.len(), self.from * input.pixels(), "size of a convolution's input");
        assert_eq!(output.len(), self.to * pixels, "size of a convolution's output");
        assert!(finish.plus.is_none_or(|p| p.len() == output.len()), "size of a convolution's shortcut");
        assert!(
            before.is_none() || (self.side == 1 && self.stride == 1),
            "a norm before a convolution that is not 1×1"
        );

        let depth = self.from * self.side * self.side;
        let columns = (BAND_VALUES / depth).clamp(FEWEST_COLUMNS, MOST_COLUMNS);
        let (bands, rows) = even(height, (columns / width).max(1));
        // Too few bands for the cores: share out the output channels as well.
        let threads = rayon::current_num_threads();
        let (blocks, channels) = match bands < 2 * threads {
            true => even(self.to, self.to.div_ceil((2 * threads).div_ceil(bands)).next_multiple_of(16)),
            false => (1, self.to),
        };
        let target = Target { start: output.as_mut_ptr(), pixels };
        (0..bands * blocks).into_par_iter().for_each(|task| {
            let (band, block) = (task % bands, task / bands);
            let rows = band * rows..((band + 1) * rows).min(height);
            let channels = block * channels..((block + 1) * channels).min(self.to);
            if !rows.is_empty() && !channels.is_empty() {
                self.band(input, before, finish, &target, rows, channels, width);
            }
        });
    }

    #[allow(clippy::too_many_arguments)]
    fn band(
        &self,
        input: Map<'_>,
        before: Option<&Affine>,
        finish: Finish<'_>,
        target: &Target,
        rows: Range<usize>,
        channels: Range<usize>,
        width: usize,
    ) {
        let depth = self.from * self.side * self.side;
        let pixels = rows.start * width..rows.end * width;
        let weights = &self.weights[channels.start * depth..channels.end * depth];
        let as_is = self.side == 1 && self.stride == 1 && before.is_none();
        if as_is {
            let columns = Columns { values: &input.values[pixels.start..], row_stride: input.pixels() };
            multiply(weights, depth, columns, target, &channels, &pixels);
        } else {
            UNROLLED.with_borrow_mut(|buffer| {
                let unrolled = super::reuse(buffer, depth * pixels.len());
                match before {
                    Some(norm) => norm_relu(input, norm, pixels.clone(), unrolled),
                    None => self.unroll(input, rows, width, unrolled),
                }
                let columns = Columns { values: unrolled, row_stride: pixels.len() };
                multiply(weights, depth, columns, target, &channels, &pixels);
            });
        }
        for channel in channels {
            // SAFETY: this task alone owns these channels of these pixels; see `Target`.
            let line = unsafe { target.line(channel, &pixels) };
            let start = channel * target.pixels + pixels.start;
            finish_line(
                line,
                self.bias[channel],
                finish.plus.map(|p| &p[start..start + pixels.len()]),
                finish.relu,
            );
        }
    }

    /// im2col of a band of output rows: one line for each input channel and kernel position.
    fn unroll(&self, input: Map<'_>, rows: Range<usize>, width: usize, out: &mut [f32]) {
        let (side, pad) = (self.side as isize, (self.side / 2) as isize);
        let mut lines = out.chunks_exact_mut(rows.len() * width);
        for channel in 0..self.from {
            let plane = input.plane(channel);
            for ky in 0..side {
                for kx in 0..side {
                    let Some(line) = lines.next() else { return };
                    for (row, segment) in rows.clone().zip(line.chunks_exact_mut(width)) {
                        let y = (row * self.stride) as isize + ky - pad;
                        match usize::try_from(y).ok().filter(|&y| y < input.height) {
                            Some(y) => {
                                let source = &plane[y * input.width..(y + 1) * input.width];
                                shifted(source, kx - pad, self.stride, segment);
                            }
                            None => segment.fill(0.0),
                        }
                    }
                }
            }
        }
    }
}

/// `n` shared out in parts of at most `most`, as evenly as can be: how many parts, and the size of one.
fn even(n: usize, most: usize) -> (usize, usize) {
    let parts = n.div_ceil(most.max(1)).max(1);
    let size = n.div_ceil(parts);
    (n.div_ceil(size.max(1)), size)
}

/// Every `stride`th value of `source` from `offset` on, zero outside.
pub fn shifted(source: &[f32], offset: isize, stride: usize, out: &mut [f32]) {
    let length = source.len() as isize;
    let stride_i = stride as isize;
    // First and one past the last output whose source lies inside.
    let first = ((-offset).max(0) as usize).div_ceil(stride).min(out.len());
    let end = match length - offset {
        n if n <= 0 => first,
        n => (((n - 1) / stride_i + 1) as usize).clamp(first, out.len()),
    };
    out[..first].fill(0.0);
    out[end..].fill(0.0);
    if first == end {
        return;
    }
    let from = (first as isize * stride_i + offset) as usize;
    match stride {
        1 => out[first..end].copy_from_slice(&source[from..from + (end - first)]),
        _ => out[first..end].iter_mut().zip(source[from..].iter().step_by(stride)).for_each(|(o, s)| *o = *s),
    }
}

/// Batch norm and ReLU of the pixels of every channel.
fn norm_relu(input: Map<'_>, norm: &Affine, pixels: Range<usize>, out: &mut [f32]) {
    for (channel, line) in out.chunks_exact_mut(pixels.len()).enumerate() {
        let (scale, shift) = (norm.scale[channel], norm.shift[channel]);
        let source = &input.plane(channel)[pixels.clone()];
        line.iter_mut().zip(source).for_each(|(o, s)| *o = (scale * s + shift).max(0.0));
    }
}

fn finish_line(line: &mut [f32], bias: f32, plus: Option<&[f32]>, relu: bool) {
    let low = if relu { 0.0 } else { f32::NEG_INFINITY };
    match plus {
        Some(plus) => line.iter_mut().zip(plus).for_each(|(v, p)| *v = (*v + bias + p).max(low)),
        None => line.iter_mut().for_each(|v| *v = (*v + bias).max(low)),
    }
}

/// A matrix with unit column stride.
struct Columns<'a> {
    values: &'a [f32],
    row_stride: usize,
}

/// The output planes, shared by tasks that each write other pixels or channels.
struct Target {
    start: *mut f32,
    pixels: usize,
}

// SAFETY: `Conv::run` gives every task a range of channels and pixels no other task has, and outlives them all.
unsafe impl Sync for Target {}

impl Target {
    /// # Safety
    /// `channel` and `pixels` lie inside the output, and nobody else holds any of these values.
    #[allow(clippy::mut_from_ref)]
    unsafe fn line(&self, channel: usize, pixels: &Range<usize>) -> &mut [f32] {
        unsafe {
            std::slice::from_raw_parts_mut(self.start.add(channel * self.pixels + pixels.start), pixels.len())
        }
    }
}

/// target[channels, pixels] = weights · columns
fn multiply(
    weights: &[f32],
    depth: usize,
    columns: Columns<'_>,
    target: &Target,
    channels: &Range<usize>,
    pixels: &Range<usize>,
) {
    let (m, n) = (channels.len(), pixels.len());
    assert!(weights.len() == m * depth && columns.values.len() >= (depth - 1) * columns.row_stride + n);
    // SAFETY: the operands' sizes were just checked, and the destination is this task's own part of the output.
    unsafe {
        gemm::gemm(
            m,
            n,
            depth,
            target.start.add(channels.start * target.pixels + pixels.start),
            1,
            target.pixels as isize,
            false,
            weights.as_ptr(),
            1,
            depth as isize,
            columns.values.as_ptr(),
            1,
            columns.row_stride as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::pattern;

    /// The definition, term by term.
    fn plain(conv: &Conv, input: Map<'_>) -> Vec<f32> {
        let (height, width) = conv.output_size(input.height, input.width);
        let pad = (conv.side / 2) as isize;
        let mut out = vec![];
        for to in 0..conv.to {
            for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                let mut sum = f64::from(conv.bias[to]);
                for (from, ky, kx) in (0..conv.from * conv.side * conv.side)
                    .map(|k| (k / (conv.side * conv.side), k / conv.side % conv.side, k % conv.side))
                {
                    let (sy, sx) =
                        ((y * conv.stride + ky) as isize - pad, (x * conv.stride + kx) as isize - pad);
                    if (0..input.height as isize).contains(&sy) && (0..input.width as isize).contains(&sx) {
                        let weight =
                            conv.weights[((to * conv.from + from) * conv.side + ky) * conv.side + kx];
                        sum += f64::from(weight)
                            * f64::from(input.plane(from)[sy as usize * input.width + sx as usize]);
                    }
                }
                out.push(sum as f32);
            }
        }
        out
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(60))]
        #[test]
        fn any_shape_meets_the_definition(
            from in 1usize..5, to in 1usize..40, side in proptest::sample::select(vec![1usize, 3, 7]),
            stride in 1usize..3, height in 7usize..20, width in 7usize..60,
        ) {
            let conv = Conv {
                from, to, side, stride,
                weights: pattern("w", to * from * side * side, 1),
                bias: pattern("b", to, 1),
            };
            let values = pattern("x", from * height * width, 1);
            let input = Map { values: &values, channels: from, height, width };
            let mut want = plain(&conv, input);
            let plus = pattern("p", want.len(), 1);
            want.iter_mut().zip(&plus).for_each(|(v, p)| *v = (*v + p).max(0.0));
            let mut got = vec![f32::NAN; want.len()];
            conv.run(input, None, Finish { plus: Some(&plus), relu: true }, &mut got);
            for (a, b) in got.iter().zip(&want) {
                proptest::prop_assert!((a - b).abs() < 1e-4, "{a} {b}");
            }
        }
    }
}
