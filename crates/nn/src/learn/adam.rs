//! Adam (Kingma and Ba 2015, <https://arxiv.org/abs/1412.6980>) with decoupled weight decay, as torch.optim.Adam and AdamW
//! compute it; its moments can be saved, which candle's own optimiser does not offer.

use candle_core::{Result, Tensor, Var};
use rayon::prelude::*;

use crate::state_dict::{RawTensor, StateDict};

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPS: f64 = 1e-8;

/// The optimiser's memory.
pub struct Adam {
    steps: u64,
    /// First and second moment of each variable once it has had a gradient.
    moments: Vec<Option<[Tensor; 2]>>,
}

impl Adam {
    pub fn new(variables: usize) -> Self {
        Self { steps: 0, moments: vec![None; variables] }
    }

    /// One step along `sign` times the slopes.
    pub fn step(
        &mut self,
        variables: &[(String, Var)],
        slopes: &[Option<Tensor>],
        sign: f64,
        learning_rate: f64,
        weight_decay: f64,
    ) -> Result<()> {
        self.steps += 1;
        let correct = |beta: f64| 1.0 - beta.powf(self.steps as f64);
        let rates = Rates {
            sign,
            rate: learning_rate / correct(BETA1),
            root: correct(BETA2).sqrt(),
            keep: 1.0 - learning_rate * weight_decay,
        };
        for (((_, var), slope), moments) in variables.iter().zip(slopes).zip(&mut self.moments) {
            let Some(slope) = slope else { continue };
            let [first, second] = match moments.take() {
                Some(both) => both,
                None => [slope.zeros_like()?, slope.zeros_like()?],
            };
            let (value, both) = match slope.device().is_cpu() {
                true => rates.on_cpu(var, slope, &first, &second)?,
                false => rates.stock(var, slope, &first, &second)?,
            };
            var.set(&value)?;
            *moments = Some(both);
        }
        Ok(())
    }

    /// Moments and count as named tensors.
    pub fn state(&self, variables: &[(String, Var)]) -> Result<StateDict> {
        let mut state = StateDict::default();
        state.insert("adam.steps".to_owned(), RawTensor::from_f32(vec![1], &[self.steps as f32]));
        for ((name, _), moments) in variables.iter().zip(&self.moments) {
            for (order, tensor) in (1..).zip(moments.iter().flatten()) {
                let values = tensor.flatten_all()?.to_vec1::<f32>()?;
                state.insert(
                    format!("adam.{order}.{name}"),
                    RawTensor::from_f32(tensor.dims().to_vec(), &values),
                );
            }
        }
        Ok(state)
    }

    /// Takes a saved state back; the error names what does not fit.
    pub fn restore(
        &mut self,
        variables: &[(String, Var)],
        state: &StateDict,
    ) -> std::result::Result<(), String> {
        let steps = state.get("adam.steps").map(RawTensor::to_f32).unwrap_or_default();
        let Some(steps) = steps.first() else { return Err("the optimiser's state has no count".to_owned()) };
        let take = |order: u8, name: &str, var: &Var| -> std::result::Result<Option<Tensor>, String> {
            let Some(raw) = state.get(&format!("adam.{order}.{name}")) else { return Ok(None) };
            if raw.shape != var.dims() {
                return Err(format!("the optimiser's state of {name} has another shape"));
            }
            Tensor::from_vec(raw.to_f32(), var.shape(), var.device()).map(Some).map_err(|e| e.to_string())
        };
        for ((name, var), moments) in variables.iter().zip(&mut self.moments) {
            *moments = match (take(1, name, var)?, take(2, name, var)?) {
                (Some(first), Some(second)) => Some([first, second]),
                _ => None,
            };
        }
        self.steps = *steps as u64;
        Ok(())
    }
}

struct Rates {
    sign: f64,
    /// Learning rate over the first moment's bias correction.
    rate: f64,
    /// Root of the second moment's.
    root: f64,
    keep: f64,
}

