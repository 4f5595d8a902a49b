//! De-identification: DICOM PS3.15 Annex E, Basic Application Level Confidentiality Profile, with the options Retain
//! Longitudinal Temporal Information (full or modified dates), Clean Descriptors and Retain Patient Characteristics.
//!
//! Of the pixel data exactly what the image needs is passed on, without comments and overlays hidden in it: burned-in text
//! is warned of, not removed. Objects without pictures (reports, documents, presentation states, plans) are left out, since
//! their contents are free text that the basic profile can't clean. Every file is read back from the disk and checked
//! before it counts as written.

mod clean;
mod codestream;
mod file;
mod identifiers;
mod keyed;
mod pixels;
mod profile;
mod transform;
mod walk;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use dicom_dictionary_std::tags;
use rayon::prelude::*;
use serde::Serialize;

use super::dataset::{Dataset, Values};
use super::encoding::OutlineError;
use super::instance::Content;
use super::source::Location;
use identifiers::Identifiers;
use keyed::Key;
use thoracast_files::progress::Progress;
use transform::Transform;

/// What happens to dates other than birth dates (which always go).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dates {
    /// Emptied or replaced (basic profile).
    #[default]
    Removed,
    /// Kept as they are.
    Full,
    /// Moved back by a number of days that is the same for all of a patient.
    Shifted,
}

/// How to de-identify.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Options {
    pub dates: Dates,
    /// Keeps the anatomical and technical words of descriptions.
    pub clean_descriptors: bool,
    /// Keeps sex, age, size and weight, which body indices need.
    pub patient_characteristics: bool,
    /// The new patient ID and name; a pseudonym if absent. Only for one patient.
    pub patient_id: Option<String>,
    /// Makes runs repeatable; without it the secret is random. Not serialised: it would open the pseudonyms.
    #[serde(skip)]
    pub seed: Option<u64>,
    /// Leaves out objects whose pixels may carry names.
    pub skip_burned_in: bool,
}

/// A file that was left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Skipped {
    pub path: PathBuf,
    /// One sentence without patient data.
    pub reason: String,
}

/// What a run did.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Files looked at.
    pub files: usize,
    pub written: usize,
    pub skipped: Vec<Skipped>,
    /// Of `skipped`, those whose output did not pass the check and was deleted.
    pub failed_verification: usize,
    pub patients: usize,
    pub studies: usize,
    pub series: usize,
    /// Each names an output file, relative to the output folder.
    pub warnings: Vec<String>,
    /// The standard's table and its editions.
    pub profile: String,
    pub options: Options,
}

/// Why nothing was de-identified. Each message is one sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeidentifyError {
    #[error("{}: {reason}", path.display())]
    Input { path: PathBuf, reason: String },
    #[error("{}: {reason}; choose a new or empty folder outside the input", path.display())]
    Output { path: PathBuf, reason: String },
    /// A full disk, for example. Nothing of the copies is left.
    #[error("{}: the copies can't be written: {reason}; nothing was kept", path.display())]
    Unwritable { path: PathBuf, reason: String },
    #[error("{}: no DICOM image that can be de-identified was found here{first}", path.display())]
    Nothing { path: PathBuf, first: String },
    #[error(
        "one patient ID can't be given to {patients} patients; leave --patient-id out or name one patient's files"
    )]
    ManyPatients { patients: usize },
    #[error("the new patient ID must be 1 to 64 characters without backslash, caret and control characters")]
    PatientId,
    #[error("cancelled")]
    Cancelled,
}

/// One image to write.
struct Job {
    location: Location,
    patient: String,
    /// Relative to the output folder.
    output: PathBuf,
    burned_in: Option<&'static str>,
}

/// A header's answers.
struct Header {
    patient: String,
    study: String,
    series: String,
    burned_in: Option<&'static str>,
}

enum Kind {
    Image(Header),
    Directory(Vec<Vec<String>>),
    Skip(String),
}

