//! What the hazard depends on: every candidate by itself, then those that matter together.

use super::survival::follow_up;
use super::{AnalysisError, DataSet, Endpoint, Question};
use crate::cohort::Table;
use crate::stats::cox::{self, CoxFit, Ties};
use crate::stats::design::{self, DesignOptions};
use thoracast_files::progress::Progress;

/// A candidate's own model, or why there is none.
#[derive(Debug, Clone)]
pub struct Univariate {
    pub name: String,
    pub fit: Result<CoxFit, String>,
}

/// Cox regressions of one endpoint.
#[derive(Debug, Clone)]
pub struct Hazards {
    pub endpoint: Endpoint,
    pub univariate: Vec<Univariate>,
    /// Candidates whose own Wald test has a p below the question's threshold.
    pub chosen: Vec<String>,
    /// The chosen ones together; `None` where nothing was chosen.
    pub multivariate: Option<Result<CoxFit, String>>,
}

impl Hazards {
    /// Fits the question's candidates; a candidate that cannot be fitted says why and stays out.
    ///
    /// # Errors
    /// An endpoint without its columns; cancelled work.
    pub fn fit(
        data: &DataSet,
        question: &Question,
        endpoint: &Endpoint,
        progress: &dyn Progress,
    ) -> Result<Self, AnalysisError> {
        let table = question.table(&data.table);
        table.require(&endpoint.time)?;
        table.require(&endpoint.event)?;
        let mut univariate = Vec::with_capacity(question.candidates.len());
        for (done, name) in question.candidates.iter().enumerate() {
            if progress.cancelled() {
                return Err(AnalysisError::Question("cancelled".to_owned()));
            }
            progress.report(done, question.candidates.len());
            let fit = one(&table, endpoint, std::slice::from_ref(name)).map_err(|e| e.to_string());
            univariate.push(Univariate { name: name.clone(), fit });
        }
        let significant = |u: &&Univariate| u.fit.as_ref().is_ok_and(|f| f.wald.p < question.significant);
        let chosen: Vec<String> = univariate.iter().filter(significant).map(|u| u.name.clone()).collect();
        let multivariate =
            (!chosen.is_empty()).then(|| one(&table, endpoint, &chosen).map_err(|e| e.to_string()));
        Ok(Self { endpoint: endpoint.clone(), univariate, chosen, multivariate })
    }
}

fn one(table: &Table, endpoint: &Endpoint, covariates: &[String]) -> Result<CoxFit, AnalysisError> {
    let (time, event) = (table.require(&endpoint.time)?, table.require(&endpoint.event)?);
    let design = design::build(table, covariates, &[time, event], &DesignOptions::default())?;
    let mut patients = Vec::with_capacity(design.used.len());
    for row in &design.used {
        // Rows without follow-up are not among those used.
        patients.extend(follow_up(table, endpoint, *row)?);
    }
    let widths: Vec<(String, usize)> =
        design.covariates.iter().map(|c| (c.name.clone(), c.width())).collect();
    Ok(cox::fit(&design.x, &patients, &design.columns, &widths, Ties::Efron)?)
}
