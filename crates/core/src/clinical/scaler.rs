//! Standardisation to mean 0 and standard deviation 1, as scikit-learn's `StandardScaler` does it.

use serde::{Deserialize, Serialize};

/// Mean and population standard deviation by column; constant columns have scale 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaler {
    pub mean: Vec<f64>,
    pub scale: Vec<f64>,
}

impl Scaler {
    /// Means and scales of the columns of `rows`.
    pub fn fit(rows: &[Vec<f64>]) -> Self {
        let n = rows.len() as f64;
        let width = rows.first().map_or(0, Vec::len);
        let mean: Vec<f64> = (0..width).map(|j| rows.iter().map(|r| r[j]).sum::<f64>() / n).collect();
        let scale = mean.iter().enumerate().map(|(j, mean)| {
            let variance = rows.iter().map(|r| (r[j] - mean).powi(2)).sum::<f64>() / n;
            // A column that only differs by rounding is constant.
            let rounding = n * f64::EPSILON * variance + (n * mean * f64::EPSILON).powi(2);
            if variance <= rounding { 1.0 } else { variance.sqrt() }
        });
        Self { scale: scale.collect(), mean }
    }

    /// One row in standard deviations from the mean.
    pub fn transform(&self, row: &[f64]) -> Vec<f64> {
        row.iter()
            .zip(self.mean.iter().zip(&self.scale))
            .map(|(v, (mean, scale))| (v - mean) / scale)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standardised_columns_have_mean_0_and_deviation_1_and_constants_stay_finite() {
        let rows: Vec<Vec<f64>> = (0..50).map(|i| vec![f64::from(i) * 3.0 + 7.0, 0.1]).collect();
        let scaler = Scaler::fit(&rows);
        let z: Vec<f64> = rows.iter().map(|r| scaler.transform(r)[0]).collect();
        assert!(z.iter().sum::<f64>().abs() < 1e-12);
        assert!((z.iter().map(|v| v * v).sum::<f64>() / 50.0 - 1.0).abs() < 1e-12);
        assert_eq!(scaler.scale[1], 1.0);
        assert!(scaler.transform(&rows[3])[1].abs() < 1e-12);
    }
}
