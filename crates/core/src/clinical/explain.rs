//! Why the clinical branch said what it said of one patient.

use serde::Serialize;

/// How much one variable moved the log-odds of metastasis, away from where they stand when nothing is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Contribution {
    /// Key of the variable.
    pub variable: String,
    pub label: String,
    /// The patient's value; absent where it was missing and the model's policy filled it.
    pub value: Option<f64>,
    /// Log-odds, positive towards metastasis (exact Shapley value).
    pub log_odds: f64,
}

/// A whole explanation: `base_log_odds` and all contributions sum to the model's log-odds.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Explanation {
    /// Where nothing is known of the patient: the mean over the training rows.
    pub base_log_odds: f64,
    /// In the order of the model's variables.
    pub contributions: Vec<Contribution>,
}

impl Explanation {
    /// The model's log-odds.
    pub fn log_odds(&self) -> f64 {
        self.base_log_odds + self.contributions.iter().map(|c| c.log_odds).sum::<f64>()
    }

    /// Largest first, whichever way they move.
    pub fn by_size(&self) -> Vec<&Contribution> {
        let mut sorted: Vec<&Contribution> = self.contributions.iter().collect();
        sorted.sort_by(|a, b| b.log_odds.abs().total_cmp(&a.log_odds.abs()));
        sorted
    }
}
