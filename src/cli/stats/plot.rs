//! `--plot FILE`: the chart of a statistics command, as the window shows it.

use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};

use super::note;
use crate::chart::forest::{self, Forest};
use crate::chart::lines::{self, Line, Lines};
use crate::chart::text::fixed;
use crate::chart::{Chart, Role, Theme, export, km, nomogram};
use crate::files::write_atomic;
use crate::stats::calibration::Calibration;
use crate::stats::cox::CoxFit;
use crate::stats::decision_curve::DecisionCurves;
use crate::stats::kaplan_meier::{Curve, LogRank};
use crate::stats::logistic::LogisticFit;
use crate::stats::nomogram::{Nomogram, PatientPoints};
use crate::stats::roc::{Auc, Roc};

/// Width of a written chart in points.
const WIDTH: f32 = 640.0;

#[derive(Debug, Clone, clap::Args)]
pub(super) struct PlotArgs {
    /// Also write the chart; the ending decides: .svg, .png or .pdf
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Dots per inch of a PNG
    #[arg(long, value_name = "N", default_value_t = 300.0)]
    dpi: f32,
}

impl PlotArgs {
    /// Refuses an unknown ending before anything is computed.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if let Some(path) = &self.plot {
            format(path)?;
            if !(20.0..=1200.0).contains(&self.dpi) {
                bail!("--dpi {}: write a number from 20 to 1200", self.dpi);
            }
        }
        Ok(())
    }

    /// Writes the chart, where one was asked for.
    pub(super) fn write(&self, chart: impl FnOnce() -> Chart) -> anyhow::Result<()> {
        let Some(path) = &self.plot else { return Ok(()) };
        let bytes = export::bytes(&chart(), &Theme::light(), format(path)?, self.dpi)?;
        write_atomic(path, &bytes)?;
        note(&format!("chart written to {}", path.display()));
        Ok(())
    }
}

fn format(path: &Path) -> anyhow::Result<export::Format> {
    export::Format::of(path)
        .ok_or_else(|| anyhow!("--plot {}: write a name that ends in .svg, .png or .pdf", path.display()))
}

pub(super) fn nomogram_chart(nomogram: &Nomogram, patient: Option<&PatientPoints>) -> Chart {
    nomogram::draw(nomogram, patient, None, WIDTH)
}

pub(super) fn odds_ratios(fit: &LogisticFit, source: &str) -> Chart {
    let row = |t: crate::stats::logistic::Term| forest::Row {
        term: t.term,
        ratio: Some([t.or, t.or_low, t.or_high]),
        p: Some(t.p),
        remark: String::new(),
    };
    // The intercept's odds are no ratio.
    let rows = fit.table().into_iter().skip(1).map(row).collect();
    let forest = Forest {
        title: "Odds ratios".to_owned(),
        ratio: "Odds ratio".to_owned(),
        groups: vec![("Logistic regression".to_owned(), rows)],
        source: format!("{source} · {} rows, {} events, C {}", fit.n, fit.events, fixed(fit.c, 3)),
    };
    forest::draw(&forest, WIDTH)
}

/// Hazard ratios of several models under their headings.
pub(super) fn hazard_ratios(models: &[(String, Vec<&CoxFit>)], source: &str) -> Chart {
    let row = |t: crate::stats::cox::CoxTerm| forest::Row {
        term: t.term,
        ratio: Some([t.hr, t.hr_low, t.hr_high]),
        p: Some(t.p),
        remark: String::new(),
    };
    let rows = |fits: &[&CoxFit]| fits.iter().flat_map(|f| f.table()).map(row).collect();
    let counts = models.iter().flat_map(|(_, fits)| fits).next();
    let counts = counts.map_or_else(String::new, |f| format!(" · {} rows, {} events", f.n, f.n_event));
    let forest = Forest {
        title: "Hazard ratios".to_owned(),
        ratio: "Hazard ratio".to_owned(),
        groups: models.iter().map(|(heading, fits)| (heading.clone(), rows(fits))).collect(),
        source: format!("{source}{counts}"),
    };
    forest::draw(&forest, WIDTH)
}

/// Kaplan–Meier curves by stratum.
pub(super) fn survival(
    strata: &[(&str, &Curve)],
    test: Option<&LogRank>,
    [time, event]: [&str; 2],
    source: &str,
) -> Chart {
    let curve = |(i, (name, c)): (usize, &(&str, &Curve))| km::Curve {
        name: (*name).to_owned(),
        role: Role::Series(i as u8),
        n: c.n,
        steps: c
            .steps
            .iter()
            .map(|s| km::Step {
                time: s.time,
                n_risk: s.n_risk,
                n_event: s.n_event,
                n_censor: s.n_censor,
                survival: s.survival,
                limits: s.low.zip(s.high).map(|(l, h)| [l, h]),
            })
            .collect(),
    };
    let (n, events) = strata.iter().fold((0, 0), |(n, e), (_, c)| (n + c.n, e + c.events));
    let survival = km::Survival {
        curves: strata.iter().enumerate().map(curve).collect(),
        time_title: time.to_owned(),
        survival_title: format!("Free of {event}"),
        note: test.map_or_else(String::new, |t| format!("log-rank p {}", forest::p_words(t.test.p))),
        source: format!("{source} · {n} rows, {events} events"),
    };
    km::draw(&survival, WIDTH)
}

