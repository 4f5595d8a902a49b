//! What the model's probabilities are worth: decision curves of nested models, and ROC curves.

use super::{AnalysisError, DataSet, Model, Question};
use crate::stats::decision_curve::{self, Band, DecisionCurves};
use crate::stats::{resample, roc};

/// The most nested models on one chart.
const MOST_NESTED: usize = 3;

/// Decision curves of nested models on the same patients.
#[derive(Debug, Clone)]
pub struct Decision {
    pub curves: DecisionCurves,
    /// One a model, from resamples of the patients (the models stay as they are); none where none were asked for.
    pub bands: Vec<Band>,
    /// Whether each patient was predicted by a model fitted without their fold.
    pub out_of_fold: bool,
}

/// Decision curves of the whole model and of those without its last predictors, on the rows of the whole one; each
/// patient predicted out of fold where that is possible.
///
/// # Errors
/// A smaller model that cannot be fitted; thresholds or a prevalence out of range.
pub fn decision(
    data: &DataSet,
    question: &Question,
    model: &Model,
    thresholds: &[f64],
    prevalence: Option<f64>,
) -> Result<Decision, AnalysisError> {
    let rows: Vec<_> = model.design.used.iter().map(|r| data.table.rows[*r].clone()).collect();
    let complete = DataSet { table: crate::cohort::Table { rows, ..data.table.clone() }, ..data.clone() };
    let count = question.predictors.len();
    let mut models = Vec::new();
    let mut out_of_fold = model.out_of_fold.is_ok();
    for taken in (count.saturating_sub(MOST_NESTED - 1).max(1)..count).rev() {
        let smaller = Question { predictors: question.predictors[..taken].to_vec(), ..question.clone() };
        let fitted = Model::fit(&complete, &smaller)?;
        out_of_fold &= fitted.out_of_fold.is_ok();
        models.push((format!("without {}", question.predictors[taken..].join(", ")), fitted));
    }
    let probabilities = |m: &Model| match &m.out_of_fold {
        Ok(p) if out_of_fold => p.clone(),
        _ => m.apparent.clone(),
    };
    let mut named = vec![("nomogram".to_owned(), probabilities(model))];
    named.extend(models.iter().map(|(name, m)| (name.clone(), probabilities(m))));
    let curves = decision_curve::decision_curves(&named, &model.outcome, thresholds, prevalence)?;
    let resamples = resample::bootstrap(model.outcome.len(), question.bootstrap, question.seed);
    let band = |(_, p): &(String, Vec<f64>)| {
        decision_curve::band(p, &model.outcome, thresholds, prevalence, &resamples)
    };
    let bands = if resamples.is_empty() { vec![] } else { named.iter().map(band).collect() };
    Ok(Decision { curves, bands, out_of_fold })
}

/// Something that ranks the patients, with its curve.
#[derive(Debug, Clone)]
pub struct Score {
    pub name: String,
    pub auc: roc::Auc,
    pub curve: roc::Roc,
}

/// How well the model and its strongest numbers separate the outcomes, on the model's rows.
#[derive(Debug, Clone)]
pub struct Discrimination {
    pub scores: Vec<Score>,
    /// DeLong's test of the model against each other score: name, z, p.
    pub against: Vec<(String, f64, f64)>,
}

/// ROC curves of the model (out of fold where possible, and on the fitted patients) and of each numeric predictor.
pub fn discrimination(model: &Model) -> Discrimination {
    let mut candidates = Vec::new();
    if let Ok(p) = &model.out_of_fold {
        candidates.push(("nomogram, out of fold".to_owned(), p.clone()));
    }
    candidates.push(("nomogram, fitted patients".to_owned(), model.apparent.clone()));
    let mut column = 0;
    for covariate in &model.design.covariates {
        if covariate.width() == 1
            && matches!(covariate.kind, crate::stats::design::CovariateKind::Number { .. })
        {
            let values: Vec<f64> = model.design.x.iter().map(|row| row[column]).collect();
            // A protective number ranks the other way round.
            let falls = model.fit.coef[column + 1] < 0.0;
            let name = if falls { format!("{} (falling)", covariate.name) } else { covariate.name.clone() };
            candidates.push((name, values.iter().map(|v| if falls { -v } else { *v }).collect()));
        }
        column += covariate.width();
    }
    let scores: Vec<Score> = candidates
        .iter()
        .filter_map(|(name, values)| {
            let auc = roc::auc_with_interval(&model.outcome, values)?;
            Some(Score { name: name.clone(), auc, curve: roc::curve(&model.outcome, values)? })
        })
        .collect();
    let against = candidates
        .iter()
        .skip(1)
        .filter_map(|(name, values)| {
            let test = roc::paired_test(&model.outcome, &candidates[0].1, values)?;
            Some((name.clone(), test.z, test.p))
        })
        .collect();
    Discrimination { scores, against }
}
