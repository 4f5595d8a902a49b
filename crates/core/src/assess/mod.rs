//! One patient through everything: the function the panels, `predict` and `batch` call.

mod remark;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::Serialize;

use crate::cam::Look;
use crate::clinical::{ClinicalError, ClinicalModel, Explanation, Missing, Record};
use crate::fusion::{self, Branches, FusionRule, LogProb, Source, StackingError, Votes};
use crate::identity::Subject;
use crate::level::Level;
use crate::library;
use crate::nn::familiarity::Distance;
use crate::nn::{Arch, DeviceChoice, Heatmap, Inference, Network, NnError};
use crate::nomogram::NomogramModel;
use crate::slice::{self, Picture, Recipe, SliceError};
use crate::stats::nomogram::{Nomogram, NomogramError, PatientPoints};
use thoracast_dicom::Volume;
use thoracast_files as files;
use thoracast_files::progress::Progress;

pub use remark::{Ensemble, Gravity, Remark, Remarks};

/// Said wherever a figure came from weights that were never trained.
pub const UNTRAINED: &str = "untrained weights: figures have no meaning";

/// The class Grad-CAM explains: metastasis.
const METASTASIS: usize = 1;

/// Said wherever a result stands.
pub const RESEARCH_ONLY: &str = "Research use only. Not for diagnosis or treatment decisions.";

/// Everything the program says about one patient; serialises to the document `predict --json` prints.
#[derive(Debug, Clone, Serialize)]
pub struct Assessment {
    pub id: String,
    pub t4: ImageBranch,
    pub t11: ImageBranch,
    pub clinical: ClinicalBranch,
    pub fused: FusedResult,
    pub nomogram: NomogramResult,
    /// SHA-256 by model: t4, t11, clinical, nomogram.
    pub models: BTreeMap<String, String>,
    /// False while any network has untrained weights.
    pub meaningful: bool,
    pub device: String,
    /// Whom it is about: the study's patient and the clinical values', who are one.
    pub subject: Subject,
    #[serde(flatten)]
    pub remarks: Remarks,
    /// What is needed to draw the reasons; not part of the JSON.
    #[serde(skip)]
    pub reasons: Reasons,
}

impl Assessment {
    /// Whether the figures are not to be relied on; [`Remarks::words_from`] says why.
    pub fn doubtful(&self) -> bool {
        !self.meaningful || self.remarks.doubtful()
    }
}

/// One network's say.
#[derive(Debug, Clone, Serialize)]
pub struct ImageBranch {
    /// Slice number in the volume; null for an already-cut picture.
    pub slice: Option<usize>,
    /// Who says that the slice is at its level.
    pub placed: Placed,
    pub log_prob: LogProb,
    pub probability: f64,
    pub vote: bool,
    /// False for untrained weights.
    pub trained: bool,
    /// Each head's probability where the network is an ensemble, else empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub heads: Vec<f64>,
    /// How far the picture is from those the network learnt from, where its weights know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance: Option<Distance>,
}

impl ImageBranch {
    /// Lowest and highest of the ensemble's probabilities.
    pub fn spread(&self) -> Option<[f64; 2]> {
        let low = self.heads.iter().copied().reduce(f64::min)?;
        let high = self.heads.iter().copied().reduce(f64::max)?;
        Some([low, high])
    }

    /// What a person should know before believing the figure.
    fn remarks(&self, level: Level) -> Vec<Remark> {
        let mut remarks = vec![];
        if let Some(distance) = self.distance.filter(Distance::unfamiliar) {
            remarks.push(Remark::Unlike { level, distance });
        }
        if let (Placed::Proposed { confidence }, Some(slice)) = (self.placed, self.slice) {
            remarks.push(Remark::Unconfirmed { level, slice, confidence });
        }
        remarks.extend(disagreement(Ensemble::Heads(level), self.spread()));
        remarks
    }
}