/// De-identifies everything below `input` (files, folders, ZIPs, DICOMDIRs) into the new or empty folder `out`, which
/// appears whole at the end. Files lie in `out` as patient/study/series/number. One bad file costs that file only.
///
/// # Errors
/// See [`DeidentifyError`]; `out` is then as it was.
pub fn run(
    input: &[PathBuf],
    out: &Path,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Summary, DeidentifyError> {
    check_patient_id(options)?;
    check_output(input, out)?;
    let key = Key::new(options.seed);
    let mut summary = empty_summary(options);
    progress.stage("Reading headers");
    let headers = headers(input, &mut summary, progress)?;
    let jobs = plan(headers, &key, &mut summary)?;
    progress.stage("De-identifying");
    let out = &thoracast_files::follow_links(out);
    let refused = |e: std::io::Error| unwritable(out, &e);
    let parent = out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(refused)?;
    let staging = thoracast_files::staging_folder(parent).map_err(refused)?;
    let whole = staging.path().join("files");
    std::fs::create_dir(&whole).map_err(refused)?;
    let done = AtomicUsize::new(0);
    let full = AtomicBool::new(false);
    let outcomes: Vec<Result<Vec<String>, Failure>> = jobs
        .par_iter()
        .map(|job| {
            if progress.cancelled() || full.load(Ordering::Relaxed) {
                return Err(Failure::Cancelled);
            }
            let outcome = write(job, &whole, &key, options);
            if matches!(outcome, Err(Failure::Output(_))) {
                full.store(true, Ordering::Relaxed);
            }
            progress.report(done.fetch_add(1, Ordering::Relaxed) + 1, jobs.len());
            outcome
        })
        .collect();
    settle(jobs, outcomes, out, &mut summary)?;
    if summary.written == 0 {
        let path = input.first().cloned().unwrap_or_default();
        let first = summary.skipped.first().map(|s| format!(" ({}: {})", s.path.display(), s.reason));
        return Err(DeidentifyError::Nothing { path, first: first.unwrap_or_default() });
    }
    if out.exists() {
        std::fs::remove_dir(out).map_err(refused)?;
    }
    std::fs::rename(&whole, out).map_err(refused)?;
    // The copies' folders too are to be on the disk before they are told of.
    #[cfg(unix)]
    std::fs::File::open(parent).and_then(|folder| folder.sync_all()).map_err(refused)?;
    Ok(summary)
}

fn empty_summary(options: &Options) -> Summary {
    Summary {
        files: 0,
        written: 0,
        skipped: Vec::new(),
        failed_verification: 0,
        patients: 0,
        studies: 0,
        series: 0,
        warnings: Vec::new(),
        profile: profile::edition(),
        options: options.clone(),
    }
}

fn unwritable(out: &Path, error: &std::io::Error) -> DeidentifyError {
    DeidentifyError::Unwritable { path: out.to_owned(), reason: error.to_string() }
}

fn check_patient_id(options: &Options) -> Result<(), DeidentifyError> {
    let Some(id) = &options.patient_id else { return Ok(()) };
    let fits = !id.trim().is_empty() && id.chars().count() <= 64;
    let plain = !id.contains(|c: char| c.is_control() || matches!(c, '\\' | '^' | '='));
    if fits && plain { Ok(()) } else { Err(DeidentifyError::PatientId) }
}

/// Refuses a folder with anything in it, and one inside the input.
fn check_output(input: &[PathBuf], out: &Path) -> Result<(), DeidentifyError> {
    let refuse = |reason: &str| DeidentifyError::Output { path: out.to_owned(), reason: reason.to_owned() };
    if out.exists() {
        let mut entries = std::fs::read_dir(out).map_err(|_| refuse("is not a folder that can be read"))?;
        if entries.next().is_some() {
            return Err(refuse("is not empty"));
        }
    }
    let absolute = std::path::absolute(out).map_err(|_| refuse("can't be resolved"))?;
    // The nearest folder that exists, links followed, so that no detour leads into the input.
    let existing = absolute.ancestors().find_map(|folder| folder.canonicalize().ok());
    let inside = |path: &PathBuf| {
        path.is_dir()
            && path
                .canonicalize()
                .is_ok_and(|path| existing.as_ref().is_some_and(|out| out.starts_with(path)))
    };
    if input.iter().any(inside) { Err(refuse("lies inside the input")) } else { Ok(()) }
}

/// Reads every header; follows DICOMDIRs.
fn headers(
    input: &[PathBuf],
    summary: &mut Summary,
    progress: &dyn Progress,
) -> Result<Vec<(Location, Header)>, DeidentifyError> {
    let mut queue = walk::files(input, &mut summary.skipped, progress)?;
    let mut seen: HashSet<Location> = queue.iter().cloned().collect();
    let mut images = Vec::new();
    while !queue.is_empty() {
        summary.files += queue.len();
        let kinds: Vec<Kind> = queue
            .par_iter()
            .map(|location| if progress.cancelled() { Kind::Skip(String::new()) } else { kind(location) })
            .collect();
        if progress.cancelled() {
            return Err(DeidentifyError::Cancelled);
        }
        let mut next = Vec::new();
        for (location, kind) in queue.into_iter().zip(kinds) {
            let path = location.display_path();
            match kind {
                Kind::Image(header) => images.push((location, header)),
                Kind::Skip(reason) => summary.skipped.push(Skipped { path, reason }),
                Kind::Directory(files) => {
                    let reason =
                        "it is a DICOMDIR, whose records name patients; its files are read".to_owned();
                    summary.skipped.push(Skipped { path, reason });
                    // A ZIP's members are all read anyway.
                    let found = files.iter().filter(|_| location.member.is_none());
                    let found = found.filter_map(|parts| walk::referenced(&location.path, parts));
                    next.extend(found.map(|p| Location::file(&p)).filter(|l| seen.insert(l.clone())));
                }
            }
        }
        queue = next;
    }
    Ok(images)
}

fn kind(location: &Location) -> Kind {
    let dataset = match Dataset::read(location) {
        Ok(dataset) => dataset,
        Err(OutlineError::NotDicom) => return Kind::Skip("it is not a DICOM file".to_owned()),
        Err(OutlineError::Broken(reason)) => return Kind::Skip(reason),
    };
    if let Ok(Content::Directory(files)) = Content::of(&dataset, location) {
        return Kind::Directory(files);
    }
    let values = &dataset.values;
    let class = values.text(tags::SOP_CLASS_UID);
    if dataset.pixels.is_none() {
        return Kind::Skip(
            "it holds no picture; reports, documents, plans and presentation states can't be cleaned by the basic profile"
                .to_owned(),
        );
    }
    if class.is_empty() || values.text(tags::SOP_INSTANCE_UID).is_empty() {
        return Kind::Skip("it states no SOP class or instance UID (0008,0016 and 0008,0018)".to_owned());
    }
    let id = values.text(tags::PATIENT_ID);
    Kind::Image(Header {
        patient: if id.is_empty() { values.text(tags::PATIENT_NAME) } else { id },
        study: values.text(tags::STUDY_INSTANCE_UID),
        series: values.text(tags::SERIES_INSTANCE_UID),
        burned_in: burned_in(values, &class),
    })
}

/// Why pixels may carry names.
fn burned_in(values: &Values, class: &str) -> Option<&'static str> {
    match values.text(tags::BURNED_IN_ANNOTATION).as_str() {
        "YES" => return Some("it states burned-in annotation (0028,0301)"),
        "NO" => return None,
        _ => {}
    }
    let image_type = values.text(tags::IMAGE_TYPE).to_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| image_type.contains(word));
    if class.starts_with("1.2.840.10008.5.1.4.1.1.7") {
        Some("it is a secondary capture")
    } else if has(&["SCREEN", "DOSE"]) {
        Some("it is a screen save")
    } else if has(&["LOCALIZER", "SCOUT", "SURVIEW", "TOPOGRAM"]) {
        Some("it is a localizer, which may carry lines and labels")
    } else if values.text(tags::MODALITY) == "US" {
        Some("it is an ultrasound image")
    } else if values.number(tags::SAMPLES_PER_PIXEL).is_some_and(|samples| samples > 1.0) {
        Some("it is a colour image")
    } else {
        None
    }
}

