//! Results as chart data, the same for the panels and for `stats … --plot`.

/// The clinical branch explained.
pub mod explanation;
/// The nomogram with a patient on it.
pub mod nomogram;
/// Three votes and their fusion.
pub mod votes;

use crate::chart::forest::{Forest, Row, p_words};
use crate::chart::km;
use crate::chart::lines::{Line, Lines, Spread};
use crate::chart::text::{fixed, number, percent};
use crate::chart::{Role, Theme};
use crate::cohort::columns;
use crate::stats::calibration::{self, Calibration, Corrected};
use crate::stats::cox::{CoxFit, CoxTerm};
use crate::stats::decision_curve::{Band, Benefit, DecisionCurves, Policy};
use crate::stats::kaplan_meier::{Curve, LogRank};
use crate::stats::logistic::Term;
use crate::stats::roc::{Auc, PairedTest, Roc};
use crate::stats::validate::Validation;

/// Odds ratios of a logistic model; its first term, the intercept, has none.
pub fn odds_ratios(outcome: &str, terms: &[Term], source: String) -> Forest {
    let rows = terms.iter().skip(1);
    Forest {
        title: format!("Odds ratios: {outcome}"),
        ratio: "Odds ratio".to_owned(),
        groups: vec![(
            format!("Logistic regression of {outcome}"),
            rows.map(|t| row(&t.term, [t.or, t.or_low, t.or_high], t.p)).collect(),
        )],
        source,
    }
}

/// Hazard ratios under their headings.
pub fn hazard_ratios(title: String, groups: Vec<(String, Vec<Row>)>, source: String) -> Forest {
    Forest { title, ratio: "Hazard ratio".to_owned(), groups, source }
}

/// The rows of one Cox model.
pub fn hazards(fit: &CoxFit) -> Vec<Row> {
    let counted = Some([fit.n, fit.n_event]);
    let row = |t: &CoxTerm| Row { counted, ..row(&t.term, [t.hr, t.hr_low, t.hr_high], t.p) };
    fit.table().iter().map(row).collect()
}

fn row(term: &str, ratio: [f64; 3], p: f64) -> Row {
    if ratio.iter().any(|v| v.is_nan()) {
        return remark(term, "not estimable");
    }
    Row { term: term.to_owned(), ratio: Some(ratio), p: Some(p), counted: None, remark: String::new() }
}

/// A row without figures that says why.
pub fn remark(term: &str, remark: &str) -> Row {
    Row { term: term.to_owned(), ratio: None, p: None, counted: None, remark: remark.to_owned() }
}

/// A group of patients with their curve.
pub struct Followed<'a> {
    pub name: String,
    pub role: Role,
    pub curve: &'a Curve,
}

