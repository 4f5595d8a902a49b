//! The study's head as a trainable layer.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::Arch;
use crate::head::CLASSES;
use crate::keys::HEAD_UNITS;

/// Linear(n, 256), ReLU, Dropout, Linear(256, 2), LogSoftmax.
pub struct TrainableHead {
    hidden: Tensor,
    hidden_bias: Tensor,
    output: Tensor,
    output_bias: Tensor,
}

impl TrainableHead {
    /// Takes the weights under the study's names from `vb`.
    pub fn new(arch: Arch, vb: VarBuilder) -> Result<Self> {
        let vb = vb.pp(arch.head_prefix());
        Ok(Self {
            hidden: vb.get((HEAD_UNITS, arch.features()), "0.weight")?,
            hidden_bias: vb.get(HEAD_UNITS, "0.bias")?,
            output: vb.get((CLASSES, HEAD_UNITS), "3.weight")?,
            output_bias: vb.get(CLASSES, "3.bias")?,
        })
    }

    /// Pooled features (n, features) to log-probabilities (n, 2), a share of the hidden units left out.
    pub fn log_prob(&self, pooled: &Tensor, dropout: f64, seed: u64) -> Result<Tensor> {
        let hidden = pooled.matmul(&self.hidden.t()?)?.broadcast_add(&self.hidden_bias)?.relu()?;
        let hidden = if dropout > 0.0 { (&hidden * mask(&hidden, dropout, seed)?)? } else { hidden };
        let scores = hidden.matmul(&self.output.t()?)?.broadcast_add(&self.output_bias)?;
        candle_nn::ops::log_softmax(&scores, 1)
    }
}

/// Zero with probability `dropout`, else what keeps the mean.
fn mask(like: &Tensor, dropout: f64, seed: u64) -> Result<Tensor> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let kept = (1.0 / (1.0 - dropout)) as f32;
    let values: Vec<f32> =
        (0..like.elem_count()).map(|_| if rng.random::<f64>() < dropout { 0.0 } else { kept }).collect();
    Tensor::from_vec(values, like.shape(), like.device())
}
