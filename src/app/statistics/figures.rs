//! Each tile as a chart, as a sentence and as numbers. Screen and exported files are made here alike.

use super::super::state::State;
use super::super::training::{TrainingRun, curves_of};
use super::{Statistics, Tile};
use thoracast_core::analysis::{FOLDS, GroupCurve, Hazards, Model};
use thoracast_core::assess::Models;
use thoracast_core::chart::forest::{self, Forest};
use thoracast_core::chart::lines::{self, Lines};
use thoracast_core::chart::text::{fixed, number, percent, percent_range};
use thoracast_core::chart::training::{self, Training};
use thoracast_core::chart::{Chart, Role, beeswarm, km, nomogram};
use thoracast_core::clinical::importance::ExplainedCohort;
use thoracast_core::evaluate::{Evaluation, Said};
use thoracast_core::figures::{self as results, BenefitAs, Followed, Scored};
use thoracast_core::level::Level;
use thoracast_core::stats::nomogram::PatientPoints;
use thoracast_core::stats::roc;

/// What figures are drawn from.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    pub statistics: &'a Statistics,
    /// Of the cohort folder.
    pub evaluation: Option<&'a Evaluation>,
    /// The training run that goes on, or the last one.
    pub run: Option<&'a TrainingRun>,
    /// Of the evaluated patients.
    pub explained: Option<&'a ExplainedCohort>,
    pub models: Option<&'a Models>,
}

/// What a tile shows, or why it shows nothing.
pub enum Figure {
    Lines(Lines),
    Survival(km::Survival),
    Forest(Forest),
    Training(Training),
    /// Of the patients explained.
    Importance,
    /// Drawn from the model itself.
    Nomogram,
    PointsTable,
    /// One sentence.
    Nothing(String),
}

const NO_FOLLOW_UP: &str = "the table has no follow-up time with its event";

impl<'a> Sources<'a> {
    /// What the window holds.
    pub fn of(state: &'a State, models: Option<&'a Models>) -> Self {
        Self {
            statistics: &state.statistics,
            evaluation: state.evaluation.as_ref().and_then(|e| e.as_deref().ok()),
            run: state.training.run.as_ref(),
            explained: state.explained.as_deref(),
            models,
        }
    }

    /// The tile's figure as it stands.
    pub fn figure(self, tile: Tile) -> Figure {
        self.drawn(tile).unwrap_or_else(Figure::Nothing)
    }

    fn drawn(self, tile: Tile) -> Result<Figure, String> {
        if let Tile::Training(level) = tile {
            return self.training(level).map(Figure::Training);
        }
        if tile == Tile::Importance {
            let why = "evaluate the cohort (Evaluation tab) to see what the clinical branch depends on";
            return self.explained.map(|_| Figure::Importance).ok_or_else(|| why.to_owned());
        }
        let computed =
            self.statistics.computed.as_ref().ok_or_else(|| "the figures are being computed".to_owned())?;
        if let Tile::Hazards(endpoint) = tile {
            return match computed.hazards.get(endpoint) {
                Some(Ok(hazards)) => Ok(Figure::Forest(self.hazard_forest(hazards))),
                Some(Err(sentence)) => Err(sentence.clone()),
                None => Err(NO_FOLLOW_UP.to_owned()),
            };
        }
        let model = computed.model.as_ref().map_err(Clone::clone)?;
        match tile {
            Tile::Nomogram if self.statistics.look.points_table => Ok(Figure::PointsTable),
            Tile::Nomogram => Ok(Figure::Nomogram),
            Tile::Calibration => self.calibration(model).map(Figure::Lines),
            Tile::Decision => self.decision(model).map(Figure::Lines),
            Tile::Roc => Ok(Figure::Lines(self.roc(model))),
            Tile::Survival(endpoint) => self.survival(model, endpoint).map(Figure::Survival),
            Tile::Hazards(_) | Tile::Training(_) | Tile::Importance => Err("there is no model".to_owned()),
        }
    }

    /// The tile as a chart `width` points wide; `None` where there is nothing to draw.
    pub fn chart(self, tile: Tile, width: f32) -> Option<Chart> {
        Some(match self.figure(tile) {
            Figure::Lines(lines) => lines::draw(&lines, width),
            Figure::Survival(survival) => km::draw(&survival, width),
            Figure::Forest(forest) => forest::draw(&forest, width),
            Figure::Training(curves) => training::draw(&curves, width),
            Figure::Importance => self.importance(width)?,
            Figure::Nomogram => self.nomogram(width)?,
            Figure::PointsTable => {
                nomogram::points_table(&results::nomogram::axes(&self.statistics.model()?.nomogram), width)
            }
            Figure::Nothing(_) => return None,
        })
    }