/// Kaplan–Meier curves with the log-rank test and the medians; `titles` are those of the time and survival axes.
pub fn survival(
    groups: &[Followed<'_>],
    test: Option<&LogRank>,
    [time, survival]: [String; 2],
    source: String,
) -> km::Survival {
    let words = |t: Option<f64>| t.map_or_else(|| "not reached".to_owned(), |t| number(t, 1));
    let medians: Vec<String> =
        groups.iter().map(|g| format!("{} {}", g.name, words(g.curve.median))).collect();
    let note = match test {
        Some(test) => format!("log-rank p {}", p_words(test.test.p)),
        None if groups.len() > 1 => "no log-rank test: no events".to_owned(),
        None => String::new(),
    };
    km::Survival {
        curves: groups.iter().map(km_curve).collect(),
        time_title: time,
        survival_title: survival,
        note,
        caveat: String::new(),
        source: format!("{source} · median time: {}", medians.join(", ")),
    }
}

/// The axis title of a column of times: of those known, their unit.
pub fn time_title(column: &str) -> String {
    match columns::key_of(column) {
        Some("os_days" | "dmfs_days") => "Days".to_owned(),
        _ => column.to_owned(),
    }
}

fn km_curve(group: &Followed<'_>) -> km::Curve {
    let steps = group.curve.steps.iter().map(|s| km::Step {
        time: s.time,
        n_risk: s.n_risk,
        n_event: s.n_event,
        n_censor: s.n_censor,
        survival: s.survival,
        limits: s.low.zip(s.high).map(|(l, h)| [l, h]),
    });
    km::Curve { name: group.name.clone(), role: group.role, n: group.curve.n, steps: steps.collect() }
}

/// A score with its curve.
pub struct Scored {
    pub name: String,
    pub auc: Auc,
    pub curve: Roc,
    /// Drawn dashed: of the patients the model was fitted on.
    pub apparent: bool,
}

/// ROC curves; `tests` name two scores and compare their areas.
pub fn roc(scores: &[Scored], tests: &[(String, String, PairedTest)], source: String) -> Lines {
    let line = |(i, s): (usize, &Scored)| {
        let interval =
            s.auc.interval.map_or_else(String::new, |[l, h]| format!(" ({}–{})", fixed(l, 3), fixed(h, 3)));
        let name = format!("{}: AUC {}{interval}", s.name, fixed(s.auc.auc, 3));
        let mut line = Line::new(name, Role::Series(i as u8), s.curve.points.clone());
        // Colours begin anew after the last.
        line.dashed = s.apparent || i >= Theme::SERIES;
        line.marked = Some([1.0 - s.curve.youden.specificity, s.curve.youden.sensitivity]);
        line.readout = roc_readout(s);
        line
    };
    let mut notes = Vec::new();
    if let Some(Scored { name, curve: Roc { youden, .. }, .. }) = scores.first() {
        notes.push(format!(
            "Rings: largest Youden index; {name}: sensitivity {}, specificity {} at {}",
            fixed(youden.sensitivity, 2),
            fixed(youden.specificity, 2),
            number(youden.threshold, 3)
        ));
    }
    if !tests.is_empty() {
        let words: Vec<String> =
            tests.iter().map(|(a, b, t)| format!("{a} against {b} p {}", p_words(t.p))).collect();
        notes.push(format!("DeLong's test: {}", words.join("; ")));
    }
    Lines {
        title: "ROC curves".to_owned(),
        x_title: "1 − specificity".to_owned(),
        y_title: "Sensitivity".to_owned(),
        lines: scores.iter().enumerate().map(line).collect(),
        notes,
        ..unit_square(source)
    }
}

/// What the pointer reads at each corner of a ROC curve.
fn roc_readout(score: &Scored) -> Vec<String> {
    let words = |([fpr, sensitivity], threshold): (&[f64; 2], &Option<f64>)| {
        let above = threshold.map_or_else(String::new, |t| format!(" above {}", number(t, 3)));
        let specificity = fixed(1.0 - fpr, 2);
        format!("{}{above}: sensitivity {}, specificity {specificity}", score.name, fixed(*sensitivity, 2))
    };
    score.curve.points.iter().zip(&score.curve.thresholds).map(words).collect()
}

fn unit_square(source: String) -> Lines {
    Lines {
        title: "Calibration".to_owned(),
        x_title: "Predicted probability".to_owned(),
        y_title: "Observed share".to_owned(),
        x_domain: [0.0, 1.0],
        y_domain: [0.0, 1.0],
        reference: Some(([0.0, 0.0], [1.0, 1.0])),
        square: true,
        lines: vec![],
        spread: vec![],
        notes: vec![],
        source,
    }
}

fn spread(probability: &[f64], outcome: &[bool]) -> Vec<Spread> {
    let of = |wanted: bool| {
        probability.iter().zip(outcome).filter(|(_, y)| **y == wanted).map(|(p, _)| *p).collect()
    };
    vec![
        Spread { name: "event".to_owned(), role: Role::High, values: of(true) },
        Spread { name: "none".to_owned(), role: Role::Low, values: of(false) },
    ]
}

/// A model's calibration on its own patients and without the optimism of that.
pub fn calibration(c: &Calibration, probability: &[f64], outcome: &[bool], source: String) -> Lines {
    let apparent = c.predicted.iter().zip(&c.apparent).map(|(p, a)| [*p, *a]).collect();
    let mut first = Line::new("apparent", Role::Series(1), apparent);
    first.dashed = true;
    let corrected: Vec<[f64; 2]> =
        c.predicted.iter().zip(&c.corrected).filter_map(|(p, v)| Some([*p, (*v)?])).collect();
    let mut lines = vec![first];
    if !corrected.is_empty() {
        let name = format!("corrected for optimism (B = {})", c.bootstrap);
        lines.insert(0, Line::new(name, Role::Series(0), corrected));
    }
    let both = |name: &str, f: Corrected, digits: usize| {
        let corrected = f.corrected.map_or_else(|| "–".to_owned(), |v| fixed(v, digits));
        format!("{name} {} → {corrected}", fixed(f.apparent, digits))
    };
    let figures = [
        both("slope", c.slope, 2),
        both("intercept", c.intercept, 2),
        both("Brier", c.brier, 3),
        both("C", c.c, 3),
    ];
    let resamples = match c.bootstrap {
        0 => "without resamples".to_owned(),
        drawn => format!("{} of {drawn} resamples used", c.used),
    };
    Lines {
        y_domain: room(&lines),
        lines,
        spread: spread(probability, outcome),
        notes: vec![
            format!("Apparent → corrected: {}", figures.join(", ")),
            format!("Error: {}; {resamples}", errors(c.eavg, c.e90, c.emax)),
        ],
        ..unit_square(source)
    }
}

/// Shares from 0 to 1, and a little more where a smoother leaves them.
fn room(lines: &[Line]) -> [f64; 2] {
    let shares = || lines.iter().flat_map(|l| &l.points).map(|p| p[1]).filter(|v| v.is_finite());
    let (low, high) = (shares().fold(0.0, f64::min), shares().fold(1.0, f64::max));
    [
        if low < 0.0 { (low - 0.01).max(-0.2) } else { 0.0 },
        if high > 1.0 { (high + 0.01).min(1.2) } else { 1.0 },
    ]
}

fn errors(eavg: f64, e90: f64, emax: f64) -> String {
    format!("mean {}, 90th percentile {}, largest {}", fixed(eavg, 3), fixed(e90, 3), fixed(emax, 3))
}

/// How given probabilities agree with outcomes.
pub fn agreement(v: &Validation, probability: &[f64], outcome: &[bool], source: String) -> Lines {
    let curve = calibration::smooth(probability, outcome, &vec![1.0; outcome.len()]);
    let points = curve.x.iter().zip(&curve.y).map(|(x, y)| [*x, *y]).collect();
    let test = v.hosmer_lemeshow.as_ref().map_or_else(String::new, |h| {
        format!(
            "; Hosmer–Lemeshow p {} (patients of the fit), {} (new patients)",
            p_words(h.test.p),
            p_words(h.new_patients.p)
        )
    });
    let lines = vec![Line::new("smoothed share of events", Role::Series(0), points)];
    Lines {
        y_domain: room(&lines),
        lines,
        spread: spread(probability, outcome),
        notes: vec![
            format!(
                "AUC {}, Brier {}, slope {}, intercept {}",
                fixed(v.auc_exact, 3),
                fixed(v.brier, 3),
                fixed(v.slope, 2),
                fixed(v.intercept, 2)
            ),
            format!("Error: {}{test}", errors(v.eavg, v.e90, v.emax)),
        ],
        ..unit_square(source)
    }
}

/// What a decision curve shows of a model's benefit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BenefitAs {
    #[default]
    Net,
    /// Share of the largest possible.
    Standardised,
    /// Interventions avoided among 100 patients.
    Avoided,
}

