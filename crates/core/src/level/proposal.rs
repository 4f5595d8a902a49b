//! From a volume to named vertebrae with an honest confidence.

use thoracast_dicom::Volume;

use super::canal;
use super::chain::{self, Posterior, Without, body_ahead_mm};
use super::column::Column;
use super::cues::{Cue, Cues};
use super::grid::{Grid, GridError};
use super::templates::Templates;
use super::vertebra::Vertebra;

/// Which part of a vertebral body its height means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Convention {
    /// The middle of the body.
    #[default]
    Middle,
    /// Its upper end plate.
    Top,
    /// Its lower end plate.
    Bottom,
}

/// From this confidence on a proposal may be used without a person.
pub const CONFIDENT: f32 = 0.5;
/// Proposals below this are not worth a person's look.
const LEAST_CONFIDENCE: f32 = 0.1;
/// A body is claimed only this far inside the scan, mm: a cut one can't be told from its neighbour.
const MARGIN_MM: f32 = 13.0;
/// Heights of bodies as a share of the distance from vertebra to vertebra; the rest is disc.
const BODY_SHARE: f32 = 0.8;

/// One proposed vertebra.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposed {
    pub vertebra: Vertebra,
    /// Where the convention's part of the body lies along the slices' normal, mm (patient z of an axial series).
    pub z_mm: f64,
    /// The nearest slice, from 0.
    pub slice: usize,
    /// 0…1; see [`CONFIDENT`].
    pub confidence: f32,
    /// Middle of the body, patient mm.
    pub centre_mm: [f64; 3],
    /// Length from the middle of the disc above to that below along the spine, mm.
    pub length_mm: f32,
}

/// The spine's course, for reformats along it: planes across the canal from the head down, 2 mm apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Course {
    /// Middle of the canal, patient mm.
    pub canal_mm: Vec<[f64; 3]>,
    /// Unit vectors of each plane in the patient: to the left, and to the front.
    pub left: Vec<[f64; 3]>,
    pub front: Vec<[f64; 3]>,
}

/// What the volume says of its vertebrae.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Proposals {
    pub convention: Convention,
    /// Head to feet.
    pub levels: Vec<Proposed>,
    pub course: Course,
    /// Sentences on what a person should know.
    pub warnings: Vec<String>,
}

impl Proposals {
    /// The proposal for a vertebra.
    pub fn level(&self, vertebra: Vertebra) -> Option<&Proposed> {
        self.levels.iter().find(|p| p.vertebra == vertebra)
    }

    /// The proposal for a vertebra where it may be used without a person.
    pub fn confident(&self, vertebra: Vertebra) -> Option<&Proposed> {
        self.level(vertebra).filter(|p| p.confidence >= CONFIDENT)
    }

    fn nothing(convention: Convention, why: String) -> Self {
        Self { convention, warnings: vec![why], ..Self::default() }
    }
}

/// What each state of the chain is called; neck and sacrum have no name.
pub fn vertebra_of(state: usize) -> Option<Vertebra> {
    state.checked_sub(1).and_then(|i| Vertebra::ALL.get(i).copied())
}

/// Names the vertebrae of a volume. Nothing is invented: without spine, or where nothing tells which vertebra is
/// which, there are no levels and a sentence that says why.
pub fn propose(volume: &Volume, convention: Convention) -> Proposals {
    propose_with(volume, convention, &Templates::default())
}

/// [`propose`] with other templates.
pub fn propose_with(volume: &Volume, convention: Convention, templates: &Templates) -> Proposals {
    if let Err(why) = volume.measurable() {
        return Proposals::nothing(convention, why.to_string());
    }
    let grid = match Grid::of(volume) {
        Ok(grid) => grid,
        Err(why @ (GridError::NotAxial | GridError::TooFew | GridError::Empty)) => {
            return Proposals::nothing(convention, why.to_string());
        }
    };
    let Some(column) = canal::trace(&grid).and_then(|canal| Column::of(&grid, &canal)) else {
        return Proposals::nothing(convention, NO_SPINE.to_owned());
    };
    if column.score < LEAST_SCORE {
        return Proposals::nothing(convention, ODD_SPINE.to_owned());
    }
    let cues = Cues::of(&column);
    let runs = posteriors(&cues, templates);
    let levels = name_levels(&grid, &column, &runs, convention);
    let mut warnings: Vec<String> = grid.gaps.iter().map(|gap| gap_in_words(&grid, gap)).collect();
    if levels.is_empty() {
        warnings.push(NO_LEVELS.to_owned());
    } else if levels.iter().all(|p| p.confidence < CONFIDENT) {
        warnings.push(NOT_CERTAIN.to_owned());
    }
    Proposals { convention, levels, course: course(&grid, &column), warnings }
}

/// A canal with less has bone where none belongs, or none where some does: perhaps the picture is turned.
const LEAST_SCORE: f32 = 3.9;
const ODD_SPINE: &str =
    "what might be the spine does not look like one; is the orientation in the files right?";