/// A remark where the members of an ensemble stand on both sides of the vote's limit.
fn disagreement(who: Ensemble, spread: Option<[f64; 2]>) -> Option<Remark> {
    let [low, high] = spread.filter(|[low, high]| *low < 0.5 && *high > 0.5)?;
    Some(Remark::Disagree { who, low, high })
}

/// The boosted trees' say.
#[derive(Debug, Clone, Serialize)]
pub struct ClinicalBranch {
    pub probability: f64,
    pub vote: bool,
    /// Lowest and highest probability of the members of an ensemble over seeds; absent for one model.
    pub spread: Option<[f64; 2]>,
    pub missing: Vec<String>,
    /// What was done with the missing values.
    pub missing_policy: Missing,
    /// Each variable's share of the log-odds.
    #[serde(flatten)]
    pub explanation: Explanation,
}

/// The fused say.
#[derive(Debug, Clone, Serialize)]
pub struct FusedResult {
    pub log_prob: LogProb,
    pub probability: f64,
    /// The image branch the published vote took its figure from; null under another rule.
    pub source: Option<Source>,
    pub votes: Votes,
    pub rule: FusionRule,
}

/// Low or high, by the nomogram model's cut-off in total points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RiskGroup {
    Low,
    High,
}

/// The patient on the nomogram; nulls where a predictor is missing.
#[derive(Debug, Clone, Serialize)]
pub struct NomogramResult {
    /// Points by axis name.
    pub points: BTreeMap<String, f64>,
    pub total: Option<f64>,
    pub risk: Option<f64>,
    pub group: Option<RiskGroup>,
}

/// Pictures and axes behind the figures.
#[derive(Debug, Clone, Default)]
pub struct Reasons {
    pub t4_picture: Option<Picture>,
    pub t11_picture: Option<Picture>,
    /// Grad-CAM of what `look` says.
    pub t4_cam: Option<Heatmap>,
    pub t11_cam: Option<Heatmap>,
    /// What Grad-CAM explains and how a report shows it.
    pub look: Look,
    pub nomogram: Option<Nomogram>,
    pub patient_points: Option<PatientPoints>,
    /// Total points from which a patient counts as high risk.
    pub cutoff_points: Option<f64>,
}

