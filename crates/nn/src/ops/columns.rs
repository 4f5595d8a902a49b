//! A batch of images as the columns of matrices: gathered in blocks that stay in the cache, across image borders where the
//! maps are small.

use crate::fast::shifted;

/// Values of an unrolled block a task works on, one megabyte.
const BLOCK_VALUES: usize = 256 * 1024;
const FEWEST_COLUMNS: usize = 96;
const MOST_COLUMNS: usize = 384;

/// Sizes of a convolution over a batch, padded so that stride 1 keeps the size.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub images: usize,
    pub from: usize,
    pub to: usize,
    pub side: usize,
    pub stride: usize,
    pub height: usize,
    pub width: usize,
}

impl Shape {
    pub fn out_height(&self) -> usize {
        (self.height - 1) / self.stride + 1
    }

    pub fn out_width(&self) -> usize {
        (self.width - 1) / self.stride + 1
    }

    pub fn out_pixels(&self) -> usize {
        self.out_height() * self.out_width()
    }

    /// Rows of the unrolled matrix: one for each input channel and kernel position.
    pub fn depth(&self) -> usize {
        self.from * self.side * self.side
    }

    /// The output rows of all images, cut into blocks of about equally many columns. Depends on nothing but the shape.
    pub fn blocks(&self) -> Vec<Block> {
        let columns = (BLOCK_VALUES / self.depth().max(self.to)).clamp(FEWEST_COLUMNS, MOST_COLUMNS);
        let rows = self.images * self.out_height();
        let parts = rows.div_ceil((columns / self.out_width()).max(1)).max(1);
        (0..parts).map(|i| Block { start: i * rows / parts, end: (i + 1) * rows / parts }).collect()
    }
}

/// A run of output rows, counted through all images of the batch.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    start: usize,
    end: usize,
}

impl Block {
    /// Output pixels in the block.
    pub fn columns(&self, shape: &Shape) -> usize {
        (self.end - self.start) * shape.out_width()
    }

    /// (image, first row, number of rows) of each image the block touches, in order.
    fn pieces(&self, shape: &Shape) -> impl Iterator<Item = (usize, usize, usize)> {
        let (height, end) = (shape.out_height(), self.end);
        let mut at = self.start;
        std::iter::from_fn(move || {
            (at < end).then(|| {
                let (image, row) = (at / height, at % height);
                let rows = (height - row).min(end - at);
                at += rows;
                (image, row, rows)
            })
        })
    }

    /// im2col: `out` is depth × columns.
    pub fn unroll(&self, shape: &Shape, input: &[f32], out: &mut [f32]) {
        let columns = self.columns(shape);
        let plane_size = shape.height * shape.width;
        let mut start = 0;
        for (image, row, rows) in self.pieces(shape) {
            let length = rows * shape.out_width();
            for channel in 0..shape.from {
                let plane = &input[(image * shape.from + channel) * plane_size..][..plane_size];
                let taps = shape.side * shape.side;
                for tap in 0..taps {
                    let line = &mut out[(channel * taps + tap) * columns + start..][..length];
                    unroll_tap(shape, plane, tap, row, line);
                }
            }
            start += length;
        }
    }

    /// The block's pixels of an output-shaped batch: `out` is channels × columns.
    pub fn gather(&self, shape: &Shape, channels: usize, values: &[f32], out: &mut [f32]) {
        let columns = self.columns(shape);
        self.each_line(
            shape,
            channels,
            |at, column, length| {
                out[column..column + length].copy_from_slice(&values[at..at + length]);
            },
            columns,
        );
    }

    /// Calls `f(offset in the batch, offset in the channels × columns matrix, length)` for each line of the block.
    pub fn each_line(
        &self,
        shape: &Shape,
        channels: usize,
        mut f: impl FnMut(usize, usize, usize),
        columns: usize,
    ) {
        let mut start = 0;
        for (image, row, rows) in self.pieces(shape) {
            let length = rows * shape.out_width();
            for channel in 0..channels {
                let at = (image * channels + channel) * shape.out_pixels() + row * shape.out_width();
                f(at, channel * columns + start, length);
            }
            start += length;
        }
    }
}

/// One kernel position of one channel: the input under it for each output pixel from row `first` on, zero outside.
fn unroll_tap(shape: &Shape, plane: &[f32], tap: usize, first: usize, line: &mut [f32]) {
    let pad = (shape.side / 2) as isize;
    let (dy, dx) = ((tap / shape.side) as isize - pad, (tap % shape.side) as isize - pad);
    for (row, segment) in (first..).zip(line.chunks_exact_mut(shape.out_width())) {
        let y = (row * shape.stride) as isize + dy;
        match usize::try_from(y).ok().filter(|&y| y < shape.height) {
            Some(y) => {
                shifted(&plane[y * shape.width..(y + 1) * shape.width], dx, shape.stride, segment);
            }
            None => segment.fill(0.0),
        }
    }
}