fn unit_square(title: &str, x_title: &str, y_title: &str, lines: Vec<Line>, source: String) -> Lines {
    Lines {
        title: title.to_owned(),
        x_title: x_title.to_owned(),
        y_title: y_title.to_owned(),
        x_domain: [0.0, 1.0],
        y_domain: [0.0, 1.0],
        reference: Some(([0.0, 0.0], [1.0, 1.0])),
        square: true,
        lines,
        spread: vec![],
        notes: vec![],
        source,
    }
}

pub(super) fn roc(scores: &[(String, Auc, Roc)], source: &str) -> Chart {
    let line = |(i, (name, auc, curve)): (usize, &(String, Auc, Roc))| {
        let interval =
            auc.interval.map_or_else(String::new, |[l, h]| format!(" ({}–{})", fixed(l, 3), fixed(h, 3)));
        let name = format!("{name}: AUC {}{interval}", fixed(auc.auc, 3));
        let mut line = Line::new(name, Role::Series(i as u8), curve.points.clone());
        line.marked = Some([1.0 - curve.youden.specificity, curve.youden.sensitivity]);
        line
    };
    let lines = scores.iter().enumerate().map(line).collect();
    let chart = unit_square("ROC curves", "1 − specificity", "Sensitivity", lines, source.to_owned());
    lines::draw(&Lines { notes: vec!["Rings: largest Youden index".to_owned()], ..chart }, WIDTH)
}

pub(super) fn calibration(c: &Calibration, source: &str) -> Chart {
    let apparent = c.predicted.iter().zip(&c.apparent).map(|(p, a)| [*p, *a]).collect();
    let corrected: Vec<[f64; 2]> =
        c.predicted.iter().zip(&c.corrected).filter_map(|(p, v)| Some([*p, (*v)?])).collect();
    let mut first = Line::new("apparent", Role::Series(1), apparent);
    first.dashed = true;
    let mut drawn = vec![first];
    if !corrected.is_empty() {
        let name = format!("corrected for optimism (B = {})", c.bootstrap);
        drawn.insert(0, Line::new(name, Role::Series(0), corrected));
    }
    let words = format!(
        "Error: mean {}, 90th percentile {}, largest {}; {} of {} resamples used",
        fixed(c.eavg, 3),
        fixed(c.e90, 3),
        fixed(c.emax, 3),
        c.used,
        c.bootstrap
    );
    let chart =
        unit_square("Calibration", "Predicted probability", "Observed share", drawn, source.to_owned());
    lines::draw(&Lines { notes: vec![words], ..chart }, WIDTH)
}

/// Smoothed observed share over the given probability.
pub(super) fn validation(points: Vec<[f64; 2]>, source: &str) -> Chart {
    let line = Line::new("smoothed (lowess)", Role::Series(0), points);
    let chart =
        unit_square("Validation", "Predicted probability", "Observed share", vec![line], source.to_owned());
    lines::draw(&chart, WIDTH)
}

pub(super) fn decision(curves: &DecisionCurves, bands: &[Vec<[f64; 2]>], source: &str) -> Chart {
    let mut drawn: Vec<Line> = curves
        .models
        .iter()
        .enumerate()
        .map(|(i, m)| {
            let points = m.curve.iter().map(|b| [b.threshold, b.net_benefit]).collect();
            let mut line = Line::new(m.name.clone(), Role::Series(i as u8), points);
            line.band = bands.get(i).cloned().unwrap_or_default();
            line
        })
        .collect();
    let top = drawn.iter().flat_map(|l| &l.points).map(|p| p[1]).fold(0.0, f64::max);
    let top = if top > 0.0 { 1.05 * top } else { 1.0 };
    let policy = |p: &crate::stats::decision_curve::Policy| [p.threshold, p.net_benefit];
    let mut all = Line::new("treat all", Role::Muted, curves.all.iter().map(policy).collect());
    all.dashed = true;
    drawn.extend([all, Line::new("treat none", Role::Ink, curves.none.iter().map(policy).collect())]);
    let lines = Lines {
        title: "Decision curves".to_owned(),
        x_title: "Threshold probability".to_owned(),
        y_title: "Net benefit".to_owned(),
        x_domain: [0.0, 1.0],
        y_domain: [-0.08 * top, top],
        reference: None,
        square: false,
        lines: drawn,
        spread: vec![],
        notes: vec![format!("prevalence {}", crate::chart::text::percent(curves.prevalence))],
        source: source.to_owned(),
    };
    lines::draw(&lines, WIDTH)
}
