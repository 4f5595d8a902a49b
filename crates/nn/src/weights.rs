//! Weights files: safetensors and PyTorch's `.pth`, with the card beside them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::Serialize;

use super::state_dict::{self, DType, Part, RawTensor, StateDict};
use super::{Arch, Card, NnError, pth};
use crate::picture::Recipe;
use thoracast_files as files;
use thoracast_files::bounds;
use thoracast_files::budget;

/// A weights file read into memory, its tensors under torchvision's present names.
pub struct WeightsFile {
    pub path: PathBuf,
    /// "safetensors", "PyTorch zip" or "PyTorch legacy".
    pub format: &'static str,
    pub tensors: StateDict,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// What `weights info` says.
#[derive(Debug, Clone, Serialize)]
pub struct Info {
    pub path: PathBuf,
    pub format: &'static str,
    pub bytes: u64,
    pub sha256: String,
    /// Number of tensors and of values in them.
    pub tensors: usize,
    pub values: usize,
    /// Number of tensors by element type.
    pub dtypes: BTreeMap<&'static str, usize>,
    pub arch: Option<Arch>,
    /// True where the file is a whole network that can predict.
    pub complete: bool,
    /// Why it can't, in one sentence.
    pub problem: Option<String>,
    pub card: Option<Card>,
}

impl WeightsFile {
    /// Reads `path`, whatever its container; no code in it is run.
    pub fn open(path: &Path) -> Result<Self, NnError> {
        let fail = |reason: String| NnError::Weights { path: path.to_owned(), reason };
        let bytes = budget::read(path, budget::WEIGHTS)
            .map_err(|e| fail(format!("the file cannot be read ({e})")))?;
        let (format, tensors) =
            read_bytes(&bytes, path).map_err(|reason| fail(format!("the file {reason}")))?;
        let tensors = state_dict::modern_names(tensors);
        Ok(Self { path: path.to_owned(), format, tensors, sha256: files::sha256_of(&bytes) })
    }

    /// The architecture, or one sentence that says which ones are known.
    pub fn arch(&self) -> Result<Arch, NnError> {
        state_dict::recognise(&self.tensors).ok_or_else(|| {
            let first = self.tensors.keys().next().map_or("none", String::as_str);
            self.fail(format!(
                "its tensors (the first is {first}) are neither densenet161's nor resnet50's; choose the weights of one of these"
            ))
        })
    }

    /// Checks that the file is a whole network of `arch`, or its backbone.
    pub fn check(&self, arch: Arch, part: Part) -> Result<(), NnError> {
        state_dict::check(&self.tensors, arch, part).map_err(|e| self.fail(e.to_string()))
    }

    /// The card beside the file, or one that says there is none.
    pub fn card(&self, arch: Arch) -> Result<Card, NnError> {
        let Some(card) = read_card(&self.path)? else {
            return Ok(Card {
                name: self.path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned()),
                arch,
                recipe: default_recipe(arch),
                trained: true,
                remarks: vec![],
                training: None,
                description:
                    "no card: origin unknown; the study's window, size and normalisation are assumed"
                        .to_owned(),
            });
        };
        match card.arch == arch {
            true => Ok(card),
            false => Err(NnError::Weights {
                path: card_path(&self.path),
                reason: format!("the card says {} but the weights are {}'s", card.arch.name(), arch.name()),
            }),
        }
    }

    fn fail(&self, reason: String) -> NnError {
        NnError::Weights { path: self.path.clone(), reason }
    }
}

/// The recipe of the branch an architecture serves in the study: T4 for DenseNet161, T11 for ResNet50.
pub fn default_recipe(arch: Arch) -> Recipe {
    match arch {
        Arch::Densenet161 => Recipe::t4(),
        Arch::Resnet50 => Recipe::t11(),
    }
}

/// What a weights file holds, and whether it could predict.
pub fn info(path: &Path) -> Result<Info, NnError> {
    let file = WeightsFile::open(path)?;
    let mut dtypes = BTreeMap::new();
    for tensor in file.tensors.values() {
        *dtypes.entry(tensor.dtype.name()).or_insert(0) += 1;
    }
    let arch = state_dict::recognise(&file.tensors);
    let problem = match arch {
        Some(arch) => state_dict::check(&file.tensors, arch, Part::Whole).err().map(|e| e.to_string()),
        None => Some("its tensors are neither densenet161's nor resnet50's".to_owned()),
    };
    let bytes = std::fs::metadata(path)
        .map(|m| m.len())
        .map_err(|e| file.fail(format!("the file cannot be read ({e})")))?;
    Ok(Info {
        path: path.to_owned(),
        format: file.format,
        bytes,
        sha256: file.sha256,
        tensors: file.tensors.len(),
        values: file.tensors.values().map(|t| t.shape.iter().product::<usize>()).sum(),
        dtypes,
        arch,
        complete: problem.is_none(),
        problem,
        card: read_card(path)?,
    })
}

