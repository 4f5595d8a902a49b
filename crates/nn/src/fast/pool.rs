//! Pooling of one image, by channel in parallel.

use rayon::prelude::*;

use super::{Affine, Map};

/// Height or width after a 3×3 maximum with stride 2 and padding 1.
pub fn max_pool_size(n: usize) -> usize {
    (n - 1) / 2 + 1
}

/// 3×3 maximum, stride 2, padding 1.
pub fn max_pool(input: Map<'_>, out: &mut [f32]) {
    let (height, width) = (max_pool_size(input.height), max_pool_size(input.width));
    out.par_chunks_exact_mut(height * width).enumerate().for_each_init(Vec::new, |line, (channel, out)| {
        let plane = input.plane(channel);
        for (row, out) in out.chunks_exact_mut(width).enumerate() {
            let rows = (2 * row).saturating_sub(1)..(2 * row + 2).min(input.height);
            line.clear();
            line.resize(input.width, f32::NEG_INFINITY);
            for y in rows {
                let source = &plane[y * input.width..(y + 1) * input.width];
                line.iter_mut().zip(source).for_each(|(l, s)| *l = l.max(*s));
            }
            for (column, value) in out.iter_mut().enumerate() {
                let columns = (2 * column).saturating_sub(1)..(2 * column + 2).min(input.width);
                *value = line[columns].iter().copied().fold(f32::NEG_INFINITY, f32::max);
            }
        }
    });
}

/// Batch norm, ReLU and 2×2 mean; a last odd row or column is left out.
pub fn norm_relu_mean_pool(input: Map<'_>, norm: &Affine, out: &mut [f32]) {
    let (height, width) = (input.height / 2, input.width / 2);
    out.par_chunks_exact_mut(height * width).enumerate().for_each(|(channel, out)| {
        let plane = input.plane(channel);
        let (scale, shift) = (norm.scale[channel], norm.shift[channel]);
        let value = |x: f32| (scale * x + shift).max(0.0);
        for (row, out) in out.chunks_exact_mut(width).enumerate() {
            let upper = &plane[2 * row * input.width..(2 * row + 1) * input.width];
            let lower = &plane[(2 * row + 1) * input.width..(2 * row + 2) * input.width];
            let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
            for (mean, ([a, b], [c, d])) in out.iter_mut().zip(pairs) {
                *mean = 0.25 * (value(*a) + value(*b) + value(*c) + value(*d));
            }
        }
    });
}

/// Batch norm and ReLU in place.
pub fn norm_relu(values: &mut [f32], pixels: usize, norm: &Affine) {
    values.par_chunks_exact_mut(pixels).enumerate().for_each(|(channel, plane)| {
        let (scale, shift) = (norm.scale[channel], norm.shift[channel]);
        plane.iter_mut().for_each(|v| *v = (scale * *v + shift).max(0.0));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_maximum_looks_past_no_border() {
        #[rustfmt::skip]
        let values = [
            -1.0, -2.0, -3.0, -4.0,
            -5.0, -6.0, -7.0, -8.0,
            -9.0,  3.0, -2.0, -0.5,
        ];
        let input = Map { values: &values, channels: 1, height: 3, width: 4 };
        let mut out = [0.0; 4];
        max_pool(input, &mut out);
        assert_eq!(out, [-1.0, -2.0, 3.0, 3.0]);
    }

    #[test]
    fn the_mean_leaves_the_odd_edge_out() {
        let values = [1.0, -1.0, 9.0, 3.0, 5.0, 9.0, 9.0, 9.0, 9.0];
        let input = Map { values: &values, channels: 1, height: 3, width: 3 };
        let mut out = [0.0; 1];
        norm_relu_mean_pool(input, &Affine { scale: vec![2.0], shift: vec![1.0] }, &mut out);
        assert_eq!(out, [(3.0 + 0.0 + 7.0 + 11.0) / 4.0]);
    }
}
