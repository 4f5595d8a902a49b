//! What the program knows of a study, in phrases for the sheets.

use std::collections::BTreeSet;

use crate::assess::Models;
use crate::audit;
use crate::clinical::variable;
use crate::cohort::afterwards::{self, Afterwards};
use crate::cohort::{CohortFolder, Split, Table, columns};
use crate::evaluate::{self, Branch, Evaluation};
use crate::level::Level;
use crate::nn::Card;
use crate::simulate;
use crate::stats::calibration::quantile;

/// Where the answers come from. What is not there leaves its items open.
pub struct Facts<'a> {
    pub cohort: &'a CohortFolder,
    pub models: &'a Models,
    pub evaluation: Option<&'a Evaluation>,
    pub audit: Option<&'a audit::Report>,
    /// RFC 3339.
    pub created: String,
}

/// Libraries whose arithmetic is in the figures.
const LIBRARIES: [&str; 6] = ["candle-core", "candle-nn", "gemm", "statrs", "rand_chacha", "dicom-object"];
/// Every version this program was built with.
const LOCK: &str = include_str!("../../../../Cargo.lock");

impl Facts<'_> {
    pub(super) fn cohort_name(&self) -> String {
        self.cohort.path.file_name().map_or_else(|| "cohort".to_owned(), |n| n.to_string_lossy().into_owned())
    }

    pub(super) fn simulated(&self) -> bool {
        simulate::is_simulated(&self.cohort.path)
    }

    /// "Thoracast 0.1.0 with candle-core 0.11.1, …".
    pub(super) fn software(&self) -> String {
        let versions: Vec<String> = LIBRARIES.iter().filter_map(|name| locked(name)).collect();
        format!("Thoracast {} with {}", env!("CARGO_PKG_VERSION"), versions.join(", "))
    }

    /// Patients and events of each split with a clinical table.
    pub(super) fn participants(&self) -> Option<String> {
        let split = |s: Split| {
            let table = self.cohort.clinical(s)?;
            let events = events(table).map_or_else(String::new, |e| format!(" ({e} with metastasis)"));
            Some(format!("{s}: {} patients{events}", table.rows.len()))
        };
        let splits: Vec<String> = Split::ALL.into_iter().filter_map(split).collect();
        let mut text = splits.join("; ");
        if let Some(pictures) = self.pictures() {
            text = if text.is_empty() { pictures } else { format!("{text}; pictures: {pictures}") };
        }
        (!text.is_empty()).then_some(text)
    }

    /// Pictures by level and split.
    pub(super) fn pictures(&self) -> Option<String> {
        let count = |level: Level, split: Split| {
            let of = |p: &&crate::cohort::PictureFile| p.level == level && p.split == split;
            let n = self.cohort.pictures.iter().filter(of).count();
            let events = self.cohort.pictures.iter().filter(of).filter(|p| p.event).count();
            (n > 0).then(|| format!("{} {split} {n} ({events} with metastasis)", level.name()))
        };
        let all: Vec<String> =
            Level::ALL.into_iter().flat_map(|l| Split::ALL.map(|s| count(l, s))).flatten().collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    /// Median follow-up with its range, over the splits with a survival table.
    pub(super) fn follow_up(&self) -> Option<String> {
        let mut days: Vec<f64> = Split::ALL
            .into_iter()
            .filter_map(|s| self.cohort.survival(s))
            .flat_map(|table| {
                let column = table.column("os_days");
                (0..table.rows.len()).filter_map(move |r| table.number(r, column?).ok().flatten())
            })
            .collect();
        days.sort_by(f64::total_cmp);
        let (first, last) = (days.first()?, days.last()?);
        let median = quantile(&days, 0.5);
        Some(format!("follow-up of {} patients: median {median} days (range {first} to {last})", days.len()))
    }

    /// Predictors of the clinical model with their units.
    pub(super) fn predictors(&self) -> String {
        let name = |key: &str| match variable(key) {
            Some(v) if v.unit.is_empty() => v.label.to_owned(),
            Some(v) => format!("{} ({})", v.label, v.unit),
            None => key.to_owned(),
        };
        self.models.clinical.columns().map(name).collect::<Vec<_>>().join(", ")
    }

    /// Missing values by column, over all splits.
    pub(super) fn missing(&self) -> Option<String> {
        let tables: Vec<&Table> = Split::ALL.into_iter().filter_map(|s| self.cohort.clinical(s)).collect();
        let names: BTreeSet<&String> = tables.iter().flat_map(|t| &t.header).collect();
        let missing = |name: &&String| {
            let of = |t: &&Table| {
                let column = t.header.iter().position(|h| h == *name);
                column.map_or(0, |c| (0..t.rows.len()).filter(|r| t.text(*r, c).is_none()).count())
            };
            let n: usize = tables.iter().map(of).sum();
            (n > 0).then(|| format!("{name} {n}"))
        };
        if tables.is_empty() {
            return None;
        }
        let counts: Vec<String> = names.iter().filter_map(missing).collect();
        Some(if counts.is_empty() {
            "no value is missing in the clinical tables".to_owned()
        } else {
            format!("missing values: {}", counts.join(", "))
        })
    }

    /// Events for each predictor among the training patients.
    pub(super) fn events_per_variable(&self) -> String {
        let card = self.models.clinical.card();
        let (on, predictors) = (&card.trained_on, self.models.clinical.columns().count());
        let rarer = on.events.min(on.patients - on.events);
        format!(
            "the clinical model was fitted on {} patients, {} with metastasis: {:.1} of the rarer outcome for each of {predictors} predictors",
            on.patients,
            on.events,
            rarer as f64 / predictors.max(1) as f64
        )
    }

    /// Both networks' cards.
    pub(super) fn networks(&self) -> String {
        let words = |level: Level, card: &Card| format!("{}: {}", level.name(), card.description);
        format!("{}; {}", words(Level::T4, &self.models.t4.card), words(Level::T11, &self.models.t11.card))
    }

    /// How the networks were trained, where their cards say it.
    pub(super) fn network_training(&self) -> Option<String> {
        let words = |(level, card): (Level, &Card)| {
            let r = card.training.as_ref()?;
            Some(format!(
                "{}: {} on {} ({} events), validated on {} ({} events), started from {}, {} epochs run, epoch {} kept, seed {}",
                level.name(),
                card.arch.title(),
                r.train.patients,
                r.train.events,
                r.valid.patients,
                r.valid.events,
                r.start,
                r.curve.len(),
                r.kept_epoch,
                r.seed
            ))
        };
        let both = [(Level::T4, &self.models.t4.card), (Level::T11, &self.models.t11.card)];
        let said: Vec<String> = both.into_iter().filter_map(words).collect();
        (!said.is_empty()).then(|| said.join("; "))
    }

    /// What the networks see of a slice.
    pub(super) fn preprocessing(&self) -> String {
        let words = |level: Level, card: &Card| {
            let r = &card.recipe;
            let shrink =
                if r.shrink > 1 { format!(", mean of {0} × {0} pixels", r.shrink) } else { String::new() };
            format!(
                "{}: window {} to {} HU, {} × {} pixels{shrink}, grey scaled to 0…1 and normalised by mean {:.3} and standard deviation {:.3}",
                level.name(),
                r.window_hu[0],
                r.window_hu[1],
                r.width,
                r.height,
                r.mean[0],
                r.sd[0]
            )
        };
        format!("{}; {}", words(Level::T4, &self.models.t4.card), words(Level::T11, &self.models.t11.card))
    }

    /// A branch of the evaluation in figures with intervals.
    pub(super) fn branch(&self, name: &str) -> Option<String> {
        let branch = self.evaluation?.branches.iter().find(|b| b.name == name)?;
        Some(figures(branch))
    }

    /// The main branches' figures on the evaluated split.
    pub(super) fn performance(&self) -> Option<String> {
        let evaluation = self.evaluation?;
        let main = ["t4", "t11", "clinical", "fusion", "nomogram"];
        let branches: Vec<String> = main.iter().filter_map(|name| self.branch(name)).collect();
        (!branches.is_empty()).then(|| {
            format!(
                "{} patients of the {} split, {} with metastasis. {}",
                evaluation.n,
                evaluation.split,
                evaluation.events,
                branches.join(". ")
            )
        })
    }

    /// DeLong's tests of the fusion against the other branches.
    pub(super) fn comparisons(&self) -> Option<String> {
        let against = |t: &crate::evaluate::PairTest| {
            let other = match (t.a.as_str(), t.b.as_str()) {
                ("fusion", other) | (other, "fusion") => other,
                _ => return None,
            };
            Some(format!("{other} p {}", crate::chart::forest::p_words(t.p?)))
        };
        let tests: Vec<String> = self.evaluation?.tests.iter().filter_map(against).collect();
        (!tests.is_empty()).then(|| format!("DeLong's test of the fusion against {}", tests.join(", ")))
    }

    /// What the audit found, by severity.
    pub(super) fn findings(&self) -> Option<String> {
        let report = self.audit?;
        let serious = |s: audit::Severity| {
            let titles: BTreeSet<&str> =
                report.findings.iter().filter(|f| f.severity == s).map(|f| f.code.title()).collect();
            titles.into_iter().collect::<Vec<_>>().join(", ").to_lowercase()
        };
        if report.findings.is_empty() {
            return Some("the program's audit of the cohort found nothing".to_owned());
        }
        let word = |name: &str, list: String| (!list.is_empty()).then(|| format!("{name}: {list}"));
        let found: Vec<String> = [
            word("high", serious(audit::Severity::High)),
            word("medium", serious(audit::Severity::Medium)),
            word("low", serious(audit::Severity::Low)),
        ]
        .into_iter()
        .flatten()
        .collect();
        Some(format!("the program's audit of the cohort found, {}", found.join("; ")))
    }

    /// Treatments among the predictors, which are decided after the diagnosis.
    pub(super) fn treatments(&self) -> Option<String> {
        let used: Vec<&str> = self
            .models
            .clinical
            .columns()
            .filter(|c| afterwards::of(c) == Some(Afterwards::Treatment))
            .filter_map(|c| variable(c).map(|v| v.label))
            .collect();
        (!used.is_empty()).then(|| {
            format!(
                "{} are among the clinical predictors, though they are decided after the diagnosis",
                used.join(", ")
            )
        })
    }

    /// Columns of the tables that are neither the study's variables nor outcomes.
    pub(super) fn other_columns(&self) -> Option<String> {
        let tables = Split::ALL.into_iter().filter_map(|s| self.cohort.clinical(s));
        let names: BTreeSet<&String> =
            tables.flat_map(|t| &t.header).filter(|h| columns::key_of(h).is_none()).collect();
        (!names.is_empty()).then(|| names.into_iter().cloned().collect::<Vec<_>>().join(", "))
    }
}