/// Writes the tensors of `from`, whatever its container, as safetensors; `half` narrows floating-point values to 16 bits.
/// A card beside `from` is copied.
pub fn convert(from: &Path, to: &Path, half: bool) -> Result<(), NnError> {
    let mut file = WeightsFile::open(from)?;
    if half {
        file.tensors = narrowed(&file.tensors);
    }
    save(&file.tensors, to)?;
    if let Some(card) = read_card(from)? {
        write_card(&card, to)?;
    }
    Ok(())
}

/// Kernels and matrices in 16 bits. Vectors (norms, biases) stay as they are unless 16 bits hold every value of them: they
/// are small, and a variance can be beyond what 16 bits hold.
pub fn narrowed(tensors: &StateDict) -> StateDict {
    let narrow = |t: &RawTensor| match t.shape.len() {
        0 | 1 => t.to_half_exactly().unwrap_or_else(|| t.clone()),
        _ => t.to_half(),
    };
    tensors.iter().map(|(name, t)| (name.clone(), narrow(t))).collect()
}

/// Writes tensors as safetensors.
pub fn save(tensors: &StateDict, path: &Path) -> Result<(), NnError> {
    let fail = |reason: String| NnError::Weights { path: path.to_owned(), reason };
    let views: Vec<(&str, Stored<'_>)> = tensors.iter().map(|(name, t)| (name.as_str(), Stored(t))).collect();
    let bytes = safetensors::serialize(views, None)
        .map_err(|e| fail(format!("the tensors cannot be written ({e})")))?;
    files::write_atomic(path, &bytes).map_err(|e| fail(format!("{} failed ({})", e.doing, e.cause)))
}

/// Writes the card beside a weights file.
pub fn write_card(card: &Card, weights: &Path) -> Result<(), NnError> {
    let path = card_path(weights);
    let fail = |reason: String| NnError::Weights { path: path.clone(), reason };
    let text =
        serde_json::to_vec_pretty(card).map_err(|e| fail(format!("the card cannot be written ({e})")))?;
    files::write_atomic(&path, &text).map_err(|e| fail(format!("{} failed ({})", e.doing, e.cause)))
}

/// `NAME.json` beside `NAME.safetensors`.
pub fn card_path(weights: &Path) -> PathBuf {
    weights.with_extension("json")
}

fn read_card(weights: &Path) -> Result<Option<Card>, NnError> {
    let path = card_path(weights);
    if path == weights {
        return Ok(None);
    }
    let fail = |reason: String| NnError::Weights { path: path.clone(), reason };
    match budget::read(&path, budget::DOCUMENT) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(fail(format!("the card cannot be read ({e})"))),
        Ok(bytes) => match bounds::from_json(&bytes) {
            Ok(card) => Ok(Some(card)),
            Err(e) => Err(fail(format!("the file is no card of the weights beside it ({e})"))),
        },
    }
}

fn read_bytes(bytes: &[u8], path: &Path) -> Result<(&'static str, StateDict), String> {
    if bytes.is_empty() {
        return Err("is empty".to_owned());
    }
    // A safetensors header starts with its length and a brace.
    if bytes.get(8) == Some(&b'{') || path.extension().is_some_and(|e| e.eq_ignore_ascii_case("safetensors"))
    {
        return Ok(("safetensors", read_safetensors(bytes)?));
    }
    let checkpoint = pth::read(bytes).map_err(|e| e.to_string())?;
    Ok((checkpoint.format, checkpoint.tensors))
}

fn read_safetensors(bytes: &[u8]) -> Result<StateDict, String> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|e| format!("is no safetensors file or is cut short ({e}); copy or convert it again"))?;
    file.iter().map(|(name, view)| Ok((name.to_owned(), raw(name, &view)?))).collect()
}

fn raw(name: &str, view: &TensorView<'_>) -> Result<RawTensor, String> {
    let dtype = match view.dtype() {
        Dtype::F64 => DType::F64,
        Dtype::F32 => DType::F32,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::Bf16,
        Dtype::I64 => DType::I64,
        Dtype::I32 => DType::I32,
        Dtype::I16 => DType::I16,
        Dtype::I8 => DType::I8,
        Dtype::U8 => DType::U8,
        Dtype::BOOL => DType::Bool,
        other => {
            return Err(format!(
                "holds tensor {name} in the type {other:?}, which is not supported; save it as F32"
            ));
        }
    };
    Ok(RawTensor { dtype, shape: view.shape().to_vec(), bytes: view.data().to_vec() })
}

struct Stored<'a>(&'a RawTensor);

