//! PyTorch's own containers: zip (1.6 and later) and the stream of pickles from before.

use std::collections::HashMap;
use std::io::Read;

use super::pickle::{self, Arena, PickleError, Value};
use super::state_dict::{DType, RawTensor, StateDict};

/// Why a `.pth` can't be read; a clause without subject ("is cut short at byte 12").
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    #[error(transparent)]
    Pickle(#[from] PickleError),
    #[error("is a PyTorch zip that is cut short or damaged ({0})")]
    Zip(zip::result::ZipError),
    #[error("is damaged: its part {name} cannot be unpacked ({cause})")]
    Part { name: String, cause: std::io::Error },
    #[error("lacks its part data/{0}")]
    LacksPart(String),
    #[error("{0}")]
    NotACheckpoint(&'static str),
    #[error("{0}")]
    Unsupported(&'static str),
    #[error("{0}")]
    Damaged(&'static str),
    #[error("holds values of the type {0}")]
    ElementType(String),
    #[error("holds {0}, which is no tensor, among its tensors")]
    NoTensor(String),
    #[error("{0} is no size")]
    Size(i64),
    #[error("holds a bad tensor {name}: {cause}")]
    Tensor { name: String, cause: Box<CheckpointError> },
}

/// What a `.pth` held.
pub struct Checkpoint {
    pub tensors: StateDict,
    /// "PyTorch zip" or "PyTorch legacy".
    pub format: &'static str,
}

/// No honest checkpoint of these networks comes near this; a file whose views ask for more is refused before it fills memory.
const MOST_BYTES: usize = 4 << 30;

/// Names under which training scripts put the weights beside the epoch and the optimiser.
const NESTED: [&str; 5] = ["state_dict", "model_state_dict", "model", "net", "weights"];

/// Reads a `.pth` from memory.
pub fn read(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    if bytes.starts_with(b"PK") {
        return Ok(Checkpoint { tensors: read_zip(bytes)?, format: "PyTorch zip" });
    }
    if bytes.first() == Some(&0x80) {
        return Ok(Checkpoint { tensors: read_legacy(bytes)?, format: "PyTorch legacy" });
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return Err(CheckpointError::Unsupported(
            "is a tar checkpoint of PyTorch 0.1; open it with any PyTorch and save it again",
        ));
    }
    Err(CheckpointError::NotACheckpoint("is neither safetensors nor a PyTorch checkpoint"))
}

fn read_zip(bytes: &[u8]) -> Result<StateDict, CheckpointError> {
    let broken = CheckpointError::Zip;
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).map_err(broken)?;
    let main = archive.file_names().flatten().find(|n| n.ends_with("/data.pkl")).map(|n| n.into_owned());
    let main = main
        .ok_or(CheckpointError::NotACheckpoint("is a zip without data.pkl, so not a PyTorch checkpoint"))?;
    let folder = main.trim_end_matches("data.pkl").to_owned();
    let mut entry = |name: &str| -> Result<Option<Vec<u8>>, CheckpointError> {
        let mut content = vec![];
        match archive.by_name(&format!("{folder}{name}")) {
            Err(zip::result::ZipError::FileNotFound) => return Ok(None),
            Err(e) => return Err(broken(e)),
            // A deflated entry can promise any size; the limit keeps a bomb out of memory.
            Ok(file) => file.take(MOST_BYTES as u64).read_to_end(&mut content),
        }
        .map_err(|cause| CheckpointError::Part { name: name.to_owned(), cause })?;
        Ok(Some(content))
    };
    if entry("byteorder")?.is_some_and(|order| order.trim_ascii() != b"little") {
        return Err(CheckpointError::Unsupported(
            "was saved on a big-endian machine, which is not supported",
        ));
    }
    let pickled = entry("data.pkl")?.ok_or(CheckpointError::Damaged("has no data.pkl"))?;
    let mut arena = Arena::default();
    let (root, _) = pickle::read(&pickled, &mut arena)?;
    let mut storages: HashMap<String, Vec<u8>> = HashMap::new();
    for &id in &arena.persistent {
        let key = storage(&arena, id)?.key;
        if !storages.contains_key(key) {
            let data =
                entry(&format!("data/{key}"))?.ok_or_else(|| CheckpointError::LacksPart(key.to_owned()))?;
            storages.insert(key.to_owned(), data);
        }
    }
    collect(&arena, root, &storages)
}

/// Magic number, protocol, system, the object, the storages' keys, the storages.
fn read_legacy(bytes: &[u8]) -> Result<StateDict, CheckpointError> {
    const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
    let mut arena = Arena::default();
    let mut at = 0;
    let mut next = |arena: &mut Arena| -> Result<Value, CheckpointError> {
        let (value, length) = pickle::read(&bytes[at..], arena)?;
        at += length;
        Ok(value)
    };
    match next(&mut arena)? {
        Value::Bytes(i) if arena.bytes[i] == MAGIC => {}
        _ => return Err(CheckpointError::NotACheckpoint("is a pickle but not a PyTorch checkpoint")),
    }
    if next(&mut arena)? != Value::Int(1001) {
        return Err(CheckpointError::Unsupported(
            "has an unknown legacy protocol; open it with PyTorch and save it again",
        ));
    }
    let system = next(&mut arena)?;
    if find(&arena, system, "little_endian") == Some(Value::Bool(false)) {
        return Err(CheckpointError::Unsupported(
            "was saved on a big-endian machine, which is not supported",
        ));
    }
    let root = next(&mut arena)?;
    let keys = next(&mut arena)?;
    let mut sizes: HashMap<&str, usize> = HashMap::new();
    for &id in &arena.persistent {
        let s = storage(&arena, id)?;
        sizes.insert(s.key, s.dtype.size());
    }
    let mut storages = HashMap::new();
    for &key in arena.sequence(keys).ok_or(CheckpointError::Damaged("has no list of storages"))? {
        let key = arena.text(key).ok_or(CheckpointError::Damaged("has a storage without a name"))?;
        let element = *sizes
            .get(key)
            .ok_or(CheckpointError::Damaged("has a storage that no tensor uses; it is damaged"))?;
        let cut = || CheckpointError::Pickle(PickleError::CutAt(bytes.len()));
        let count =
            bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes).ok_or_else(cut)?;
        at += 8;
        let length = usize::try_from(count).ok().and_then(|n| n.checked_mul(element)).ok_or_else(cut)?;
        let data = at.checked_add(length).and_then(|end| bytes.get(at..end)).ok_or_else(cut)?;
        at += length;
        storages.insert(key.to_owned(), data.to_vec());
    }
    collect(&arena, root, &storages)
}

/// What a persistent id says: `('storage', type, key, location, count[, view])`.
struct Storage<'a> {
    key: &'a str,
    dtype: DType,
}

