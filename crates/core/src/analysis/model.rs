//! The nomogram's logistic model on a data set.

use super::{AnalysisError, DataSet, Question};
use crate::stats::design::{self, Design};
use crate::stats::folds::folds;
use crate::stats::logistic::{self, Convergence, LogisticFit};
use crate::stats::nomogram::Cohort;
use crate::stats::nomogram::{LinearModel, Nomogram, RISK_MARKS, Value};
use crate::stats::nomogram_cut;

/// A fitted model with its nomogram and what it says of the patients it was fitted on.
#[derive(Debug, Clone)]
pub struct Model {
    pub design: Design,
    /// Of the rows used.
    pub outcome: Vec<bool>,
    pub fit: LogisticFit,
    pub linear: LinearModel,
    pub nomogram: Nomogram,
    /// Probabilities of the very patients the model was fitted on.
    pub apparent: Vec<f64>,
    /// Each patient's probability from a model fitted without their fold, or why there is none.
    pub out_of_fold: Result<Vec<f64>, String>,
    /// Total points of the rows used.
    pub totals: Vec<f64>,
    /// Where the rows used stand on the nomogram's axes.
    pub cohort: Cohort,
    /// Total points with the largest Youden index on these patients.
    pub youden_cut: f64,
}

/// Folds of the out-of-fold predictions.
pub const FOLDS: usize = 10;

impl Model {
    /// Fits the question's predictors to its outcome on complete rows.
    ///
    /// # Errors
    /// Unknown columns, too few rows, separation, collinearity: one sentence that names them.
    pub fn fit(data: &DataSet, question: &Question) -> Result<Self, AnalysisError> {
        if question.predictors.is_empty() {
            return Err(AnalysisError::Question("choose at least one predictor for the nomogram".to_owned()));
        }
        let table = question.table(&data.table);
        let y = table.require(&question.outcome)?;
        let design = design::build(&table, &question.predictors, &[y], &question.design_options())?;
        let outcome = design::outcome(&table, y, &design.used)?;
        let fit = logistic::fit(&design.x, &outcome, &design.columns, Convergence::Full)?;
        let linear = LinearModel::from_fit(&fit, &design.covariates)?;
        let nomogram = linear.nomogram(&RISK_MARKS);
        let apparent = fit.linear_predictor.iter().map(|f| logistic::logistic(*f)).collect();
        let totals: Vec<f64> = fit.linear_predictor.iter().map(|f| linear.total_points(*f)).collect();
        let points = linear.points_of(&design.x);
        let cohort = Cohort { outcome: outcome.clone(), points, totals: totals.clone() };
        let youden_cut = nomogram_cut::youden(&totals, &outcome).total_points;
        let out_of_fold = out_of_fold(&design, &outcome, question.seed);
        Ok(Self { design, outcome, fit, linear, nomogram, apparent, out_of_fold, totals, cohort, youden_cut })
    }

    /// A patient in the middle of the cohort: the median of numbers, the commonest level.
    pub fn typical(&self) -> Vec<(String, Value)> {
        let mut column = 0;
        self.design
            .covariates
            .iter()
            .map(|covariate| {
                let columns = column..column + covariate.width();
                column = columns.end;
                (covariate.name.clone(), covariate.typical(&self.design.x, columns))
            })
            .collect()
    }

    /// What stands under a chart made from this model.
    pub fn describe(&self, data: &DataSet) -> String {
        let dropped = self.design.dropped.len();
        let left_out =
            if dropped == 0 { String::new() } else { format!(", {dropped} left out for missing values") };
        format!("{} · {} patients, {} events{left_out}", data.source(), self.fit.n, self.fit.events)
    }
}

/// Every patient predicted by a model fitted on the other folds.
fn out_of_fold(design: &Design, outcome: &[bool], seed: u64) -> Result<Vec<f64>, String> {
    let fold = folds(outcome, FOLDS, seed)
        .ok_or_else(|| format!("fewer than {FOLDS} patients of one outcome, so there are no ten folds"))?;
    logistic::out_of_fold(&design.x, outcome, &design.columns, &fold).map_err(|e| e.to_string())
}
