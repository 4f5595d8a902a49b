//! Batch norm (Ioffe and Szegedy 2015, <https://arxiv.org/abs/1502.03167>), with the ReLU behind it where there is one.

use std::sync::{Arc, OnceLock};

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, Var};
use candle_nn::VarBuilder;
use rayon::prelude::*;

use super::{own_kernels, slice, with_values};

/// torchvision's constants.
const EPS: f64 = 1e-5;
const MOMENTUM: f64 = 0.1;

/// Whose mean and variance a norm uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistics {
    /// Those kept from training: evaluation, and training of a network too small a batch would unsettle.
    Running,
    /// The batch's own; the running ones follow.
    Batch,
}

/// A batch norm's weights and running statistics.
pub struct Norm {
    weight: Tensor,
    bias: Tensor,
    running_mean: Var,
    running_var: Var,
}

impl Norm {
    /// Takes the weights under PyTorch's names from `vb`.
    pub fn new(channels: usize, vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            weight: vb.get(channels, "weight")?,
            bias: vb.get(channels, "bias")?,
            running_mean: Var::from_tensor(&vb.get(channels, "running_mean")?)?,
            running_var: Var::from_tensor(&vb.get(channels, "running_var")?)?,
        })
    }

    /// (n, channels, h, w) to the same shape; in `Batch` the running statistics move by a tenth, as in PyTorch.
    pub fn forward(&self, x: &Tensor, statistics: Statistics, relu: bool) -> Result<Tensor> {
        if own_kernels(x) {
            return self.own(x, statistics, relu);
        }
        self.stock(x, statistics, relu)
    }

    fn own(&self, x: &Tensor, statistics: Statistics, relu: bool) -> Result<Tensor> {
        let used = Arc::new(OnceLock::new());
        if statistics == Statistics::Running {
            let [mean, var] = [&self.running_mean, &self.running_var].map(|v| v.as_tensor().to_vec1::<f32>());
            let var = var?;
            let invstd = var.iter().map(|v| (1.0 / (f64::from(*v) + EPS).sqrt()) as f32).collect();
            // Fresh, so nothing can be set already.
            let _ = used.set(Moments { mean: mean?, var, invstd });
        }
        let op = NormRelu { statistics, relu, moments: used.clone() };
        let y = x.contiguous()?.apply_op3(&self.weight, &self.bias, op)?;
        if let (Statistics::Batch, Some(moments)) = (statistics, used.get()) {
            let count = x.elem_count() / moments.mean.len();
            let to_tensor = |values: &[f32]| Tensor::from_slice(values, values.len(), x.device());
            self.follow(&to_tensor(&moments.mean)?, &to_tensor(&moments.var)?, count)?;
        }
        Ok(y)
    }

    /// The same from candle's operations.
    pub fn stock(&self, x: &Tensor, statistics: Statistics, relu: bool) -> Result<Tensor> {
        let channels = x.dim(1)?;
        let column = |t: &Tensor| t.reshape((1, channels, 1, 1));
        let (mean, var) = match statistics {
            Statistics::Running => {
                (self.running_mean.as_detached_tensor(), self.running_var.as_detached_tensor())
            }
            Statistics::Batch => {
                let lines = x.transpose(0, 1)?.flatten_from(1)?;
                let mean = lines.mean(1)?;
                let var = lines.broadcast_sub(&mean.unsqueeze(1)?)?.sqr()?.mean(1)?;
                self.follow(&mean.detach(), &var.detach(), x.elem_count() / channels)?;
                (mean, var)
            }
        };
        let scale = (&self.weight / (var + EPS)?.sqrt()?)?;
        let y = x.broadcast_sub(&column(&mean)?)?.broadcast_mul(&column(&scale)?)?;
        let y = y.broadcast_add(&column(&self.bias)?)?;
        if relu { y.relu() } else { Ok(y) }
    }

    /// Running mean and variance.
    #[cfg(test)]
    pub fn running(&self) -> [Vec<f32>; 2] {
        [&self.running_mean, &self.running_var].map(|v| v.to_vec1().unwrap())
    }

    /// Moves the running statistics; the variance kept is the unbiased one.
    fn follow(&self, mean: &Tensor, var: &Tensor, count: usize) -> Result<()> {
        let unbiased = (var * (count as f64 / (count as f64 - 1.0).max(1.0)))?;
        for (running, new) in [(&self.running_mean, mean), (&self.running_var, &unbiased)] {
            let old = running.as_detached_tensor();
            running.set(&((old * (1.0 - MOMENTUM))? + (new * MOMENTUM)?)?)?;
        }
        Ok(())
    }
}

