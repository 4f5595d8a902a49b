//! Risk groups of the nomogram and their survival.

use super::{AnalysisError, DataSet, Endpoint, Model, Question};
use crate::cohort::Table;
use crate::stats::StatsError;
use crate::stats::kaplan_meier::{self, Curve, FollowUp, Interval, LogRank};

/// One risk group.
#[derive(Debug, Clone)]
pub struct GroupCurve {
    /// True: total points reach the cut.
    pub high: bool,
    pub patients: Vec<FollowUp>,
    pub curve: Curve,
}

/// The groups on both sides of a cut.
#[derive(Debug, Clone)]
pub struct Groups {
    pub endpoint: Endpoint,
    /// Total points from which a patient is of the high group.
    pub cut: f64,
    /// Low, then high; a group without patients is absent.
    pub groups: Vec<GroupCurve>,
    /// Absent with one group, or without events.
    pub log_rank: Option<LogRank>,
    /// Rows of the model without time or event.
    pub without_follow_up: usize,
}

impl Groups {
    /// Splits the model's patients at `cut` total points.
    ///
    /// # Errors
    /// Columns that are not there, times below 0, event codes other than 0 and 1.
    pub fn split(
        data: &DataSet,
        question: &Question,
        model: &Model,
        endpoint: &Endpoint,
        cut: f64,
    ) -> Result<Self, AnalysisError> {
        let table = question.table(&data.table);
        let mut sides = [Vec::new(), Vec::new()];
        let mut without_follow_up = 0;
        for (row, total) in model.design.used.iter().zip(&model.totals) {
            match follow_up(&table, endpoint, *row)? {
                Some(patient) => sides[usize::from(*total >= cut)].push(patient),
                None => without_follow_up += 1,
            }
        }
        let (sides, patients): (Vec<bool>, Vec<Vec<FollowUp>>) =
            [false, true].into_iter().zip(sides).filter(|(_, patients)| !patients.is_empty()).unzip();
        let curves = kaplan_meier::curves(&patients, Interval::Log)?;
        let group = |((high, patients), curve)| GroupCurve { high, patients, curve };
        let groups: Vec<GroupCurve> = sides.into_iter().zip(patients).zip(curves).map(group).collect();
        if groups.is_empty() {
            return Err(AnalysisError::Question(format!(
                "no patient of the model has both '{}' and '{}'",
                endpoint.time, endpoint.event
            )));
        }
        let events = groups.iter().any(|g| g.curve.events > 0);
        let log_rank = if groups.len() == 2 && events {
            let patients: Vec<Vec<FollowUp>> = groups.iter().map(|g| g.patients.clone()).collect();
            Some(kaplan_meier::log_rank(&patients)?)
        } else {
            None
        };
        Ok(Self { endpoint: endpoint.clone(), cut, groups, log_rank, without_follow_up })
    }
}

/// One row's follow-up; `None` where time or event is missing.
pub(super) fn follow_up(
    table: &Table,
    endpoint: &Endpoint,
    row: usize,
) -> Result<Option<FollowUp>, AnalysisError> {
    let (time, event) = (table.require(&endpoint.time)?, table.require(&endpoint.event)?);
    let (Some(at), Some(code)) = (table.number(row, time)?, table.number(row, event)?) else {
        return Ok(None);
    };
    if at < 0.0 {
        let reason = "is no follow-up time; correct it or leave the cell empty";
        return Err(StatsError::from(table.cell(row, time, reason)).into());
    }
    if code != 0.0 && code != 1.0 {
        let reason = "is not an event code; write 0 or 1 (\"as published\" reads 1 as alive and 2 as dead)";
        return Err(StatsError::from(table.cell(row, event, reason)).into());
    }
    Ok(Some(FollowUp { time: at, event: code == 1.0 }))
}
