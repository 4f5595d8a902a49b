//! Is a picture like those the network learnt from? A simple check: its pooled features in standard deviations from the
//! training pictures' mean (a Mahalanobis distance that takes the features as independent; Lee et al. 2018,
//! <https://arxiv.org/abs/1807.03888>). The limit is what nearly all validation pictures stay under.

use super::state_dict::{RawTensor, StateDict};

const MEAN: &str = "training.feature_mean";
const SD: &str = "training.feature_sd";
const LIMIT: &str = "training.distance_limit";

/// The names a weights file may hold besides the network.
pub const NAMES: [&str; 3] = [MEAN, SD, LIMIT];

/// Mean and spread of the training pictures' features.
#[derive(Debug, Clone, PartialEq)]
pub struct Familiarity {
    mean: Vec<f32>,
    sd: Vec<f32>,
    limit: f64,
}

/// How far a picture is from the training pictures.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Distance {
    /// Root mean square over the features, in standard deviations of the training pictures: about 1 for one of them.
    pub value: f64,
    /// Above this a picture is called unfamiliar.
    pub limit: f64,
}

impl Distance {
    /// Whether the picture is unlike the training pictures.
    pub fn unfamiliar(&self) -> bool {
        self.value > self.limit
    }
}

impl Familiarity {
    /// From the features of the training pictures; the limit from pictures the network did not learn from: a quarter above
    /// their 95th percentile.
    ///
    /// `None` with fewer than two training pictures or no others.
    pub fn fit(train: &[Vec<f32>], others: &[Vec<f32>]) -> Option<Self> {
        if train.len() < 2 || others.is_empty() {
            return None;
        }
        let n = train.len() as f64;
        let column = |i: usize| train.iter().map(move |f| f64::from(f[i]));
        let mean: Vec<f64> = (0..train[0].len()).map(|i| column(i).sum::<f64>() / n).collect();
        let sd: Vec<f64> = (0..mean.len())
            .map(|i| (column(i).map(|v| (v - mean[i]).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
            .collect();
        let narrow = |v: Vec<f64>| v.into_iter().map(|v| v as f32).collect();
        let mut fitted = Self { mean: narrow(mean), sd: narrow(sd), limit: f64::INFINITY };
        let mut distances: Vec<f64> = others.iter().map(|f| fitted.distance(f).value).collect();
        distances.sort_by(f64::total_cmp);
        let at = ((distances.len() as f64 * 0.95).ceil() as usize).clamp(1, distances.len()) - 1;
        fitted.limit = 1.25 * distances[at];
        Some(fitted)
    }

    /// Distance of one picture. A feature that hardly varied in training counts with a twentieth of the mean spread, so that
    /// one dead feature does not decide.
    pub fn distance(&self, pooled: &[f32]) -> Distance {
        let typical = self.sd.iter().map(|v| f64::from(*v)).sum::<f64>() / self.sd.len().max(1) as f64;
        let floor = (0.05 * typical).max(1e-9);
        let terms = pooled.iter().zip(&self.mean).zip(&self.sd);
        let sum: f64 = terms.map(|((v, m), sd)| (f64::from(v - m) / f64::from(*sd).max(floor)).powi(2)).sum();
        Distance { value: (sum / pooled.len().max(1) as f64).sqrt(), limit: self.limit }
    }

    /// As tensors beside the network's.
    pub fn to_dict(&self) -> StateDict {
        let line = |values: &[f32]| RawTensor::from_f32(vec![values.len()], values);
        StateDict::from([
            (MEAN.to_owned(), line(&self.mean)),
            (SD.to_owned(), line(&self.sd)),
            (LIMIT.to_owned(), line(&[self.limit as f32])),
        ])
    }

    /// Out of a weights file that has them.
    pub fn from_dict(dict: &StateDict) -> Option<Self> {
        let get = |name: &str| dict.get(name).map(RawTensor::to_f32);
        let (mean, sd, limit) = (get(MEAN)?, get(SD)?, get(LIMIT)?);
        let limit = f64::from(*limit.first()?);
        let finite = mean.iter().chain(&sd).all(|v| v.is_finite());
        (mean.len() == sd.len() && !mean.is_empty() && finite).then_some(Self { mean, sd, limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::pattern;

    #[test]
    fn pictures_like_the_training_ones_are_familiar_and_others_are_not() {
        let of = |name: &str, shift: f32| -> Vec<Vec<f32>> {
            (0..40).map(|i| pattern(name, 50, i).iter().map(|v| 3.0 + v + shift).collect()).collect()
        };
        let fitted = Familiarity::fit(&of("a", 0.0), &of("b", 0.0)).unwrap();
        assert!(of("c", 0.0).iter().all(|f| !fitted.distance(f).unfamiliar()));
        assert!(of("c", 1.5).iter().all(|f| fitted.distance(f).unfamiliar()));
        assert!((fitted.distance(&of("a", 0.0)[0]).value - 1.0).abs() < 0.3);
        let back = Familiarity::from_dict(&fitted.to_dict()).unwrap();
        assert!((back.limit - fitted.limit).abs() < 1e-6 && back.mean == fitted.mean);
        assert_eq!(Familiarity::fit(&of("a", 0.0)[..1], &of("b", 0.0)), None);
        assert_eq!(Familiarity::from_dict(&StateDict::default()), None);
    }
}