fn storage(arena: &Arena, id: Value) -> Result<Storage<'_>, CheckpointError> {
    let damaged = || CheckpointError::Damaged("refers to something that is no tensor storage; it is damaged");
    let parts = arena.tuple(id).ok_or_else(damaged)?;
    let (&[tag, Value::Global(kind), key], true) = (parts.get(..3).ok_or_else(damaged)?, parts.len() >= 5)
    else {
        return Err(damaged());
    };
    if arena.text(tag) != Some("storage") {
        return Err(damaged());
    }
    if parts.get(5).is_some_and(|view| *view != Value::None) {
        return Err(CheckpointError::Unsupported(
            "holds a storage that views another, a form from before PyTorch 0.4; save it again",
        ));
    }
    let dtype = match arena.globals[kind].as_str() {
        "torch FloatStorage" => DType::F32,
        "torch DoubleStorage" => DType::F64,
        "torch HalfStorage" => DType::F16,
        "torch BFloat16Storage" => DType::Bf16,
        "torch LongStorage" => DType::I64,
        "torch IntStorage" => DType::I32,
        "torch ShortStorage" => DType::I16,
        "torch CharStorage" => DType::I8,
        "torch ByteStorage" => DType::U8,
        "torch BoolStorage" => DType::Bool,
        other => return Err(CheckpointError::ElementType(other.replace(' ', "."))),
    };
    Ok(Storage { key: arena.text(key).ok_or_else(damaged)?, dtype })
}

fn find(arena: &Arena, dict: Value, name: &str) -> Option<Value> {
    arena.dict(dict)?.iter().find(|(k, _)| arena.text(*k) == Some(name)).map(|(_, v)| *v)
}

/// The tensors of the dictionary itself or of the one nested in a training checkpoint.
fn collect(
    arena: &Arena,
    root: Value,
    storages: &HashMap<String, Vec<u8>>,
) -> Result<StateDict, CheckpointError> {
    let has_tensors =
        |d: Value| arena.dict(d).is_some_and(|pairs| pairs.iter().any(|(_, v)| matches!(v, Value::Call(_))));
    let nested = NESTED.iter().filter_map(|name| find(arena, root, name)).find(|v| has_tensors(*v));
    let dict = match (has_tensors(root), nested) {
        (true, _) => root,
        (false, Some(inner)) => inner,
        (false, None) => {
            return Err(CheckpointError::NotACheckpoint(
                "holds no dictionary of tensors; save model.state_dict()",
            ));
        }
    };
    let mut tensors = StateDict::new();
    let mut total = 0usize;
    for &(key, value) in arena.dict(dict).unwrap_or_default() {
        let name = arena.text(key).ok_or(CheckpointError::Damaged("holds a tensor without a name"))?;
        let Value::Call(_) = value else {
            return Err(CheckpointError::NoTensor(name.to_owned()));
        };
        let tensor = rebuild(arena, value, storages, &mut total)
            .map_err(|cause| CheckpointError::Tensor { name: name.to_owned(), cause: Box::new(cause) })?;
        tensors.insert(name.to_owned(), tensor);
    }
    Ok(tensors)
}

