//! Each tile as a chart, as a sentence and as numbers. Screen and exported files are made here alike.

use super::{Statistics, Tile};
use crate::analysis::{FOLDS, Hazards, Model};
use crate::chart::forest::{self, Forest, p_words};
use crate::chart::lines::{self, Line, Lines, Spread};
use crate::chart::text::{fixed, number};
use crate::chart::{Chart, Role, km, nomogram};
use crate::stats::cox::CoxFit;

/// What a tile shows, or why it shows nothing.
pub enum Figure {
    Lines(Lines),
    Survival(km::Survival),
    Forest(Forest),
    /// Drawn from the model itself.
    Nomogram,
    /// One sentence.
    Nothing(String),
}

/// The tile's figure as it stands.
pub fn figure(statistics: &Statistics, tile: Tile) -> Figure {
    let Some(computed) = &statistics.computed else {
        return Figure::Nothing("the figures are being computed".to_owned());
    };
    let model = match &computed.model {
        Ok(model) => Some(model),
        Err(sentence) if !matches!(tile, Tile::Hazards(_)) => return Figure::Nothing(sentence.clone()),
        Err(_) => None,
    };
    let drawn = match (tile, model) {
        (Tile::Nomogram, Some(_)) => Ok(Figure::Nomogram),
        (Tile::Calibration, Some(model)) => calibration(statistics, model).map(Figure::Lines),
        (Tile::Decision, Some(model)) => decision(statistics, model).map(Figure::Lines),
        (Tile::Roc, Some(model)) => Ok(Figure::Lines(roc(statistics, model))),
        (Tile::Survival(endpoint), Some(model)) => {
            survival(statistics, model, endpoint).map(Figure::Survival)
        }
        (Tile::Hazards(endpoint), _) => match computed.hazards.get(endpoint) {
            Some(Ok(hazards)) => Ok(Figure::Forest(hazard_forest(statistics, hazards))),
            Some(Err(sentence)) => Err(sentence.clone()),
            None => Err(NO_FOLLOW_UP.to_owned()),
        },
        (_, None) => Err("there is no model".to_owned()),
    };
    drawn.unwrap_or_else(Figure::Nothing)
}

const NO_FOLLOW_UP: &str = "the table has no follow-up time with its event";

/// The tile as a chart `width` points wide; `None` where there is nothing to draw.
pub fn chart(statistics: &Statistics, tile: Tile, width: f32) -> Option<Chart> {
    Some(match figure(statistics, tile) {
        Figure::Lines(lines) => lines::draw(&lines, width),
        Figure::Survival(survival) => km::draw(&survival, width),
        Figure::Forest(forest) => forest::draw(&forest, width),
        Figure::Nomogram => {
            let model = statistics.model()?;
            let placed = model.linear.place(&statistics.patient).ok();
            nomogram::draw(&model.nomogram, placed.as_ref(), statistics.cut_now(), width)
        }
        Figure::Nothing(_) => return None,
    })
}

/// The numbers behind the tile as CSV.
pub fn csv(statistics: &Statistics, tile: Tile) -> Option<String> {
    Some(match figure(statistics, tile) {
        Figure::Lines(lines) => lines.csv(),
        Figure::Survival(survival) => survival_csv(&survival),
        Figure::Forest(forest) => forest.csv(),
        Figure::Nomogram => points_csv(statistics.model()?),
        Figure::Nothing(_) => return None,
    })
}

fn survival_csv(survival: &km::Survival) -> String {
    let mut text = "group,time,n_risk,n_event,n_censor,survival,low,high\n".to_owned();
    for curve in &survival.curves {
        for s in &curve.steps {
            let limits = s.limits.map_or_else(|| ",".to_owned(), |[l, h]| format!("{l},{h}"));
            let counts = format!("{},{},{},{}", s.time, s.n_risk, s.n_event, s.n_censor);
            text += &format!("\"{}\",{counts},{},{limits}\n", curve.name, s.survival);
        }
    }
    text
}

/// The points table: every tick of every axis, and total points with their risks.
fn points_csv(model: &Model) -> String {
    let mut text = "axis,value,points\n".to_owned();
    for axis in &model.nomogram.axes {
        for tick in &axis.ticks {
            text += &format!("\"{}\",\"{}\",{}\n", axis.name, value_words(&tick.value), tick.points);
        }
    }
    for tick in &model.nomogram.risk.ticks {
        text += &format!("risk,{},{}\n", tick.value, tick.total_points);
    }
    text
}