impl Rates {
    /// One pass over the memory.
    fn on_cpu(
        &self,
        var: &Var,
        slope: &Tensor,
        first: &Tensor,
        second: &Tensor,
    ) -> Result<(Tensor, [Tensor; 2])> {
        let get = |t: &Tensor| t.flatten_all()?.to_vec1::<f32>();
        let (mut value, slope) = (get(&var.as_detached_tensor())?, get(slope)?);
        let (mut first, mut second) = (get(first)?, get(second)?);
        let (sign, rate, keep) = (self.sign as f32, self.rate as f32, self.keep as f32);
        let (beta1, beta2, root, eps) = (BETA1 as f32, BETA2 as f32, self.root as f32, EPS as f32);
        // Rounded once: 1 − 0.999 in 32 bits would be off in the fifth digit.
        let (other1, other2) = ((1.0 - BETA1) as f32, (1.0 - BETA2) as f32);
        let moments = first.par_iter_mut().zip(second.par_iter_mut());
        value.par_iter_mut().zip(slope.par_iter()).zip(moments).with_min_len(1 << 14).for_each(
            |((value, slope), (first, second))| {
                let slope = sign * slope;
                *first = beta1 * *first + other1 * slope;
                *second = beta2 * *second + other2 * slope * slope;
                *value = keep * *value - rate * *first / (second.sqrt() / root + eps);
            },
        );
        let put = |values: Vec<f32>| Tensor::from_vec(values, var.shape(), var.device());
        Ok((put(value)?, [put(first)?, put(second)?]))
    }

    fn stock(
        &self,
        var: &Var,
        slope: &Tensor,
        first: &Tensor,
        second: &Tensor,
    ) -> Result<(Tensor, [Tensor; 2])> {
        let slope = (slope * self.sign)?;
        let first = ((first * BETA1)? + (&slope * (1.0 - BETA1))?)?;
        let second = ((second * BETA2)? + (slope.sqr()? * (1.0 - BETA2))?)?;
        let step = ((&first * self.rate)? / ((second.sqrt()? * (1.0 / self.root))? + EPS)?)?;
        let value = ((var.as_detached_tensor() * self.keep)? - step)?;
        // Detached: the moments would hold on to every batch's graph.
        Ok((value.detach(), [first.detach(), second.detach()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// Against the paper's formulas in 64 bits, three steps with decay.
    #[test]
    fn both_forms_take_the_textbooks_steps() {
        let start = [1.0f32, -2.0];
        let slopes = [[0.5f32, -1.0], [0.25, 2.0], [-0.125, 0.5]];
        let want = |i: usize| {
            let (mut value, mut m, mut v) = (f64::from(start[i]), 0.0, 0.0);
            for (step, slope) in (1..).zip(slopes) {
                let g = f64::from(slope[i]);
                m = 0.9 * m + 0.1 * g;
                v = 0.999 * v + 0.001 * g * g;
                let (mh, vh) = (m / (1.0 - 0.9f64.powi(step)), v / (1.0 - 0.999f64.powi(step)));
                value = value * (1.0 - 0.1 * 0.01) - 0.1 * mh / (vh.sqrt() + 1e-8);
            }
            value
        };
        let tensor = |values: &[f32]| Tensor::from_slice(values, 2, &Device::Cpu).unwrap();
        let var = Var::from_tensor(&tensor(&start)).unwrap();
        let named = [("x".to_owned(), var.clone())];
        let mut adam = Adam::new(1);
        for slope in &slopes {
            adam.step(&named, &[Some(tensor(slope))], 1.0, 0.1, 0.01).unwrap();
        }
        let (mut value, mut moments) = (tensor(&start), [tensor(&[0., 0.]), tensor(&[0., 0.])]);
        for (step, slope) in (1..).zip(&slopes) {
            let rates = Rates {
                sign: 1.0,
                rate: 0.1 / (1.0 - BETA1.powi(step)),
                root: (1.0 - BETA2.powi(step)).sqrt(),
                keep: 1.0 - 0.001,
            };
            let var = Var::from_tensor(&value).unwrap();
            (value, moments) = rates.stock(&var, &tensor(slope), &moments[0], &moments[1]).unwrap();
        }
        for got in [var.to_vec1::<f32>().unwrap(), value.to_vec1::<f32>().unwrap()] {
            assert!((0..2).all(|i| (f64::from(got[i]) - want(i)).abs() < 1e-6), "{got:?} {}", want(0));
        }
        // A restored optimiser goes on as the old one would.
        let state = adam.state(&named).unwrap();
        let mut other = Adam::new(1);
        other.restore(&named, &state).unwrap();
        let before = var.as_detached_tensor().copy().unwrap();
        adam.step(&named, &[Some(tensor(&slopes[0]))], 1.0, 0.1, 0.0).unwrap();
        let one = var.to_vec1::<f32>().unwrap();
        var.set(&before).unwrap();
        other.step(&named, &[Some(tensor(&slopes[0]))], 1.0, 0.1, 0.0).unwrap();
        assert_eq!(one, var.to_vec1::<f32>().unwrap());
    }
}