/// What stops an assessment; each message is one sentence that names the file or input and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssessError {
    #[error(
        "no models folder found; put the models beside the program, or name their folder with --models or THORACAST_MODELS"
    )]
    NoModels,
    #[error(transparent)]
    Network(#[from] NnError),
    #[error(transparent)]
    Clinical(#[from] ClinicalError),
    #[error(transparent)]
    Nomogram(#[from] NomogramError),
    #[error(transparent)]
    Slice(#[from] SliceError),
    #[error(transparent)]
    Picture(#[from] slice::PictureError),
    #[error(transparent)]
    Stacking(#[from] StackingError),
    #[error("cancelled")]
    Cancelled,
}

/// The four models of the study, loaded once and shared by all patients.
pub struct Models {
    pub t4: Network,
    pub t11: Network,
    pub clinical: ClinicalModel,
    pub nomogram: NomogramModel,
    /// What the networks said of pictures they have seen in this session.
    seen: Mutex<HashMap<String, Arc<Seen>>>,
}

/// A network's answer and its reason, kept so that a changed clinical value need not run the networks again.
struct Seen {
    inference: Inference,
    cam: Heatmap,
}

/// The folder with `clinical.json` and `nomogram.json`: the one asked for, `THORACAST_MODELS`, or `models`
/// beside the program, above it (a build tree), or in the working folder.
pub fn models_folder(asked: Option<&Path>) -> Result<PathBuf, AssessError> {
    if let Some(folder) = asked {
        return Ok(folder.to_owned());
    }
    if let Some(folder) = std::env::var_os("THORACAST_MODELS") {
        return Ok(folder.into());
    }
    let program = std::env::current_exe().ok();
    let above = program.iter().flat_map(|p| p.ancestors().skip(1));
    let working = std::env::current_dir().ok();
    above
        .map(Path::to_owned)
        .chain(working)
        .flat_map(|folder| [folder.join("models"), folder.join("share/thoracast/models")])
        .find(|folder| folder.join("clinical.json").is_file())
        .ok_or(AssessError::NoModels)
}

/// Where the models are: the shipped ones, and those a person imported, which come first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    pub shipped: PathBuf,
    /// See [`crate::library`].
    pub library: Option<PathBuf>,
}

impl Places {
    /// The folder asked for (or in `THORACAST_MODELS`) alone; else the usual one and the user's imports.
    pub fn find(asked: Option<&Path>) -> Result<Self, AssessError> {
        Ok(Self { shipped: models_folder(asked)?, library: Self::usual_library(asked) })
    }

    /// The user's imports, unless a folder is named: then that folder alone counts.
    pub fn usual_library(asked: Option<&Path>) -> Option<PathBuf> {
        let named = asked.is_some() || std::env::var_os("THORACAST_MODELS").is_some();
        if named { None } else { library::user_folder() }
    }

    /// The imported weights of a level, if there are any.
    pub fn imported(&self, level: Level) -> Option<PathBuf> {
        let path = library::weights_path(self.library.as_deref()?, level);
        path.exists().then_some(path)
    }

    /// The weights file a level's network is loaded from, whether it exists or not.
    pub fn weights(&self, level: Level) -> PathBuf {
        self.imported(level).unwrap_or_else(|| self.shipped.join(level.file_name()))
    }
}

impl Models {
    /// Loads all four. A network whose weights file does not exist gets untrained weights, and every
    /// result says so; a weights file that exists and is broken is an error.
    pub fn load(places: &Places, device: DeviceChoice, progress: &dyn Progress) -> Result<Self, AssessError> {
        progress.stage("Loading models");
        let folder = &places.shipped;
        let clinical = ClinicalModel::load(&folder.join("clinical.json"))?;
        let nomogram = NomogramModel::load(&folder.join("nomogram.json"))?;
        progress.report(1, 3);
        let t4 = network(&places.weights(Level::T4), Arch::Densenet161, Recipe::t4(), device)?;
        progress.report(2, 3);
        if progress.cancelled() {
            return Err(AssessError::Cancelled);
        }
        let t11 = network(&places.weights(Level::T11), Arch::Resnet50, Recipe::t11(), device)?;
        progress.report(3, 3);
        Ok(Self { t4, t11, clinical, nomogram, seen: Mutex::default() })
    }

    /// SHA-256 by model: t4, t11, clinical, nomogram.
    pub fn hashes(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("t4".to_owned(), self.t4.sha256.clone()),
            ("t11".to_owned(), self.t11.sha256.clone()),
            ("clinical".to_owned(), self.clinical.sha256.clone()),
            ("nomogram".to_owned(), self.nomogram.sha256.clone()),
        ])
    }

    /// True when both networks were trained, so that figures have a meaning.
    pub fn trained(&self) -> bool {
        self.t4.card.trained && self.t11.card.trained
    }

    /// The levels whose network was never trained.
    pub fn untrained(&self) -> Vec<Level> {
        let networks = [(Level::T4, &self.t4), (Level::T11, &self.t11)];
        networks.iter().filter(|(_, network)| !network.card.trained).map(|(level, _)| *level).collect()
    }

    fn look(&self, network: &Network, picture: &Picture) -> Result<Arc<Seen>, AssessError> {
        let key = format!("{}:{}", network.sha256, files::sha256_of(&picture.grey));
        let kept = self.seen.lock().unwrap_or_else(|e| e.into_inner()).get(&key).cloned();
        if let Some(seen) = kept {
            return Ok(seen);
        }
        let (inference, cam) = network.infer_with_heatmap(picture, METASTASIS)?;
        let seen = Arc::new(Seen { inference, cam });
        self.seen.lock().unwrap_or_else(|e| e.into_inner()).insert(key, Arc::clone(&seen));
        Ok(seen)
    }
}

fn network(path: &Path, arch: Arch, recipe: Recipe, device: DeviceChoice) -> Result<Network, AssessError> {
    if !path.exists() {
        return Ok(Network::untrained(arch, recipe, device)?);
    }
    let network = Network::load(path, device)?;
    if network.card.arch != arch {
        let reason = format!("holds a {:?}, but this level takes a {arch:?}", network.card.arch);
        return Err(NnError::Weights { path: path.to_owned(), reason }.into());
    }
    Ok(network)
}

/// Who says that a slice is at its level.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Placed {
    /// A person set or confirmed it, or cut the picture.
    #[default]
    ByPerson,
    /// The program, and nobody has confirmed it; confidence 0…1.
    Proposed { confidence: f64 },
}

/// One level's picture and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelPicture {
    /// Slice number in the volume; `None` for an already-cut picture.
    pub slice: Option<usize>,
    pub placed: Placed,
    pub picture: Picture,
}