    fn importance(self, width: f32) -> Option<Chart> {
        let explained = self.explained?;
        let simulated = if self.evaluation.is_some_and(|e| e.simulated) { " (simulated)" } else { "" };
        let source = format!("{} evaluated patients{simulated} · clinical branch", explained.patients.len());
        match self.statistics.look.variable.and_then(|v| explained.importance.get(v)) {
            Some(i) => beeswarm::dependence(
                &results::explanation::dependence(explained, &i.variable, &source)?,
                width,
            ),
            None => beeswarm::draw(&results::explanation::beeswarm(explained, &source), width),
        }
    }

    fn nomogram(self, width: f32) -> Option<Chart> {
        let (patient, source) = (self.patient(), self.source(self.statistics.model()?));
        let content = self.nomogram_content(patient.as_ref())?;
        Some(nomogram::draw(&nomogram::Content { source, ..content }, width))
    }

    /// The patient of the sliders, on the axes.
    pub fn patient(self) -> Option<PatientPoints> {
        self.statistics.model()?.linear.place(&self.statistics.patient).ok()
    }

    /// What the nomogram is drawn from.
    pub fn nomogram_content(self, patient: Option<&PatientPoints>) -> Option<nomogram::Content> {
        let model = self.statistics.model()?;
        let content = results::nomogram::content(&model.nomogram, patient, self.statistics.cut_now());
        let cohort = self.statistics.look.cohort.then(|| results::nomogram::cohort(&model.cohort));
        Some(nomogram::Content { cohort, ..content })
    }

    /// A page to print: the nomogram with the patient, the points table, and what both are made from.
    pub fn print_page(self) -> Option<Chart> {
        let model = self.statistics.model()?;
        let patient = self.patient();
        let content = self.nomogram_content(patient.as_ref())?;
        let (width, height) = A4;
        let inner = width - 2.0 * MARGIN;
        let mut page = Chart::new(width, height, "Nomogram");
        let heading = format!("Nomogram for {}", self.statistics.question.as_ref()?.outcome);
        page.text(thoracast_core::chart::Text::new([MARGIN, MARGIN + 12.0], heading, 15.0, Role::Ink).bold());
        let chart = nomogram::draw(&content, inner);
        let below = MARGIN + 34.0 + chart.height + 22.0;
        page.place(chart, MARGIN, MARGIN + 34.0);
        let table = nomogram::points_table(&results::nomogram::axes(&model.nomogram), inner);
        let foot = (below + table.height + 20.0).max(height - MARGIN);
        page.place(table, MARGIN, below);
        let words = format!("{} · Research use only", self.source(model));
        let rows =
            thoracast_core::chart::text::wrap(&words, inner, 8.5, thoracast_core::chart::Weight::Regular);
        for (i, row) in rows.iter().rev().enumerate() {
            let at = [MARGIN, foot - 11.0 * i as f32];
            page.text(thoracast_core::chart::Text::new(at, row.as_str(), 8.5, Role::Muted));
        }
        // A table too long for the page makes a longer page rather than a cut one.
        page.height = height.max(foot + MARGIN);
        Some(page)
    }

    /// The numbers behind the tile as CSV.
    pub fn csv(self, tile: Tile) -> Option<String> {
        Some(match self.figure(tile) {
            Figure::Lines(lines) => lines.csv(),
            Figure::Survival(survival) => survival.csv(),
            Figure::Forest(forest) => forest.csv(),
            Figure::Training(curves) => curves.csv(),
            Figure::Importance => self.explained?.csv(),
            Figure::Nomogram | Figure::PointsTable => points_csv(self.statistics.model()?),
            Figure::Nothing(_) => return None,
        })
    }

    fn source(self, model: &Model) -> String {
        self.statistics.data.as_ref().map_or_else(String::new, |data| model.describe(data))
    }

    fn training(self, level: Level) -> Result<Training, String> {
        if let Some(run) = self.run.filter(|run| run.form.level == level) {
            return Ok(run.chart());
        }
        let models = self.models.ok_or_else(|| "the models are not loaded yet".to_owned())?;
        let card = match level {
            Level::T4 => &models.t4.card,
            Level::T11 => &models.t11.card,
        };
        card.training.as_ref().map(|record| curves_of(card, record)).ok_or_else(|| {
            format!("the weights at {} do not say how they were trained; train them in Models", level.name())
        })
    }

