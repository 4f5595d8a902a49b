//! Named tensors as a weights file holds them, free of any tensor library.

use std::collections::BTreeMap;

use half::{bf16, f16};

use super::Arch;
use super::keys::{self, Key, Role};

/// Element types met in weights files; the names are those of safetensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DType {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
}

impl DType {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            DType::F64 | DType::I64 => 8,
            DType::F32 | DType::I32 => 4,
            DType::F16 | DType::Bf16 | DType::I16 => 2,
            DType::I8 | DType::U8 | DType::Bool => 1,
        }
    }

    /// Upper-case name as safetensors writes it.
    pub fn name(self) -> &'static str {
        match self {
            DType::F64 => "F64",
            DType::F32 => "F32",
            DType::F16 => "F16",
            DType::Bf16 => "BF16",
            DType::I64 => "I64",
            DType::I32 => "I32",
            DType::I16 => "I16",
            DType::I8 => "I8",
            DType::U8 => "U8",
            DType::Bool => "BOOL",
        }
    }

    /// True for floating-point types.
    pub fn is_float(self) -> bool {
        matches!(self, DType::F64 | DType::F32 | DType::F16 | DType::Bf16)
    }
}

/// One tensor: little-endian bytes, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct RawTensor {
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

impl RawTensor {
    /// A 32-bit tensor; `values` has as many numbers as `shape` asks for.
    pub fn from_f32(shape: Vec<usize>, values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self { dtype: DType::F32, shape, bytes }
    }

    /// The values as 32-bit floats, whatever the stored type.
    pub fn to_f32(&self) -> Vec<f32> {
        let b = &self.bytes;
        match self.dtype {
            DType::F64 => map::<8>(b, |x| f64::from_le_bytes(x) as f32),
            DType::F32 => map::<4>(b, f32::from_le_bytes),
            DType::F16 => map::<2>(b, |x| f16::from_le_bytes(x).to_f32()),
            DType::Bf16 => map::<2>(b, |x| bf16::from_le_bytes(x).to_f32()),
            DType::I64 => map::<8>(b, |x| i64::from_le_bytes(x) as f32),
            DType::I32 => map::<4>(b, |x| i32::from_le_bytes(x) as f32),
            DType::I16 => map::<2>(b, |x| f32::from(i16::from_le_bytes(x))),
            DType::I8 => map::<1>(b, |[x]| f32::from(x as i8)),
            DType::U8 | DType::Bool => map::<1>(b, |[x]| f32::from(x)),
        }
    }

    /// How many values are NaN or infinite.
    pub fn not_finite(&self) -> usize {
        match self.dtype.is_float() {
            true => self.to_f32().iter().filter(|v| !v.is_finite()).count(),
            false => 0,
        }
    }

    /// The tensor in half precision, if it is a floating-point one.
    pub fn to_half(&self) -> Self {
        if !self.dtype.is_float() {
            return self.clone();
        }
        let bytes = self.to_f32().into_iter().flat_map(|v| f16::from_f32(v).to_le_bytes()).collect();
        Self { dtype: DType::F16, shape: self.shape.clone(), bytes }
    }

    /// The tensor in half precision where no value changes by it.
    pub fn to_half_exactly(&self) -> Option<Self> {
        let half = self.to_half();
        (half.to_f32() == self.to_f32()).then_some(half)
    }
}

fn map<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| value(*chunk)).collect()
}

/// A network's tensors by name.
pub type StateDict = BTreeMap<String, RawTensor>;

/// How much of a network a file must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Backbone and the study's head.
    Whole,
    /// The backbone; whatever head there is, is left out (ImageNet weights as a start for training).
    Backbone,
}

/// Brings names to torchvision's present spelling: drops DataParallel's `module.` and turns the 2017 DenseNet
/// files' `norm.1` into `norm1`.
pub fn modern_names(dict: StateDict) -> StateDict {
    let wrapped = !dict.is_empty() && dict.keys().all(|k| k.starts_with("module."));
    dict.into_iter()
        .map(|(name, tensor)| {
            let name = if wrapped { name["module.".len()..].to_owned() } else { name };
            (modern_name(name), tensor)
        })
        .collect()
}

fn modern_name(name: String) -> String {
    if !name.contains(".denselayer") {
        return name;
    }
    let mut name = name;
    for part in ["norm", "conv", "relu"] {
        for number in ["1", "2"] {
            name = name.replace(&format!(".{part}.{number}."), &format!(".{part}{number}."));
        }
    }
    name
}