/// What a norm divided by.
struct Moments {
    mean: Vec<f32>,
    /// Biased.
    var: Vec<f32>,
    invstd: Vec<f32>,
}

struct NormRelu {
    statistics: Statistics,
    relu: bool,
    /// Set before the call with running statistics, by the call with the batch's.
    moments: Arc<OnceLock<Moments>>,
}

impl CustomOp3 for NormRelu {
    fn name(&self) -> &'static str {
        "norm-relu"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, channels, height, width) = x_layout.shape().dims4()?;
        let (x, pixels) = (slice(x, x_layout)?, height * width);
        let (weight, bias) = (slice(weight, weight_layout)?, slice(bias, bias_layout)?);
        if weight.len() != channels || bias.len() != channels || pixels == 0 {
            candle_core::bail!("a norm of {} channels on {channels}", weight.len());
        }
        let moments = self.moments.get_or_init(|| batch_moments(x, channels, pixels));
        let low = if self.relu { 0.0 } else { f32::NEG_INFINITY };
        let mut out = vec![0.0; x.len()];
        out.par_chunks_exact_mut(pixels).zip(x.par_chunks_exact(pixels)).enumerate().for_each(
            |(plane, (out, x))| {
                let c = plane % channels;
                let scale = weight[c] * moments.invstd[c];
                let (mean, bias) = (moments.mean[c], bias[c]);
                out.iter_mut().zip(x).for_each(|(o, x)| *o = ((x - mean) * scale + bias).max(low));
            },
        );
        Ok((CpuStorage::F32(out), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        slope: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let Some(moments) = self.moments.get() else {
            candle_core::bail!("a norm's gradient before the norm")
        };
        let (n, channels, height, width) = x.dims4()?;
        let batch = Batch { n, channels, pixels: height * width, relu: self.relu, moments };
        let gamma = weight.to_vec1::<f32>()?;
        let (to_x, sums) = with_values(x, |x| {
            with_values(y, |y| {
                with_values(slope, |slope| {
                    let sums = batch.sums(x, y, slope);
                    (batch.input_slope(x, y, slope, &gamma, &sums, self.statistics), sums)
                })
            })
        })???;
        let (to_bias, to_weight): (Vec<f32>, Vec<f32>) =
            sums.iter().map(|(plain, centred)| (*plain as f32, *centred as f32)).unzip();
        let tracked = |t: &Tensor, values: Vec<f32>| match t.track_op() {
            true => Tensor::from_vec(values, t.shape(), t.device()).map(Some),
            false => Ok(None),
        };
        Ok((tracked(x, to_x)?, tracked(weight, to_weight)?, tracked(bias, to_bias)?))
    }
}

struct Batch<'a> {
    n: usize,
    channels: usize,
    pixels: usize,
    relu: bool,
    moments: &'a Moments,
}