const NO_SPINE: &str = "no spine long enough to tell levels from was found in this series";
const NO_LEVELS: &str =
    "a spine was found, but nothing tells which vertebrae these are; choose the levels by hand";

const NOT_CERTAIN: &str =
    "the levels are guesses: neither the first rib nor the last one shows clearly enough to count from";

fn gap_in_words(grid: &Grid, gap: &[f32; 2]) -> String {
    let [from, to] = gap.map(|z| grid.normal_mm(z));
    format!("slices are missing between z {from:.1} and {to:.1} mm; no level is proposed there")
}

/// The full model first, then each run that lacks one cue.
pub fn posteriors(cues: &Cues, templates: &Templates) -> Vec<Posterior> {
    let mut all = vec![Without::default()];
    all.extend(Cue::ALL.iter().map(|c| Without::cues(&[*c])));
    all.into_iter().map(|without| chain::posterior(cues, templates, without)).collect()
}

fn name_levels(grid: &Grid, column: &Column, runs: &[Posterior], convention: Convention) -> Vec<Proposed> {
    let anchored: Vec<f32> = runs.iter().map(|r| anchor(grid, column, r)).collect();
    let places: Vec<(usize, f32, f32)> = (0..chain::STATES)
        .filter(|s| vertebra_of(*s).is_some())
        .filter_map(|state| {
            let (at, _) = chain::best_place(&runs[0].centres[state]);
            let confidence = runs
                .iter()
                .zip(&anchored)
                .map(|(r, anchor)| chain::mass_near(&r.centres[state], at).min(*anchor))
                .fold(f32::MAX, f32::min);
            (confidence >= LEAST_CONFIDENCE).then_some((state, at, confidence.min(1.0)))
        })
        .collect();
    let length = |i: usize| -> f32 {
        let up = (i > 0).then(|| places[i].1 - places[i - 1].1);
        let down = places.get(i + 1).map(|n| n.1 - places[i].1);
        let planes = match (up, down) {
            (Some(a), Some(b)) => (a + b) / 2.0,
            (Some(a), None) | (None, Some(a)) => a,
            (None, None) => chain::usual_length_mm(places[i].0) / super::column::STEP_MM,
        };
        planes * super::column::STEP_MM
    };
    let mut levels: Vec<Proposed> = Vec::new();
    for (i, (state, at, confidence)) in places.iter().enumerate() {
        let Some(vertebra) = vertebra_of(*state) else { continue };
        let ahead = body_ahead_mm(*state);
        let centre = column.body_point(*at, ahead);
        if !is_proposed(vertebra) || !inside(grid, centre[2]) {
            continue;
        }
        let up = BODY_SHARE / 2.0 * length(i) / super::column::STEP_MM;
        let part = match convention {
            Convention::Middle => centre,
            Convention::Top => column.body_point(at - up, ahead),
            Convention::Bottom => column.body_point(at + up, ahead),
        };
        levels.push(Proposed {
            vertebra,
            z_mm: grid.normal_mm(part[2]),
            slice: grid.slice(part[2]),
            confidence: *confidence,
            centre_mm: grid.patient_mm(centre),
            length_mm: length(i),
        });
    }
    levels
}

/// How probable it is that something in the scan names a vertebra: the first with ribs or the first without. Between
/// them one vertebra looks like the next, and bodies differ too much for size or shape to tell.
fn anchor(grid: &Grid, column: &Column, run: &Posterior) -> f32 {
    let seen = |state: usize| -> f32 {
        let within = |half: usize| {
            let z = column.body_point(half as f32 / 2.0, body_ahead_mm(state))[2];
            z > 0.0 && z < grid.top_mm()
        };
        run.centres[state].iter().enumerate().filter(|(i, p)| **p > 0.0 && within(*i)).map(|(_, p)| *p).sum()
    };
    seen(chain::T1).max(seen(chain::L1))
}

/// Vertebrae that are proposed: C7 to L3. Extra ones and those below only help to count.
fn is_proposed(vertebra: Vertebra) -> bool {
    vertebra <= Vertebra::L3 && vertebra != Vertebra::T13
}

/// Whether a height is far enough from the scan's ends and from gaps.
fn inside(grid: &Grid, z: f32) -> bool {
    z >= MARGIN_MM
        && z <= grid.top_mm() - MARGIN_MM
        && grid.gaps.iter().all(|[a, b]| z < a - MARGIN_MM / 2.0 || z > b + MARGIN_MM / 2.0)
}

fn course(grid: &Grid, column: &Column) -> Course {
    Course {
        canal_mm: column.centres.iter().map(|p| grid.patient_mm(*p)).collect(),
        left: column.left.iter().map(|d| grid.patient_direction(*d)).collect(),
        front: column.front.iter().map(|d| grid.patient_direction(*d)).collect(),
    }
}