/// The architecture the names belong to, if they belong to one of the study's.
pub fn recognise(dict: &StateDict) -> Option<Arch> {
    let starts = |prefix: &str| dict.keys().any(|k| k.starts_with(prefix));
    match (starts("features.denseblock"), starts("layer1.0.conv")) {
        (true, false) => Some(Arch::Densenet161),
        (false, true) => Some(Arch::Resnet50),
        _ => None,
    }
}

/// What keeps a file from being the weights of an architecture; one sentence that names the first offending tensors and
/// what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MismatchError {
    #[error(
        "the study's head ({prefix}.0, {prefix}.3) is missing: {}, so the file can serve only as a start for training \
         (--init), not for a prediction",
        found_head(*classes)
    )]
    NoStudyHead { prefix: &'static str, classes: Option<usize> },
    #[error(
        "{} of {}'s tensors are missing: {}; export the whole model.state_dict()",
        names.len(), arch.name(), some_of(names)
    )]
    Missing { arch: Arch, names: Vec<String> },
    #[error(
        "{} tensors do not belong to {} with the study's head: {}; the file is of another model",
        names.len(), arch.name(), some_of(names)
    )]
    LeftOver { arch: Arch, names: Vec<String> },
    #[error(
        "tensor {name} has the shape {found:?} but {} has {wanted:?} there; the file is of another model",
        arch.name()
    )]
    Shape { name: String, arch: Arch, found: Vec<usize>, wanted: Vec<usize> },
    #[error(
        "tensor {name} holds {count} values that are not finite numbers (NaN or infinity); the training that made the \
         file diverged or the file is damaged"
    )]
    NotFinite { name: String, count: usize },
    #[error("tensor {name} holds a negative variance; the file is damaged")]
    NegativeVariance { name: String },
}

fn found_head(classes: Option<usize>) -> String {
    match classes {
        Some(n) => format!("it ends in a head of {n} classes"),
        None => "it has no head".to_owned(),
    }
}

/// Checks names, shapes and values of a file against an architecture; the error is one sentence that names the first
/// offending tensors and what to do.
pub fn check(dict: &StateDict, arch: Arch, part: Part) -> Result<(), MismatchError> {
    if part == Part::Whole {
        check_head_is_there(dict, arch)?;
    }
    let mut wanted = match part {
        Part::Whole => keys::expected(arch),
        Part::Backbone => keys::backbone(arch),
    };
    // Further heads of an ensemble must be as whole as the first.
    for number in 1..super::head::count(dict, arch) {
        let prefix = super::head::ensemble_prefix(number);
        wanted.extend(
            keys::head(arch).into_iter().map(|key| Key { name: format!("{prefix}.{}", key.name), ..key }),
        );
    }
    check_missing(dict, arch, &wanted)?;
    check_left_over(dict, arch, &wanted, part)?;
    check_shapes(dict, arch, &wanted)?;
    check_values(dict, &wanted)
}

fn check_head_is_there(dict: &StateDict, arch: Arch) -> Result<(), MismatchError> {
    let prefix = arch.head_prefix();
    let has_study_head = keys::head(arch).iter().any(|k| dict.contains_key(&k.name));
    if has_study_head || dict.is_empty() {
        return Ok(());
    }
    let classes = dict.get(&format!("{prefix}.weight")).and_then(|w| w.shape.first().copied());
    Err(MismatchError::NoStudyHead { prefix, classes })
}

fn check_missing(dict: &StateDict, arch: Arch, wanted: &[Key]) -> Result<(), MismatchError> {
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|k| k.role != Role::BatchCount && !dict.contains_key(&k.name))
        .map(|k| k.name.as_str())
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(MismatchError::Missing { arch, names: owned(&missing) }),
    }
}

fn check_left_over(dict: &StateDict, arch: Arch, wanted: &[Key], part: Part) -> Result<(), MismatchError> {
    let known: std::collections::BTreeSet<&str> = wanted.iter().map(|k| k.name.as_str()).collect();
    let head = format!("{}.", arch.head_prefix());
    let left: Vec<&str> = dict
        .keys()
        .map(String::as_str)
        .filter(|k| !known.contains(k) && !super::familiarity::NAMES.contains(k))
        .filter(|k| part == Part::Whole || !k.starts_with(&head))
        .collect();
    match left.is_empty() {
        true => Ok(()),
        false => Err(MismatchError::LeftOver { arch, names: owned(&left) }),
    }
}