/// `_rebuild_tensor_v2(storage, offset, shape, strides, …)`, or a Parameter around one.
fn rebuild(
    arena: &Arena,
    value: Value,
    storages: &HashMap<String, Vec<u8>>,
    total: &mut usize,
) -> Result<RawTensor, CheckpointError> {
    let damaged = || CheckpointError::Damaged("its description is damaged");
    let Value::Call(number) = value else { return Err(damaged()) };
    let call = arena.calls[number];
    let arguments = arena.tuple(call.arguments).ok_or_else(damaged)?;
    let inner = match arena.globals[call.global].as_str() {
        "torch._utils _rebuild_parameter" => match arguments.first() {
            // A Parameter holds a tensor, never another Parameter; not following more keeps a cycle out.
            Some(&Value::Call(inner)) => {
                let inner = arena.calls[inner];
                if arena.globals[inner.global].starts_with("torch._utils _rebuild_tensor") {
                    arena.tuple(inner.arguments).ok_or_else(damaged)?
                } else {
                    return Err(damaged());
                }
            }
            _ => return Err(damaged()),
        },
        "torch._utils _rebuild_tensor" | "torch._utils _rebuild_tensor_v2" => arguments,
        _ => return Err(CheckpointError::Damaged("it is no tensor")),
    };
    let &[Value::Persistent(id), offset, shape, strides] = inner.get(..4).ok_or_else(damaged)? else {
        return Err(damaged());
    };
    let source = storage(arena, arena.persistent[id])?;
    let data = storages.get(source.key).ok_or(CheckpointError::Damaged("its data are missing"))?;
    let view = View {
        offset: count(offset)?,
        shape: arena
            .sequence(shape)
            .ok_or_else(damaged)?
            .iter()
            .map(|v| count(*v))
            .collect::<Result<_, _>>()?,
        strides: arena
            .sequence(strides)
            .ok_or_else(damaged)?
            .iter()
            .map(|v| count(*v))
            .collect::<Result<_, _>>()?,
    };
    let bytes = view.gather(data, source.dtype.size(), total)?;
    Ok(RawTensor { dtype: source.dtype, shape: view.shape, bytes })
}

fn count(value: Value) -> Result<usize, CheckpointError> {
    match value {
        Value::Int(n) => usize::try_from(n).map_err(|_| CheckpointError::Size(n)),
        _ => Err(CheckpointError::Damaged("a size is no whole number")),
    }
}

/// A strided window on a storage, in elements.
struct View {
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

impl View {
    /// The view's elements in row-major order.
    fn gather(&self, data: &[u8], size: usize, total: &mut usize) -> Result<Vec<u8>, CheckpointError> {
        if self.shape.len() != self.strides.len() || self.shape.len() > 8 {
            return Err(CheckpointError::Damaged("its shape and strides do not fit each other"));
        }
        let count = self.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        let bytes = count.and_then(|n| n.checked_mul(size)).and_then(|n| n.checked_add(*total));
        let bytes = bytes
            .filter(|&n| n <= MOST_BYTES)
            .ok_or(CheckpointError::Damaged("it is larger than any network's"))?;
        let count = (bytes - *total) / size;
        *total = bytes;
        if count == 0 {
            return Ok(vec![]);
        }
        let reach = self.shape.iter().zip(&self.strides).try_fold(self.offset, |end, (&d, &s)| {
            (d - 1).checked_mul(s).and_then(|step| end.checked_add(step))
        });
        if reach.and_then(|last| last.checked_add(1)?.checked_mul(size)).is_none_or(|end| end > data.len()) {
            return Err(CheckpointError::Damaged("its data are cut short"));
        }
        let mut out = Vec::with_capacity(count * size);
        let mut index = vec![0; self.shape.len()];
        for _ in 0..count {
            let at = self.offset + index.iter().zip(&self.strides).map(|(i, s)| i * s).sum::<usize>();
            out.extend_from_slice(&data[at * size..(at + 1) * size]);
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                if index[axis] < self.shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        Ok(out)
    }
}