    fn calibration(self, model: &Model) -> Result<Lines, String> {
        let computed = self.statistics.computed.as_ref().ok_or("not computed yet")?;
        let c = computed.calibration.as_ref().map_err(Clone::clone)?;
        Ok(results::calibration(c, &model.apparent, &model.outcome, self.source(model)))
    }

    fn decision(self, model: &Model) -> Result<Lines, String> {
        let computed = self.statistics.computed.as_ref().ok_or("not computed yet")?;
        let decision = computed.decision.as_ref().map_err(Clone::clone)?;
        let look = self.statistics.look;
        let predicted = if decision.out_of_fold {
            format!("Each patient predicted by a model fitted without their fold ({FOLDS} folds)")
        } else {
            "Apparent: the patients the models were fitted on, so the benefit is too large".to_owned()
        };
        let bands = if look.band { &decision.bands[..] } else { &[] };
        let mut drawn =
            results::decision(&decision.curves, bands, look.benefit, &predicted, self.source(model));
        if look.prevalence_percent.is_some() {
            let prevalence = percent(decision.curves.prevalence);
            drawn.notes.push(format!("The prevalence of {prevalence} is given, not that of these patients"));
        }
        Ok(drawn)
    }

    fn roc(self, model: &Model) -> Lines {
        let look = self.statistics.look;
        let mut scores = Vec::new();
        let mut notes = Vec::new();
        if let Some(found) = self.statistics.computed.as_ref().and_then(|c| c.discrimination.as_ref()) {
            for score in &found.scores {
                let of_model = score.name.starts_with("nomogram");
                if of_model || look.predictors {
                    scores.push(Scored {
                        name: score.name.clone(),
                        auc: score.auc,
                        curve: score.curve.clone(),
                        apparent: score.name.contains("fitted patients"),
                    });
                }
            }
            if let (Some(first), true) = (found.scores.first(), look.predictors) {
                // The model against itself, with and without folds, says nothing.
                let others = found.against.iter().filter(|(name, ..)| !name.starts_with("nomogram"));
                let test = |(name, _, p): &(String, f64, f64)| format!("{name} p {}", forest::p_words(*p));
                let tests: Vec<String> = others.map(test).collect();
                if !tests.is_empty() {
                    notes.push(format!("DeLong's test of {} against {}", first.name, tests.join("; ")));
                }
            }
        }
        if let (true, Some(evaluation)) = (look.branches, self.evaluation) {
            let branches = branches(evaluation);
            if !branches.is_empty() {
                notes.push(format!("Branches and fusion: {} patients of the evaluation", evaluation.n));
            }
            scores.extend(branches);
        }
        let mut drawn = results::roc(&scores, &[], self.source(model));
        drawn.notes.extend(notes);
        drawn
    }

