//! A trained network as a weights file with its card.

use std::path::Path;

use crate::cohort::pictures::LabelledPicture;
use crate::nn::DeviceChoice;
use crate::nn::learn::Examiner;
use crate::nn::weights::WeightsFile;

use super::{Trained, TrainingError};
use crate::nn::{Arch, Card, Evaluation, TrainingRecord, weights};

/// Writes `NAME.safetensors` and its card beside it; `half` stores kernels and matrices in 16 bits,
/// `remarks` go into the card.
///
/// # Errors
/// A file that cannot be written.
pub fn write(
    trained: &Trained,
    arch: Arch,
    name: &str,
    path: &Path,
    half: bool,
    remarks: &[String],
) -> Result<Card, TrainingError> {
    let tensors = if half { weights::narrowed(&trained.tensors) } else { trained.tensors.clone() };
    let card = Card {
        name: name.to_owned(),
        arch,
        recipe: trained.recipe.clone(),
        trained: true,
        description: describe(arch, &trained.record),
        remarks: remarks.to_vec(),
        training: Some(trained.record.clone()),
    };
    weights::save(&tensors, path)?;
    weights::write_card(&card, path)?;
    Ok(card)
}

/// Evaluates the file just written, as anyone who loads it would, and says so in its card.
///
/// # Errors
/// A file that cannot be read back or whose card cannot be written.
pub fn test(
    path: &Path,
    mut card: Card,
    test: &[LabelledPicture],
    device: DeviceChoice,
) -> Result<Card, TrainingError> {
    let file = WeightsFile::open(path)?;
    let examiner = Examiner::new(card.arch, &file.tensors, device)?;
    let evaluation = super::evaluate(&examiner, test, &card.recipe)?;
    if let Some(record) = &mut card.training {
        record.test = Some(evaluation);
        card.description = describe(card.arch, record);
    }
    weights::write_card(&card, path)?;
    Ok(card)
}

/// The record in words.
pub fn describe(arch: Arch, record: &TrainingRecord) -> String {
    let mut words = format!(
        "{} trained from {} on {} patients ({} with metastasis); epoch {} of {} kept. Validation ({} patients, {} with \
         metastasis; they chose the epoch): {}.",
        arch.title(),
        record.start,
        record.train.patients,
        record.train.events,
        record.kept_epoch,
        record.curve.len(),
        record.valid.patients,
        record.valid.events,
        figures(&record.validation)
    );
    match &record.test {
        Some(test) => words.push_str(&format!(
            " Test ({} patients, {} with metastasis; looked at once): {}.",
            test.patients,
            test.events,
            figures(test)
        )),
        None => words.push_str(" Not tested on patients kept apart."),
    }
    words
}

/// "AUC 0.72 (95 % interval 0.61 to 0.82), accuracy 0.70".
pub fn figures(e: &Evaluation) -> String {
    let interval = match (e.auc_low, e.auc_high) {
        (Some(low), Some(high)) => format!(" (95 % interval {low:.3} to {high:.3})"),
        _ => String::new(),
    };
    format!("AUC {:.3}{interval}, accuracy {:.3}, loss {:.3}", e.auc, e.accuracy, e.loss)
}