/// Gives each image its place in the output: names of pseudonyms and numbers.
fn plan(
    headers: Vec<(Location, Header)>,
    key: &Key,
    summary: &mut Summary,
) -> Result<Vec<Job>, DeidentifyError> {
    let options = summary.options.clone();
    let patients: BTreeSet<&str> = headers.iter().map(|(_, header)| header.patient.as_str()).collect();
    if options.patient_id.is_some() && patients.len() > 1 {
        return Err(DeidentifyError::ManyPatients { patients: patients.len() });
    }
    let mut studies: BTreeMap<String, HashMap<String, usize>> = BTreeMap::new();
    let mut series: HashMap<(String, String), HashMap<String, usize>> = HashMap::new();
    let mut images: HashMap<PathBuf, usize> = HashMap::new();
    let mut jobs = Vec::new();
    for (location, header) in headers {
        if let Some(why) = header.burned_in.filter(|_| options.skip_burned_in) {
            let reason = format!("{why}: its pixels may carry names");
            summary.skipped.push(Skipped { path: location.display_path(), reason });
            continue;
        }
        let study = numbered(studies.entry(header.patient.clone()).or_default(), &header.study);
        let of_study = series.entry((header.patient.clone(), header.study.clone())).or_default();
        let number = numbered(of_study, &header.series);
        let folder =
            PathBuf::from(format!("{}/study{study:02}/series{number:03}", folder_name(key, &header)));
        let image = images.entry(folder.clone()).or_default();
        *image += 1;
        let output = folder.join(format!("{image:06}.dcm"));
        jobs.push(Job { location, patient: header.patient, output, burned_in: header.burned_in });
    }
    Ok(jobs)
}