impl safetensors::View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        match self.0.dtype {
            DType::F64 => Dtype::F64,
            DType::F32 => Dtype::F32,
            DType::F16 => Dtype::F16,
            DType::Bf16 => Dtype::BF16,
            DType::I64 => Dtype::I64,
            DType::I32 => Dtype::I32,
            DType::I16 => Dtype::I16,
            DType::I8 => Dtype::I8,
            DType::U8 => Dtype::U8,
            DType::Bool => Dtype::BOOL,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0.bytes)
    }

    fn data_len(&self) -> usize {
        self.0.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use thoracast_files::testing::shared;

    fn open(folder: &Path, name: &str) -> Result<WeightsFile, String> {
        WeightsFile::open(&folder.join(name)).map_err(|e| e.to_string())
    }

    fn message(folder: &Path, name: &str) -> String {
        open(folder, name).err().unwrap_or_else(|| panic!("{name} was read"))
    }

    #[test]
    fn every_container_gives_the_same_tensors() {
        let Some(folder) = shared("reference/networks/pth") else { return };
        let expected = open(&folder, "expected.safetensors").unwrap();
        assert_eq!(expected.tensors.len(), 5);
        for (name, format) in [
            ("zip.pth", "PyTorch zip"),
            ("legacy.pth", "PyTorch legacy"),
            ("checkpoint_dataparallel.pth", "PyTorch zip"),
            ("legacy_old_keys.pth", "PyTorch legacy"),
        ] {
            let file = open(&folder, name).unwrap();
            assert_eq!(file.format, format, "{name}");
            assert_eq!(file.tensors, expected.tensors, "{name}");
        }
        let views = open(&folder, "views.pth").unwrap();
        assert_eq!(views.tensors, open(&folder, "views.safetensors").unwrap().tensors);
    }

    #[test]
    fn half_precision_is_the_rounded_original() {
        let Some(folder) = shared("reference/networks/pth") else { return };
        let half = open(&folder, "half.pth").unwrap().tensors;
        let full = open(&folder, "expected.safetensors").unwrap().tensors;
        assert_eq!(half["features.conv0.weight"].dtype, DType::F16);
        for (name, tensor) in &full {
            assert_eq!(half[name].to_f32(), tensor.to_half().to_f32(), "{name}");
        }
    }

    #[test]
    fn a_cut_file_and_one_that_runs_code_are_refused_by_name() {
        let Some(folder) = shared("reference/networks/pth") else { return };
        let cut = message(&folder, "truncated.pth");
        assert!(cut.contains("truncated.pth") && cut.contains("cut short"), "{cut}");
        let evil = message(&folder, "executes_code.pth");
        assert!(evil.contains("builtins.print") && evil.contains("nothing in it was executed"), "{evil}");
    }

    #[test]
    fn every_truncation_of_every_container_is_an_error() {
        let Some(folder) = shared("reference/networks/pth") else { return };
        for name in ["expected.safetensors", "zip.pth", "legacy.pth", "views.pth"] {
            let bytes = std::fs::read(folder.join(name)).unwrap();
            for length in (0..bytes.len()).step_by(7) {
                assert!(
                    read_bytes(&bytes[..length], Path::new(name)).is_err(),
                    "{name} cut to {length} bytes"
                );
            }
        }
    }

    #[test]
    fn damaged_bytes_never_crash_the_reader() {
        let Some(folder) = shared("reference/networks/pth") else { return };
        for name in ["expected.safetensors", "zip.pth", "legacy.pth", "views.pth", "executes_code.pth"] {
            let good = std::fs::read(folder.join(name)).unwrap();
            for at in 0..good.len() {
                for flip in [0x01, 0x80, 0xff] {
                    let mut bytes = good.clone();
                    bytes[at] ^= flip;
                    // Either reading is allowed; what must not happen is a panic or a huge allocation.
                    if let Ok((_, tensors)) = read_bytes(&bytes, Path::new(name)) {
                        assert_ne!(name, "executes_code.pth", "byte {at}");
                        assert!(
                            tensors.values().map(|t| t.bytes.len()).sum::<usize>() < 1 << 20,
                            "{name} byte {at}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn conversion_keeps_every_bit_and_the_card() {
        let Some(shared) = shared("reference/networks/pth") else { return };
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("model.pth"), folder.path().join("out/model.safetensors"));
        std::fs::copy(shared.join("legacy.pth"), &from).unwrap();
        let card = Card {
            name: "trial".into(),
            arch: Arch::Densenet161,
            recipe: Recipe::t4(),
            trained: true,
            description: "a test".into(),
            remarks: vec![],
            training: None,
        };
        write_card(&card, &from).unwrap();
        convert(&from, &to, false).unwrap();
        let out = WeightsFile::open(&to).unwrap();
        assert_eq!(out.tensors, WeightsFile::open(&from).unwrap().tensors);
        assert_eq!(out.card(Arch::Densenet161).unwrap(), card);
        let wrong = out.card(Arch::Resnet50).unwrap_err().to_string();
        assert!(wrong.contains("model.json") && wrong.contains("densenet161"), "{wrong}");
    }

    #[test]
    fn info_names_what_keeps_a_file_from_predicting() {
        let Some(folder) = shared("reference/networks/pth") else { return };
        let info = info(&folder.join("zip.pth")).unwrap();
        assert_eq!((info.tensors, info.values, info.arch), (5, 61, Some(Arch::Densenet161)));
        assert!(!info.complete && info.problem.unwrap().contains("missing"));
    }
}