/// What is known of one patient before the models are asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub subject: Subject,
    pub record: Record,
    pub t4: LevelPicture,
    pub t11: LevelPicture,
    /// What is already to be said of the inputs; it stands first in the result.
    pub remarks: Vec<Remark>,
}

/// Cuts the pictures the networks see at slices `t4` and `t11`, which a person has set; whoever proposed them says so in
/// [`LevelPicture::placed`].
pub fn cut_pictures(
    models: &Models,
    volume: &Volume,
    t4: usize,
    t11: usize,
) -> Result<(LevelPicture, LevelPicture), AssessError> {
    let cut = |network: &Network, slice| -> Result<LevelPicture, AssessError> {
        let picture = slice::cut(volume, slice, &network.card.recipe)?;
        Ok(LevelPicture { slice: Some(slice), placed: Placed::ByPerson, picture })
    };
    Ok((cut(&models.t4, t4)?, cut(&models.t11, t11)?))
}

/// Runs both networks, the boosted trees, the fusion by `rule` and the nomogram for one patient. The nomogram is placed by
/// the published vote, which it was fitted on, whatever the rule.
pub fn assess(
    models: &Models,
    case: Case,
    rule: &FusionRule,
    progress: &dyn Progress,
) -> Result<Assessment, AssessError> {
    let _assess = tracing::info_span!("assess").entered();
    let Case { subject, record, t4, t11, remarks: mut said } = case;
    let record = &record;
    let go_on = |step: usize, name: &str| {
        progress.stage(name);
        progress.report(step, 3);
        if progress.cancelled() { Err(AssessError::Cancelled) } else { Ok(()) }
    };
    if let FusionRule::Stacking(fitted) = rule {
        fitted.check(&models.hashes())?;
    }
    go_on(0, "Network at T4")?;
    let t4_seen = models.look(&models.t4, &t4.picture)?;
    go_on(1, "Network at T11")?;
    let t11_seen = models.look(&models.t11, &t11.picture)?;
    go_on(2, "Clinical branch and nomogram")?;
    let clinical = models.clinical.predict(record);
    let [t4_said, t11_said] = [t4_seen.inference.log_prob, t11_seen.inference.log_prob];
    let voted = fusion::fuse(t4_said, t11_said, clinical.vote);
    let branches = Branches { t4: t4_said, t11: t11_said, clinical: clinical.probability };
    let fused = rule.apply(branches);
    let source = (*rule == FusionRule::Vote).then_some(voted.source);
    said.extend(subject_remarks(&subject));
    if source.is_none() {
        said.push(Remark::OtherFusion { rule: rule.name() });
    }
    said.extend(models.clinical.outside_training(record).into_iter().map(Remark::OutsideTraining));
    let (nomogram, patient_points) = place(&models.nomogram, record, voted.log_prob, &mut said);
    let t4_branch = branch(&models.t4, &t4, &t4_seen.inference);
    let t11_branch = branch(&models.t11, &t11, &t11_seen.inference);
    for (level, branch, cam) in
        [(Level::T4, &t4_branch, &t4_seen.cam), (Level::T11, &t11_branch, &t11_seen.cam)]
    {
        said.extend(branch.remarks(level));
        if branch.vote && cam.is_empty() {
            said.push(Remark::EmptyHeatMap { level });
        }
    }
    said.extend(disagreement(Ensemble::Clinical, clinical.spread));
    said.extend(models.t4.device_notice().map(|notice| Remark::Device(notice.to_owned())));
    if !models.trained() {
        said.insert(0, Remark::Untrained(models.untrained()));
    }
    if !clinical.missing.is_empty() {
        said.push(Remark::FilledIn { labels: clinical.missing.clone(), policy: models.clinical.missing() });
    }
    progress.report(3, 3);
    let reasons = Reasons {
        nomogram: Some(models.nomogram.nomogram()),
        patient_points,
        cutoff_points: Some(models.nomogram.cutoff_points()),
        look: Look::default(),
        t4_cam: Some(t4_seen.cam.clone()),
        t11_cam: Some(t11_seen.cam.clone()),
        t4_picture: Some(t4.picture),
        t11_picture: Some(t11.picture),
    };
    Ok(Assessment {
        id: record.id.clone(),
        t4: t4_branch,
        t11: t11_branch,
        clinical: ClinicalBranch {
            probability: clinical.probability,
            vote: clinical.vote,
            spread: clinical.spread,
            missing_policy: models.clinical.missing(),
            missing: clinical.missing,
            explanation: models.clinical.explain(record),
        },
        fused: FusedResult {
            log_prob: fused,
            probability: fused.probability(),
            source,
            votes: voted.votes,
            rule: rule.clone(),
        },
        nomogram,
        models: models.hashes(),
        meaningful: models.trained(),
        device: models.t4.device_name(),
        subject,
        remarks: Remarks(said),
        reasons,
    })
}