/// A predictor's value in words.
pub fn value_words(value: &crate::stats::nomogram::Value) -> String {
    match value {
        crate::stats::nomogram::Value::Number(v) => v.to_string(),
        crate::stats::nomogram::Value::Level(l) => l.clone(),
    }
}

fn source(statistics: &Statistics, model: &Model) -> String {
    statistics.data.as_ref().map_or_else(String::new, |data| model.describe(data))
}

fn calibration(statistics: &Statistics, model: &Model) -> Result<Lines, String> {
    let Some(computed) = &statistics.computed else { return Err("not computed yet".to_owned()) };
    let c = computed.calibration.as_ref().map_err(Clone::clone)?;
    let apparent: Vec<[f64; 2]> = c.predicted.iter().zip(&c.apparent).map(|(p, a)| [*p, *a]).collect();
    let corrected: Vec<[f64; 2]> =
        c.predicted.iter().zip(&c.corrected).filter_map(|(p, v)| Some([*p, (*v)?])).collect();
    let mut first = Line::new("apparent", Role::Series(1), apparent);
    first.dashed = true;
    let second =
        Line::new(format!("corrected for optimism (B = {})", c.bootstrap), Role::Series(0), corrected);
    let of = |wanted: bool| -> Vec<f64> {
        model.apparent.iter().zip(&model.outcome).filter(|(_, y)| **y == wanted).map(|(p, _)| *p).collect()
    };
    let both = |f: calibration_figure::Corrected, digits: usize| {
        let corrected = f.corrected.map_or_else(|| "–".to_owned(), |v| fixed(v, digits));
        format!("{} → {corrected}", fixed(f.apparent, digits))
    };
    Ok(Lines {
        title: "Calibration".to_owned(),
        x_title: "Predicted probability".to_owned(),
        y_title: "Observed share".to_owned(),
        x_domain: [0.0, 1.0],
        y_domain: [0.0, 1.0],
        reference: Some(([0.0, 0.0], [1.0, 1.0])),
        square: true,
        lines: vec![second, first],
        spread: vec![
            Spread { name: "event".to_owned(), role: Role::High, values: of(true) },
            Spread { name: "none".to_owned(), role: Role::Low, values: of(false) },
        ],
        notes: vec![
            format!(
                "Apparent → corrected: slope {}, intercept {}, Brier {}, C {}",
                both(c.slope, 2),
                both(c.intercept, 2),
                both(c.brier, 3),
                both(c.c, 3)
            ),
            format!(
                "Error of the corrected curve: mean {}, 90th percentile {}, largest {}; {} of {} resamples used",
                fixed(c.eavg, 3),
                fixed(c.e90, 3),
                fixed(c.emax, 3),
                c.used,
                c.bootstrap
            ),
        ],
        source: source(statistics, model),
    })
}

use crate::stats::calibration as calibration_figure;

fn decision(statistics: &Statistics, model: &Model) -> Result<Lines, String> {
    let Some(computed) = &statistics.computed else { return Err("not computed yet".to_owned()) };
    let (curves, out_of_fold) = computed.decision.as_ref().map_err(Clone::clone)?;
    let look = statistics.look;
    let avoided = look.avoided;
    let mut lines: Vec<Line> = curves
        .models
        .iter()
        .enumerate()
        .map(|(i, m)| {
            let value = |b: &crate::stats::decision_curve::Benefit| {
                if avoided {
                    return b.interventions_avoided.map(|v| [b.threshold, v]);
                }
                Some([b.threshold, if look.standardised { b.standardized } else { b.net_benefit }])
            };
            Line::new(m.name.clone(), Role::Series(i as u8), m.curve.iter().filter_map(value).collect())
        })
        .collect();
    if !avoided {
        let policy = |p: &crate::stats::decision_curve::Policy| {
            [p.threshold, if look.standardised { p.standardized } else { p.net_benefit }]
        };
        let mut all = Line::new("treat all", Role::Muted, curves.all.iter().map(policy).collect());
        all.dashed = true;
        let none = Line::new("treat none", Role::Ink, curves.none.iter().map(policy).collect());
        lines.extend([all, none]);
    }
    let highest =
        lines.iter().flat_map(|l| &l.points).map(|p| p[1]).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let top = if highest > 0.0 { highest * 1.05 } else { 1.0 };
    let y_title = match (avoided, look.standardised) {
        (true, _) => "Interventions avoided per 100",
        (false, true) => "Standardised net benefit",
        (false, false) => "Net benefit",
    };
    let given = look.prevalence_percent.map_or("", |_| " (given)");
    let predicted = if *out_of_fold {
        format!("Each patient predicted by a model fitted without their fold ({FOLDS} folds)")
    } else {
        "Apparent: the patients the models were fitted on, so the benefit is too large".to_owned()
    };
    Ok(Lines {
        title: "Decision curves".to_owned(),
        x_title: "Threshold probability".to_owned(),
        y_title: y_title.to_owned(),
        x_domain: [0.0, 1.0],
        y_domain: [if avoided { 0.0 } else { -0.08 * top }, top],
        reference: None,
        square: false,
        lines,
        spread: vec![],
        notes: vec![format!(
            "{predicted}; prevalence {}{given}",
            crate::chart::text::percent(curves.prevalence)
        )],
        source: source(statistics, model),
    })
}