impl Batch<'_> {
    /// For each channel the sum of the slope and of slope · normalised input: the slopes of bias and weight.
    fn sums(&self, x: &[f32], y: &[f32], slope: &[f32]) -> Vec<(f64, f64)> {
        let of_channel = |c: usize| {
            let (mean, invstd) = (self.moments.mean[c], self.moments.invstd[c]);
            (0..self.n)
                .map(|image| {
                    let at = (image * self.channels + c) * self.pixels;
                    let range = at..at + self.pixels;
                    let (x, y, slope) = (&x[range.clone()], &y[range.clone()], &slope[range]);
                    lanes(self.pixels, |i| {
                        let g = if self.relu && y[i] <= 0.0 { 0.0 } else { slope[i] };
                        (g, g * (x[i] - mean) * invstd)
                    })
                })
                .fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d))
        };
        (0..self.channels).into_par_iter().with_min_len(4).map(of_channel).collect()
    }

    fn input_slope(
        &self,
        x: &[f32],
        y: &[f32],
        slope: &[f32],
        gamma: &[f32],
        sums: &[(f64, f64)],
        statistics: Statistics,
    ) -> Vec<f32> {
        let count = (self.n * self.pixels) as f64;
        let mut out = vec![0.0; x.len()];
        out.par_chunks_exact_mut(self.pixels).enumerate().for_each(|(plane, out)| {
            let c = plane % self.channels;
            let (mean, invstd) = (self.moments.mean[c], self.moments.invstd[c]);
            let scale = gamma[c] * invstd;
            // With fixed statistics the mean and variance do not answer to the input.
            let (level, tilt) = match statistics {
                Statistics::Running => (0.0, 0.0),
                Statistics::Batch => ((sums[c].0 / count) as f32, (sums[c].1 / count) as f32 * invstd),
            };
            let range = plane * self.pixels..(plane + 1) * self.pixels;
            let (x, y, slope) = (&x[range.clone()], &y[range.clone()], &slope[range]);
            for (i, out) in out.iter_mut().enumerate() {
                let g = if self.relu && y[i] <= 0.0 { 0.0 } else { slope[i] };
                *out = scale * (g - level - (x[i] - mean) * tilt);
            }
        });
        out
    }
}

fn batch_moments(x: &[f32], channels: usize, pixels: usize) -> Moments {
    let n = x.len() / (channels * pixels);
    let of_channel = |c: usize| {
        let planes = || (0..n).map(|image| &x[(image * channels + c) * pixels..][..pixels]);
        let count = (n * pixels) as f64;
        let mean = planes().map(|p| lanes(pixels, |i| (p[i], 0.0)).0).sum::<f64>() / count;
        let centre = mean as f32;
        let spread = planes()
            .map(|p| {
                lanes(pixels, |i| {
                    let d = p[i] - centre;
                    (d * d, d)
                })
            })
            .fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d));
        // The mean was rounded to 32 bits; its remainder is taken out again.
        (mean, (spread.0 / count - (spread.1 / count).powi(2)).max(0.0))
    };
    let both: Vec<(f64, f64)> = (0..channels).into_par_iter().with_min_len(4).map(of_channel).collect();
    Moments {
        mean: both.iter().map(|(mean, _)| *mean as f32).collect(),
        var: both.iter().map(|(_, var)| *var as f32).collect(),
        invstd: both.iter().map(|(_, var)| (1.0 / (var + EPS).sqrt()) as f32).collect(),
    }
}

/// Sums two things over 0..count: sixteen sums side by side (which the compiler turns into vector instructions), emptied
/// into 64 bits often enough to lose nothing.
fn lanes(count: usize, value: impl Fn(usize) -> (f32, f32)) -> (f64, f64) {
    const WIDE: usize = 16;
    const RUN: usize = 1024;
    let mut total = (0f64, 0f64);
    let mut start = 0;
    while start < count {
        let end = (start + RUN).min(count);
        let (mut a, mut b) = ([0f32; WIDE], [0f32; WIDE]);
        let mut at = start;
        while at + WIDE <= end {
            for lane in 0..WIDE {
                let (u, v) = value(at + lane);
                a[lane] += u;
                b[lane] += v;
            }
            at += WIDE;
        }
        for i in at..end {
            let (u, v) = value(i);
            a[0] += u;
            b[0] += v;
        }
        total.0 += a.iter().map(|v| f64::from(*v)).sum::<f64>();
        total.1 += b.iter().map(|v| f64::from(*v)).sum::<f64>();
        start = end;
    }
    total
}
