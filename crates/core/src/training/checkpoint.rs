//! A run's state after each epoch, so that a crash or a closed lid costs no more than one.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Plan, TrainingError};
use crate::nn::Curve;
use crate::nn::state_dict::{DType, RawTensor, StateDict};
use crate::nn::weights::{self, WeightsFile};

/// What a run needs to go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    pub plan: Plan,
    pub data_sha256: String,
    pub start: String,
    pub curve: Curve,
    pub kept_epoch: usize,
}

/// The three dictionaries beside it, kept in one file under prefixes.
pub struct State {
    pub network: StateDict,
    pub best: StateDict,
    pub optimiser: StateDict,
}

/// Where the checkpoint of `NAME.safetensors` stands.
pub fn checkpoint_path(weights: &Path) -> PathBuf {
    weights.with_extension("checkpoint.safetensors")
}

const PARTS: [&str; 3] = ["network", "best", "optimiser"];
const STANDING: &str = "standing";

/// Writes the state as one file, whole or not at all.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, standing: &Standing, state: State) -> Result<(), TrainingError> {
    let mut all = StateDict::default();
    for (part, dict) in PARTS.into_iter().zip([state.network, state.best, state.optimiser]) {
        all.extend(dict.into_iter().map(|(name, tensor)| (format!("{part}/{name}"), tensor)));
    }
    let bytes = serde_json::to_vec(standing).map_err(|e| TrainingError::Checkpoint {
        path: path.to_owned(),
        reason: format!("the checkpoint cannot be written ({e})"),
    })?;
    all.insert(STANDING.to_owned(), RawTensor { dtype: DType::U8, shape: vec![bytes.len()], bytes });
    Ok(weights::save(&all, path)?)
}

/// Reads a checkpoint back; `None` where there is none.
///
/// # Errors
/// A checkpoint of other options, other pictures or another start, or one that is damaged.
pub fn read(
    path: &Path,
    plan: &Plan,
    data_sha256: &str,
    start: &str,
) -> Result<Option<(Standing, State)>, TrainingError> {
    if !path.exists() {
        return Ok(None);
    }
    let fail = |reason: &str| TrainingError::Checkpoint {
        path: path.to_owned(),
        reason: format!("{reason}, or start again without --resume"),
    };
    let mut tensors = WeightsFile::open(path)?.tensors;
    let standing: Standing = tensors
        .remove(STANDING)
        .and_then(|t| serde_json::from_slice(&t.bytes).ok())
        .ok_or_else(|| fail("the file is no checkpoint; name another"))?;
    if standing.plan != *plan {
        return Err(fail("the checkpoint is of a run with other options; repeat them"));
    }
    if standing.data_sha256 != data_sha256 {
        return Err(fail("the checkpoint is of a run on other pictures; give these"));
    }
    if standing.start != start {
        return Err(fail("the checkpoint is of a run from other first weights; give these with --init"));
    }
    let mut parts = [StateDict::default(), StateDict::default(), StateDict::default()];
    for (name, tensor) in tensors {
        let Some((part, rest)) = name.split_once('/') else { continue };
        if let Some(at) = PARTS.iter().position(|p| *p == part) {
            parts[at].insert(rest.to_owned(), tensor);
        }
    }
    let [network, best, optimiser] = parts;
    Ok(Some((standing, State { network, best, optimiser })))
}