/// Always the pseudonym: a patient ID that was given may hold characters that a file name can't.
fn folder_name(key: &Key, header: &Header) -> String {
    key.pseudonym(&header.patient)
}

fn numbered(known: &mut HashMap<String, usize>, uid: &str) -> usize {
    let next = known.len() + 1;
    *known.entry(uid.to_owned()).or_insert(next)
}

enum Failure {
    Cancelled,
    /// The original can't be de-identified.
    Unwritten(String),
    /// The copy can't be written: so will no other.
    Output(std::io::Error),
    Unverified(String),
}

/// Writes one image and checks it; the warnings it gives.
fn write(job: &Job, folder: &Path, key: &Key, options: &Options) -> Result<Vec<String>, Failure> {
    let mut parts = file::read(&job.location).map_err(Failure::Unwritten)?;
    let mut remarks = Vec::new();
    if let Some(pixels) = &parts.pixels {
        let clean = pixels::clean(pixels, &parts).map_err(Failure::Unwritten)?;
        remarks = clean.remarks;
        parts.pixels = Some(clean.pixels);
    }
    let pseudonym = options.patient_id.clone().unwrap_or_else(|| key.pseudonym(&job.patient));
    let mut transform = Transform {
        key,
        options,
        pseudonym: &pseudonym,
        days_back: key.days_back(&job.patient),
        identifiers: Identifiers::default(),
        own: HashSet::new(),
        emptied: BTreeSet::new(),
    };
    let object = transform.apply(&parts.object);
    let bytes = file::encode(&object, &parts).map_err(Failure::Unwritten)?;
    let path = folder.join(&job.output);
    file::save(&path, &bytes).map_err(Failure::Output)?;
    if let Err(reason) = file::verify(&Location::file(&path), &object, &parts, &transform) {
        std::fs::remove_file(&path)
            .map_err(|e| Failure::Unverified(format!("{reason}, and it can't be deleted: {e}")))?;
        return Err(Failure::Unverified(reason));
    }
    let name = job.output.display();
    let mut warnings = Vec::new();
    if let Some(why) = job.burned_in {
        warnings.push(format!("{name}: {why}: its pixels may carry names; look at it before passing it on"));
    }
    for tag in &transform.emptied {
        warnings.push(format!(
            "{name}: ({:04X},{:04X}) held an identifier of the original, which was taken out",
            tag.0, tag.1
        ));
    }
    warnings.extend(remarks.iter().map(|remark| format!("{name}: {remark}")));
    if parts.dropped > 0 {
        warnings.push(format!("{name}: {} damaged elements were left out", parts.dropped));
    }
    Ok(warnings)
}

fn settle(
    jobs: Vec<Job>,
    outcomes: Vec<Result<Vec<String>, Failure>>,
    out: &Path,
    summary: &mut Summary,
) -> Result<(), DeidentifyError> {
    let mut folders = [HashSet::new(), HashSet::new(), HashSet::new()];
    for (job, outcome) in jobs.into_iter().zip(outcomes) {
        match outcome {
            Ok(warnings) => {
                summary.written += 1;
                summary.warnings.extend(warnings);
                // The file's folder is its series, the next its study, the next its patient.
                for (known, folder) in folders.iter_mut().zip(job.output.ancestors().skip(1)) {
                    known.insert(folder.to_owned());
                }
            }
            Err(Failure::Cancelled) => return Err(DeidentifyError::Cancelled),
            Err(Failure::Output(error)) => return Err(unwritable(out, &error)),
            Err(Failure::Unwritten(reason)) => {
                summary.skipped.push(Skipped { path: job.location.display_path(), reason });
            }
            Err(Failure::Unverified(reason)) => {
                summary.failed_verification += 1;
                let reason = format!("its output did not pass the check and was deleted: {reason}");
                summary.skipped.push(Skipped { path: job.location.display_path(), reason });
            }
        }
    }
    [summary.series, summary.studies, summary.patients] = folders.map(|known| known.len());
    summary.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(())
}

#[cfg(test)]
mod tests;