impl BenefitAs {
    /// Its value, where it exists.
    pub fn of(self, benefit: &Benefit) -> Option<f64> {
        match self {
            Self::Net => Some(benefit.net_benefit),
            Self::Standardised => Some(benefit.standardized),
            Self::Avoided => benefit.interventions_avoided,
        }
    }

    fn limits(self, band: &Band) -> &[[f64; 2]] {
        match self {
            Self::Net => &band.net_benefit,
            Self::Standardised => &band.standardized,
            Self::Avoided => &band.interventions_avoided,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Net => "Net benefit",
            Self::Standardised => "Standardised net benefit",
            Self::Avoided => "Interventions avoided per 100",
        }
    }

    /// Treating all or none; all is what avoided interventions are counted from.
    fn policies(self, curves: &DecisionCurves) -> Vec<Line> {
        let points = |policies: &[Policy]| -> Vec<[f64; 2]> {
            let value = |p: &Policy| if self == Self::Net { p.net_benefit } else { p.standardized };
            policies.iter().map(|p| [p.threshold, value(p)]).collect()
        };
        if self == Self::Avoided {
            return vec![];
        }
        let mut all = Line::new("treat all", Role::Muted, points(&curves.all));
        all.dashed = true;
        vec![all, Line::new("treat none", Role::Ink, points(&curves.none))]
    }
}