fn events(table: &Table) -> Option<usize> {
    let column = table.column("metastasis")?;
    Some((0..table.rows.len()).filter(|r| table.number(*r, column).ok().flatten() == Some(1.0)).count())
}

fn figures(branch: &Branch) -> String {
    let f = &branch.figures;
    let share = |name: &str, value: Option<f64>, interval: Option<[f64; 2]>| {
        let interval = interval.map_or_else(String::new, |[l, h]| format!(" ({l:.2}–{h:.2})"));
        value.map(|v| format!("{name} {v:.2}{interval}"))
    };
    let auc = f.auc.map(|auc| match (f.auc_low, f.auc_high) {
        (Some(low), Some(high)) => format!("AUC {auc:.3} (95 % CI {low:.3}–{high:.3})"),
        _ => format!("AUC {auc:.3}"),
    });
    let calibration =
        f.calibration.map(|c| format!("calibration slope {:.2}, intercept {:.2}", c.slope, c.intercept));
    let parts: Vec<String> = [
        auc,
        share("sensitivity", f.sensitivity, f.intervals.sensitivity),
        share("specificity", f.specificity, f.intervals.specificity),
        share("PPV", f.ppv, f.intervals.ppv),
        share("NPV", f.npv, f.intervals.npv),
        share("accuracy", f.accuracy, f.intervals.accuracy),
        Some(format!("Brier {:.3}", f.brier)),
        calibration,
    ]
    .into_iter()
    .flatten()
    .collect();
    format!("{} (n {}): {}", evaluate::words(&branch.name), f.n, parts.join(", "))
}

/// A library with the version in the lock file.
fn locked(name: &str) -> Option<String> {
    // Of several versions the last is the newest: ours, where an older one only serves another library.
    let entry = LOCK.split("[[package]]").filter(|e| e.contains(&format!("name = \"{name}\"\n"))).last()?;
    let version = entry.lines().find_map(|l| l.strip_prefix("version = \""))?;
    Some(format!("{name} {}", version.trim_end_matches('"')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_library_is_in_the_lock_file() {
        for name in LIBRARIES {
            let words = locked(name).unwrap_or_else(|| panic!("{name} is not locked"));
            assert!(words.len() > name.len() + 2 && words.contains('.'), "{words}");
        }
        assert_eq!(locked("no such library"), None);
    }
}