fn roc(statistics: &Statistics, model: &Model) -> Lines {
    let discrimination = statistics.computed.as_ref().and_then(|c| c.discrimination.as_ref());
    let mut lines = Vec::new();
    let mut notes = Vec::new();
    if let Some(discrimination) = discrimination {
        for (i, score) in discrimination.scores.iter().enumerate() {
            let interval = score
                .auc
                .interval
                .map_or_else(String::new, |[l, h]| format!(" ({}–{})", fixed(l, 3), fixed(h, 3)));
            let name = format!("{}: AUC {}{interval}", score.name, fixed(score.auc.auc, 3));
            let mut line = Line::new(name, Role::Series(i as u8), score.curve.points.clone());
            line.dashed = score.name.contains("fitted patients");
            let youden = score.curve.youden;
            line.marked = Some([1.0 - youden.specificity, youden.sensitivity]);
            if i == 0 {
                notes.push(format!(
                    "Ring: largest Youden index; {}: sensitivity {}, specificity {} at {}",
                    score.name,
                    fixed(youden.sensitivity, 2),
                    fixed(youden.specificity, 2),
                    number(youden.threshold, 3)
                ));
            }
            lines.push(line);
        }
        if let Some(first) = discrimination.scores.first() {
            let tests: Vec<String> = discrimination
                .against
                .iter()
                .map(|(name, _, p)| format!("{name}: p {}", p_words(*p)))
                .collect();
            if !tests.is_empty() {
                notes.push(format!("DeLong's test of {} against {}", first.name, tests.join("; ")));
            }
        }
    }
    Lines {
        title: "ROC curves".to_owned(),
        x_title: "1 − specificity".to_owned(),
        y_title: "Sensitivity".to_owned(),
        x_domain: [0.0, 1.0],
        y_domain: [0.0, 1.0],
        reference: Some(([0.0, 0.0], [1.0, 1.0])),
        square: true,
        lines,
        spread: vec![],
        notes,
        source: source(statistics, model),
    }
}