fn check_shapes(dict: &StateDict, arch: Arch, wanted: &[Key]) -> Result<(), MismatchError> {
    for key in wanted {
        let Some(tensor) = dict.get(&key.name) else { continue };
        // Old files store the counter as one element, new ones as a scalar.
        if key.role == Role::BatchCount && tensor.shape.iter().product::<usize>() == 1 {
            continue;
        }
        if tensor.shape != key.shape {
            let (found, wanted) = (tensor.shape.clone(), key.shape.clone());
            return Err(MismatchError::Shape { name: key.name.clone(), arch, found, wanted });
        }
    }
    Ok(())
}

fn check_values(dict: &StateDict, wanted: &[Key]) -> Result<(), MismatchError> {
    for key in wanted {
        let Some(tensor) = dict.get(&key.name) else { continue };
        let values = tensor.to_f32();
        let bad = values.iter().filter(|v| !v.is_finite()).count();
        if bad > 0 {
            return Err(MismatchError::NotFinite { name: key.name.clone(), count: bad });
        }
        if key.role == Role::RunningVariance && values.iter().any(|&v| v < 0.0) {
            return Err(MismatchError::NegativeVariance { name: key.name.clone() });
        }
    }
    Ok(())
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn some_of(names: &[String]) -> String {
    let shown = names[..names.len().min(3)].join(", ");
    match names.len() {
        0..=3 => shown,
        n => format!("{shown} and {} more", n - 3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern;

    #[test]
    fn a_whole_dictionary_passes_and_each_fault_is_named() {
        let good = pattern::state_dict(Arch::Resnet50, 1);
        assert_eq!(recognise(&good), Some(Arch::Resnet50));
        check(&good, Arch::Resnet50, Part::Whole).unwrap();

        let fault = |change: &dyn Fn(&mut StateDict)| {
            let mut dict = good.clone();
            change(&mut dict);
            check(&dict, Arch::Resnet50, Part::Whole).unwrap_err().to_string()
        };
        let missing = fault(&|d| drop(d.remove("layer4.2.conv3.weight")));
        assert!(missing.contains("layer4.2.conv3.weight") && missing.contains("missing"), "{missing}");
        let extra = fault(&|d| drop(d.insert("aux.weight".into(), RawTensor::from_f32(vec![1], &[0.0]))));
        assert!(extra.contains("aux.weight") && extra.contains("do not belong"), "{extra}");
        let shape = fault(&|d| d.get_mut("bn1.bias").unwrap().shape = vec![8, 8]);
        assert!(shape.contains("bn1.bias") && shape.contains("[8, 8]") && shape.contains("[64]"), "{shape}");
        let nan = fault(&|d| {
            d.get_mut("fc.3.bias").unwrap().bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        });
        assert!(nan.contains("fc.3.bias") && nan.contains("1 values"), "{nan}");
    }

    #[test]
    fn an_imagenet_file_is_no_trained_model_but_serves_as_a_start() {
        let mut dict = pattern::state_dict(Arch::Resnet50, 1);
        dict.retain(|name, _| !name.starts_with("fc."));
        dict.insert("fc.weight".into(), RawTensor::from_f32(vec![1000, 2048], &vec![0.0; 2_048_000]));
        dict.insert("fc.bias".into(), RawTensor::from_f32(vec![1000], &vec![0.0; 1000]));
        let message = check(&dict, Arch::Resnet50, Part::Whole).unwrap_err().to_string();
        assert!(message.contains("1000 classes") && message.contains("--init"), "{message}");
        check(&dict, Arch::Resnet50, Part::Backbone).unwrap();
    }

    #[test]
    fn half_precision_and_integers_widen() {
        let half = RawTensor { dtype: DType::F16, shape: vec![2], bytes: vec![0x00, 0x3C, 0x00, 0xC0] };
        assert_eq!(half.to_f32(), [1.0, -2.0]);
        let long = RawTensor { dtype: DType::I64, shape: vec![], bytes: 7i64.to_le_bytes().to_vec() };
        assert_eq!(long.to_f32(), [7.0]);
        assert_eq!(long.to_half(), long);
    }
}