/// What is to be said of whom the result is about.
fn subject_remarks(subject: &Subject) -> Vec<Remark> {
    let Some(study) = subject.study() else { return vec![] };
    let mut remarks = vec![];
    if study.id.is_empty() {
        remarks.push(Remark::NoPatientId);
    }
    if !subject.differs().is_empty() {
        let (study, values, differs) = (study.clone(), subject.values().clone(), subject.differs().to_vec());
        remarks.push(Remark::SaidToBeOne { study: Box::new(study), values: Box::new(values), differs });
    }
    remarks
}

fn branch(network: &Network, seen: &LevelPicture, said: &Inference) -> ImageBranch {
    ImageBranch {
        slice: seen.slice,
        placed: seen.placed,
        log_prob: said.log_prob,
        probability: said.log_prob.probability(),
        vote: said.log_prob.vote(),
        trained: network.card.trained,
        heads: if said.each.len() > 1 { said.each.clone() } else { vec![] },
        distance: said.distance,
    }
}

/// The patient on the nomogram; where a predictor is missing, nulls and a warning that names it.
fn place(
    model: &NomogramModel,
    record: &Record,
    fused: LogProb,
    said: &mut Vec<Remark>,
) -> (NomogramResult, Option<PatientPoints>) {
    let nothing = NomogramResult { points: BTreeMap::new(), total: None, risk: None, group: None };
    let values = match model.values_from(record, fused.0[1]) {
        Ok(values) => values,
        Err(missing) => {
            said.push(Remark::NoNomogram { missing });
            return (nothing, None);
        }
    };
    said.extend(model.outside(&values).into_iter().map(Remark::OutsideNomogram));
    match model.place(&values) {
        Ok(points) => {
            let group = if model.high_risk(&points) { RiskGroup::High } else { RiskGroup::Low };
            let result = NomogramResult {
                points: points.points.iter().cloned().collect(),
                total: Some(points.total),
                risk: Some(points.risk),
                group: Some(group),
            };
            (result, Some(points))
        }
        Err(error) => {
            said.push(Remark::NotPlaced(error.to_string()));
            (nothing, None)
        }
    }
}