fn survival(statistics: &Statistics, model: &Model, endpoint: usize) -> Result<km::Survival, String> {
    let groups = match statistics.groups.get(endpoint) {
        Some(groups) => groups.as_ref().map_err(Clone::clone)?,
        None => return Err(NO_FOLLOW_UP.to_owned()),
    };
    let this_patient = model.linear.place(&statistics.patient).ok().map(|p| p.total >= groups.cut);
    let curve = |g: &crate::analysis::GroupCurve| km::Curve {
        name: match (g.high, this_patient == Some(g.high)) {
            (true, true) => "High risk (patient)".to_owned(),
            (true, false) => "High risk".to_owned(),
            (false, true) => "Low risk (patient)".to_owned(),
            (false, false) => "Low risk".to_owned(),
        },
        role: if g.high { Role::High } else { Role::Low },
        n: g.curve.n,
        steps: g
            .curve
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
    let test = groups.log_rank.as_ref().map_or_else(
        || "no log-rank test: one group, or no events".to_owned(),
        |t| format!("log-rank p {}", p_words(t.test.p)),
    );
    let median = |g: &crate::analysis::GroupCurve| {
        let group = if g.high { "high" } else { "low" };
        let reached = g.curve.median.map_or_else(|| "not reached".to_owned(), |m| number(m, 1));
        format!("median {group} {reached}")
    };
    let medians: Vec<String> = groups.groups.iter().map(median).collect();
    let same_data = if statistics.cut.is_none() { "; the cut was chosen on these very patients" } else { "" };
    let lost = groups.without_follow_up;
    let without = if lost > 0 { format!("; {lost} without follow-up") } else { String::new() };
    Ok(km::Survival {
        curves: groups.groups.iter().map(curve).collect(),
        time_title: groups.endpoint.time.clone(),
        survival_title: groups.endpoint.name.clone(),
        note: format!("{test}; {}", medians.join(", ")),
        source: format!(
            "{}; groups of the nomogram at {} total points{same_data}{without}",
            source(statistics, model),
            number(groups.cut, 1)
        ),
    })
}

fn hazard_forest(statistics: &Statistics, hazards: &Hazards) -> Forest {
    let rows = |fit: &CoxFit| -> Vec<forest::Row> {
        let row = |t: crate::stats::cox::CoxTerm| forest::Row {
            term: t.term,
            ratio: Some([t.hr, t.hr_low, t.hr_high]),
            p: Some(t.p),
            remark: String::new(),
        };
        fit.table().into_iter().map(row).collect()
    };
    let refused = |term: &str, remark: &str| forest::Row {
        term: term.to_owned(),
        ratio: None,
        p: None,
        remark: remark.to_owned(),
    };
    let univariate = hazards
        .univariate
        .iter()
        .flat_map(|u| match &u.fit {
            Ok(fit) => rows(fit),
            Err(sentence) => vec![refused(&u.name, sentence)],
        })
        .collect();
    let threshold = statistics.question.as_ref().map_or(0.05, |q| q.significant);
    let multivariate = match &hazards.multivariate {
        Some(Ok(fit)) => rows(fit),
        Some(Err(sentence)) => vec![refused("", sentence)],
        None => vec![refused("", &format!("no candidate has p < {threshold}"))],
    };
    let counts = match (&hazards.multivariate, hazards.univariate.iter().find_map(|u| u.fit.as_ref().ok())) {
        (Some(Ok(fit)), _) | (_, Some(fit)) => {
            let c = fit.concordance;
            format!(" · {} patients, {} events, C-index {}", fit.n, fit.n_event, fixed(c.c, 3))
        }
        _ => String::new(),
    };
    let data = statistics.data.as_ref().map_or_else(String::new, |d| d.source());
    Forest {
        title: format!("Cox regression: {}", hazards.endpoint.name),
        ratio: "Hazard ratio".to_owned(),
        groups: vec![
            ("Each by itself".to_owned(), univariate),
            (format!("Together, of those with p < {threshold}"), multivariate),
        ],
        source: format!("{data} · {}{counts} · Efron's ties", hazards.endpoint.name),
    }
}

/// What a reader sees there, in plain words.
pub fn caption(statistics: &Statistics, tile: Tile) -> String {
    match tile {
        Tile::Nomogram => match statistics.model().map(|m| m.linear.place(&statistics.patient)) {
            Some(Ok(p)) => {
                let interval = p.risk_interval.map_or_else(String::new, |i| {
                    format!(", 95 % interval {}", crate::chart::text::percent_range(i))
                });
                format!(
                    "Each value gives points; {} points in all mean a risk of {}{interval}.",
                    number(p.total, 1),
                    crate::chart::text::percent(p.risk)
                )
            }
            _ => "Each value gives points; their sum gives the risk.".to_owned(),
        },
        Tile::Calibration => {
            "A line on the diagonal: of 100 patients with a predicted risk of 30 %, 30 have the event.".to_owned()
        }
        Tile::Decision => {
            "Above both other policies, acting on the model's risk does more good than harm at that threshold."
                .to_owned()
        }
        Tile::Roc => "The further to the upper left, the better events and others are told apart.".to_owned(),
        Tile::Survival(_) => {
            "Share of each risk group still free of the event; the wider apart, the more the groups tell.".to_owned()
        }
        Tile::Hazards(_) => {
            "Right of 1 the event comes earlier, left of 1 later; intervals across 1 may be chance.".to_owned()
        }
    }
}