    fn survival(self, model: &Model, endpoint: usize) -> Result<km::Survival, String> {
        let groups = match self.statistics.groups.get(endpoint) {
            Some(groups) => groups.as_ref().map_err(Clone::clone)?,
            None => return Err(NO_FOLLOW_UP.to_owned()),
        };
        // Sliders at the cohort's middle are nobody.
        let patient = self.patient().filter(|_| self.statistics.patient_placed);
        let this_patient = patient.map(|p| p.total >= groups.cut);
        let followed = |g: &'a GroupCurve| {
            let name = if g.high { "High risk" } else { "Low risk" };
            let patient = if this_patient == Some(g.high) { " (patient)" } else { "" };
            let role = if g.high { Role::High } else { Role::Low };
            Followed { name: format!("{name}{patient}"), role, curve: &g.curve }
        };
        let drawn: Vec<Followed<'_>> = groups.groups.iter().map(followed).collect();
        let cut = number(groups.cut, 1);
        let without = match groups.without_follow_up {
            0 => String::new(),
            lost => format!("; {lost} without follow-up"),
        };
        let source = format!("{}; groups of the nomogram at {cut} total points{without}", self.source(model));
        let titles = [results::time_title(&groups.endpoint.time), groups.endpoint.name.clone()];
        let caveat = match self.statistics.cut {
            None => CUT_CHOSEN_HERE,
            Some(_) => CUT_SET_BY_HAND,
        };
        let survival = results::survival(&drawn, groups.log_rank.as_ref(), titles, source);
        Ok(km::Survival { caveat: caveat.to_owned(), ..survival })
    }

    fn hazard_forest(self, hazards: &Hazards) -> Forest {
        let univariate = hazards
            .univariate
            .iter()
            .flat_map(|u| match &u.fit {
                Ok(fit) => results::hazards(fit),
                Err(sentence) => vec![results::remark(&u.name, sentence)],
            })
            .collect();
        let threshold = self.statistics.question.as_ref().map_or(0.05, |q| q.significant);
        let multivariate = match &hazards.multivariate {
            Some(Ok(fit)) => results::hazards(fit),
            Some(Err(sentence)) => vec![results::remark("", sentence)],
            None => vec![results::remark("", &format!("no candidate has p < {threshold}"))],
        };
        let fits = hazards.univariate.iter().find_map(|u| u.fit.as_ref().ok());
        let counts = match (&hazards.multivariate, fits) {
            (Some(Ok(fit)), _) | (_, Some(fit)) => {
                let c = fixed(fit.concordance.c, 3);
                format!(" · {} patients, {} events, C-index {c}", fit.n, fit.n_event)
            }
            _ => String::new(),
        };
        let data = self.statistics.data.as_ref().map_or_else(String::new, |d| d.source());
        results::hazard_ratios(
            format!("Cox regression: {}", hazards.endpoint.name),
            vec![
                ("Each by itself".to_owned(), univariate),
                (format!("Together, of those with p < {threshold}"), multivariate),
            ],
            format!("{data} · {}{counts} · Efron's ties", hazards.endpoint.name),
        )
    }

    /// What a reader sees there, in plain words.
    pub fn caption(self, tile: Tile) -> String {
        let words = match tile {
            Tile::Nomogram => return self.nomogram_caption(),
            Tile::Calibration => {
                "A line on the diagonal: of 100 patients with a predicted risk of 30 %, 30 have the event."
            }
            Tile::Decision if self.statistics.look.benefit == BenefitAs::Avoided => {
                "How many of 100 patients are spared an intervention that treating all would bring, with as many events found."
            }
            Tile::Decision => {
                "Above both other policies, acting on the model's risk does more good than harm at that threshold."
            }
            Tile::Roc => "The further to the upper left, the better events and others are told apart.",
            Tile::Survival(_) => {
                "Share of each risk group still free of the event; the wider apart, the more the groups tell."
            }
            Tile::Hazards(_) => {
                "Right of 1 the event comes earlier, left of 1 later; intervals across 1 may be chance."
            }
            Tile::Importance => {
                "Each dot is a patient: right of the line the variable speaks for metastasis, left of it against."
            }
            Tile::Training(_) => {
                "Validation loss that rises while training loss falls: the network learns its patients by heart."
            }
        };
        words.to_owned()
    }

    fn nomogram_caption(self) -> String {
        let cohort = if self.statistics.look.cohort {
            " Bars: the model's patients, those with the event below."
        } else {
            ""
        };
        match self.patient() {
            Some(p) => {
                let interval = p
                    .risk_interval
                    .map_or_else(String::new, |i| format!(", 95 % interval {}", percent_range(i)));
                let (total, risk) = (number(p.total, 1), percent(p.risk));
                format!(
                    "Each value gives points; {total} points in all mean a risk of {risk}{interval}. Drag a marker, or enlarge to type.{cohort}"
                )
            }
            None => format!("Each value gives points; their sum gives the risk.{cohort}"),
        }
    }
}

/// Said of groups parted where they differ most.
const CUT_CHOSEN_HERE: &str =
    "Cut chosen on these very patients (Youden): the curves stand too far apart and p is too small";
/// Said of groups that a person parted with the curves before their eyes.
const CUT_SET_BY_HAND: &str =
    "Cut set by hand on these very patients: unless it was fixed beforehand, p is too small";

/// Points of an A4 page, and its margin.
const A4: (f32, f32) = (595.0, 842.0);
const MARGIN: f32 = 40.0;

/// The branches and the vote with their curves.
fn branches(evaluation: &Evaluation) -> Vec<Scored> {
    let words = [("t4", "T4"), ("t11", "T11"), ("clinical", "clinical"), ("fusion", "fusion")];
    let scored = |(name, words): (&str, &str)| {
        let branch = evaluation.branches.iter().find(|b| b.name == name)?;
        let (outcome, risk): (Vec<bool>, Vec<f64>) =
            branch.said.values().map(|s: &Said| (s.outcome, s.probability)).unzip();
        let auc = roc::auc_with_interval(&outcome, &risk)?;
        let curve = roc::curve(&outcome, &risk)?;
        Some(Scored { name: words.to_owned(), auc, curve, apparent: false })
    };
    words.into_iter().filter_map(scored).collect()
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
pub fn value_words(value: &thoracast_core::stats::nomogram::Value) -> String {
    match value {
        thoracast_core::stats::nomogram::Value::Number(v) => v.to_string(),
        thoracast_core::stats::nomogram::Value::Level(l) => l.clone(),
    }
}