/// Decision curves of models beside treating all or none; `bands` are empty or one a model with limits at each
/// threshold, `predicted` says how the patients were predicted.
pub fn decision(
    curves: &DecisionCurves,
    bands: &[Band],
    shown: BenefitAs,
    predicted: &str,
    source: String,
) -> Lines {
    let mut lines: Vec<Line> = Vec::new();
    for (i, model) in curves.models.iter().enumerate() {
        let point = |(k, b): (usize, &Benefit)| Some((k, [b.threshold, shown.of(b)?]));
        let (kept, points): (Vec<usize>, Vec<[f64; 2]>) =
            model.curve.iter().enumerate().filter_map(point).unzip();
        let mut line = Line::new(model.name.clone(), Role::Series(i as u8), points);
        let band = bands.get(i).map_or(&[][..], |band| shown.limits(band));
        line.band = kept.iter().filter_map(|k| band.get(*k).copied()).collect();
        lines.push(line);
    }
    lines.extend(shown.policies(curves));
    let values = lines.iter().flat_map(|l| l.points.iter().map(|p| p[1]).chain(l.band.iter().map(|b| b[1])));
    let highest = values.filter(|v| v.is_finite()).fold(0.0, f64::max);
    let top = if highest > 0.0 { 1.05 * highest } else { 1.0 };
    let ends = curves.all.iter().map(|p| p.threshold);
    let (low, high) = ends.fold((f64::INFINITY, 0.0f64), |(l, h), t| (l.min(t), h.max(t)));
    let band = if bands.is_empty() { "" } else { "; bands: middle 95 % of the resamples" };
    Lines {
        title: "Decision curves".to_owned(),
        x_title: "Threshold probability".to_owned(),
        y_title: shown.title().to_owned(),
        x_domain: if high > low { [low, high] } else { [0.0, 1.0] },
        y_domain: [if shown == BenefitAs::Avoided { 0.0 } else { -0.08 * top }, top],
        reference: None,
        square: false,
        lines,
        notes: vec![format!("{predicted}; prevalence {}{band}", percent(curves.prevalence))],
        ..unit_square(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{check, forest, lines};
    use crate::stats::{decision_curve, resample, roc as area, validate};

    const OUTCOME: [bool; 8] = [false, false, true, false, false, true, true, true];
    const RISK: [f64; 8] = [0.1, 0.2, 0.3, 0.35, 0.5, 0.6, 0.7, 0.9];

    #[test]
    fn the_intercept_is_no_ratio_and_an_infinite_one_is_not_drawn() {
        let term = |term: &str, or_high: f64| Term {
            term: term.to_owned(),
            coef: 0.5,
            se: 0.2,
            z: 2.5,
            p: 0.012,
            or: 1.65,
            or_low: 1.11,
            or_high,
        };
        let terms = [term("Intercept", 2.0), term("age", 2.4), term("ki67", f64::NAN)];
        let figure = odds_ratios("metastasis", &terms, "made-up.csv".to_owned());
        let rows = &figure.groups[0].1;
        assert_eq!(rows.iter().map(|r| r.ratio.is_some()).collect::<Vec<_>>(), [true, false]);
        assert_eq!(rows[0].ratio, Some([1.65, 1.11, 2.4]));
        check::assert_sound(&forest::draw(&figure, 680.0));
    }

    #[test]
    fn lines_hold_the_results_and_nothing_is_cut() {
        let (auc, curve) =
            (area::auc_with_interval(&OUTCOME, &RISK).unwrap(), area::curve(&OUTCOME, &RISK).unwrap());
        let figure = roc(
            &[Scored { name: "risk".to_owned(), auc, curve, apparent: false }],
            &[],
            "made-up.csv".to_owned(),
        );
        assert_eq!(figure.lines[0].points.first(), Some(&[0.0, 0.0]));
        assert!(figure.lines[0].name.starts_with("risk: AUC 0.875"), "{}", figure.lines[0].name);
        let models = [("risk".to_owned(), RISK.to_vec())];
        let thresholds = [0.1, 0.4, 0.8];
        let curves = decision_curve::decision_curves(&models, &OUTCOME, &thresholds, None).unwrap();
        let resamples = resample::bootstrap(8, 20, 1);
        let bands = [decision_curve::band(&RISK, &OUTCOME, &thresholds, None, &resamples)];
        let benefit = decision(&curves, &bands, BenefitAs::Net, "as given", "made-up.csv".to_owned());
        assert_eq!(benefit.x_domain, [0.1, 0.8]);
        assert_eq!([benefit.lines.len(), benefit.lines[0].band.len()], [3, 3]);
        let agreed = agreement(
            &validate::validate(&RISK, &OUTCOME).unwrap(),
            &RISK,
            &OUTCOME,
            "made-up.csv".to_owned(),
        );
        assert_eq!(agreed.spread[0].values, [0.3, 0.6, 0.7, 0.9]);
        for figure in [figure, benefit, agreed] {
            check::assert_sound(&lines::draw(&figure, 680.0));
        }
    }
}
