//! A reader of Python pickles that can only build data: no name in the file is ever looked up or called.
//!
//! Values live in an arena and refer to each other by number, so neither a cycle nor a deep nest in a hostile file can
//! exhaust the stack, and every length is checked against the bytes that are there.

use std::collections::HashMap;

/// Why a pickle can't be read; a clause without subject ("is cut short at byte 12").
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PickleError {
    #[error("is cut short at byte {0}")]
    CutAt(usize),
    #[error("is cut short")]
    Cut,
    #[error("is cut short inside a name")]
    CutInName,
    #[error("takes a value from an empty stack; it is damaged")]
    EmptyStack,
    #[error("holds the unknown pickle instruction 0x{0:02x}; it is damaged")]
    UnknownInstruction(u8),
    #[error("holds text that is not UTF-8")]
    NotUtf8,
    #[error("holds an unreadable memo number")]
    MemoNumber,
    /// What the file does that no whole file does.
    #[error("{0}; it is damaged")]
    Damaged(&'static str),
    #[error(
        "asks to build a Python object, which would run code: it was refused and nothing in it was executed; save \
         model.state_dict() instead"
    )]
    PythonObject,
    #[error(
        "holds a whole pickled model ({0}), which only running its code could rebuild: it was refused and nothing in it \
         was executed; save model.state_dict() instead"
    )]
    WholeModel(String),
    #[error(
        "wants to run {0}: it was refused and nothing in it was executed; save model.state_dict() instead"
    )]
    RunsCode(String),
}

impl PickleError {
    /// Of a name ("module name") that is not among the harmless ones.
    fn refused(name: &str) -> Self {
        let dotted = name.replace(' ', ".");
        match name.starts_with("torch.nn") || name.starts_with("torchvision") {
            true => Self::WholeModel(dotted),
            false => Self::RunsCode(dotted),
        }
    }
}

/// A value; containers are numbers into the [`Arena`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(usize),
    /// An integer of more than 64 bits, or bytes.
    Bytes(usize),
    Tuple(usize),
    List(usize),
    Dict(usize),
    /// A name the file mentions, never resolved.
    Global(usize),
    /// What `global(arguments)` would give, never called: number of a [`Call`].
    Call(usize),
    /// A persistent id: the number of the value that identifies it.
    Persistent(usize),
}

/// A construction the file asks for, kept as data.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub global: usize,
    pub arguments: Value,
}

/// Everything a pickle built.
#[derive(Debug, Default)]
pub struct Arena {
    pub texts: Vec<String>,
    pub bytes: Vec<Vec<u8>>,
    pub tuples: Vec<Vec<Value>>,
    pub lists: Vec<Vec<Value>>,
    pub dicts: Vec<Vec<(Value, Value)>>,
    /// "module name"
    pub globals: Vec<String>,
    pub calls: Vec<Call>,
    pub persistent: Vec<Value>,
}

impl Arena {
    /// The text a value is, if it is one.
    pub fn text(&self, value: Value) -> Option<&str> {
        match value {
            Value::Text(i) => Some(&self.texts[i]),
            _ => None,
        }
    }

    /// The elements of a tuple.
    pub fn tuple(&self, value: Value) -> Option<&[Value]> {
        match value {
            Value::Tuple(i) => Some(&self.tuples[i]),
            _ => None,
        }
    }

    /// The elements of a list or tuple.
    pub fn sequence(&self, value: Value) -> Option<&[Value]> {
        match value {
            Value::List(i) => Some(&self.lists[i]),
            other => self.tuple(other),
        }
    }

    /// The pairs of a dictionary.
    pub fn dict(&self, value: Value) -> Option<&[(Value, Value)]> {
        match value {
            Value::Dict(i) => Some(&self.dicts[i]),
            _ => None,
        }
    }
}

/// Constructions that are data, not code: the only names a pickle may call on.
const HARMLESS: [&str; 8] = [
    "collections OrderedDict",
    "torch._utils _rebuild_tensor",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    "torch Size",
    "torch device",
    "_codecs encode",
    "torch.serialization _get_layout",
];

/// Names that are types of tensors, legal to mention but not to call.
fn is_type_name(global: &str) -> bool {
    matches!(
        global,
        "torch FloatStorage"
            | "torch DoubleStorage"
            | "torch HalfStorage"
            | "torch BFloat16Storage"
            | "torch LongStorage"
            | "torch IntStorage"
            | "torch ShortStorage"
            | "torch CharStorage"
            | "torch ByteStorage"
            | "torch BoolStorage"
    )
}

/// Reads one pickle from the front of `bytes`: its value, and how many bytes it took.
///
/// # Errors
/// A pickle that is cut short or damaged, or asks for more than data.
pub fn read(bytes: &[u8], arena: &mut Arena) -> Result<(Value, usize), PickleError> {
    let mut machine = Machine { bytes, at: 0, stack: vec![], marks: vec![], memo: HashMap::new(), arena };
    let value = machine.run()?;
    Ok((value, machine.at))
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: HashMap<u64, Value>,
    arena: &'a mut Arena,
}

impl Machine<'_> {
    fn run(&mut self) -> Result<Value, PickleError> {
        loop {
            let op = self.take(1)?[0];
            if op == b'.' {
                return self.pop();
            }
            self.step(op)?;
        }
    }

    fn step(&mut self, op: u8) -> Result<(), PickleError> {
        match op {
            0x80 => drop(self.take(1)?),                 // PROTO
            0x95 => drop(self.take(8)?),                 // FRAME
            b'(' => self.marks.push(self.stack.len()),   // MARK
            b'0' => drop(self.pop()?),                   // POP
            b'1' => drop(self.pop_mark()?),              // POP_MARK
            b'2' => self.stack.push(self.top()?),        // DUP
            b'N' => self.stack.push(Value::None),        // NONE
            0x88 => self.stack.push(Value::Bool(true)),  // NEWTRUE
            0x89 => self.stack.push(Value::Bool(false)), // NEWFALSE
            b'J' | b'K' | b'M' | 0x8a | 0x8b | b'G' => self.number(op)?,
            b'X' | 0x8c | 0x8d | b'U' | b'T' | b'B' | b'C' | 0x8e => self.string(op)?,
            b']' | b'l' | b'}' | b'd' | b')' | b't' | 0x85..=0x87 => self.container(op)?,
            b'a' | b'e' | b's' | b'u' => self.fill(op)?,
            b'q' | b'r' | b'h' | b'j' | b'p' | b'g' | 0x94 => self.memory(op)?,
            b'c' | 0x93 => self.global(op)?,
            b'R' | 0x81 => self.call()?, // REDUCE, NEWOBJ
            b'b' => self.build()?,
            b'Q' => {
                let id = self.pop()?;
                self.arena.persistent.push(id);
                self.stack.push(Value::Persistent(self.arena.persistent.len() - 1));
            }
            b'i' | b'o' | 0x92 | 0x82..=0x84 => {
                return Err(PickleError::PythonObject);
            }
            other => {
                return Err(PickleError::UnknownInstruction(other));
            }
        }
        Ok(())
    }

    fn number(&mut self, op: u8) -> Result<(), PickleError> {
        let value = match op {
            b'J' => Value::Int(i64::from(i32::from_le_bytes(self.array()?))),
            b'K' => Value::Int(i64::from(self.take(1)?[0])),
            b'M' => Value::Int(i64::from(u16::from_le_bytes(self.array()?))),
            b'G' => Value::Float(f64::from_be_bytes(self.array()?)),
            _ => {
                let length = match op {
                    0x8a => usize::from(self.take(1)?[0]),
                    _ => self.length::<4>()?,
                };
                let digits = self.take(length)?.to_vec();
                self.long(digits)
            }
        };
        self.stack.push(value);
        Ok(())
    }

    /// A little-endian two's complement integer of any length.
    fn long(&mut self, digits: Vec<u8>) -> Value {
        if digits.len() > 8 {
            self.arena.bytes.push(digits);
            return Value::Bytes(self.arena.bytes.len() - 1);
        }
        let negative = digits.last().is_some_and(|d| d & 0x80 != 0);
        let mut wide = [if negative { 0xff } else { 0 }; 8];
        wide[..digits.len()].copy_from_slice(&digits);
        Value::Int(i64::from_le_bytes(wide))
    }

    fn string(&mut self, op: u8) -> Result<(), PickleError> {
        let length = match op {
            0x8c | b'U' | b'C' => usize::from(self.take(1)?[0]),
            b'X' | b'T' | b'B' => self.length::<4>()?,
            _ => self.length::<8>()?,
        };
        let content = self.take(length)?.to_vec();
        let is_bytes = matches!(op, b'B' | b'C' | 0x8e);
        let value = match is_bytes {
            true => {
                self.arena.bytes.push(content);
                Value::Bytes(self.arena.bytes.len() - 1)
            }
            false => {
                // Python 2 strings (U, T) are bytes; every name in a state_dict is ASCII.
                let text = String::from_utf8(content).map_err(|_| PickleError::NotUtf8)?;
                self.arena.texts.push(text);
                Value::Text(self.arena.texts.len() - 1)
            }
        };
        self.stack.push(value);
        Ok(())
    }

    fn container(&mut self, op: u8) -> Result<(), PickleError> {
        let items = match op {
            b']' | b'}' | b')' => vec![],
            b'l' | b'd' | b't' => self.pop_mark()?,
            _ => {
                let count = usize::from(op - 0x84);
                let from = self.stack.len().checked_sub(count).ok_or(PickleError::EmptyStack)?;
                self.stack.split_off(from)
            }
        };
        let value = match op {
            b']' | b'l' => {
                self.arena.lists.push(items);
                Value::List(self.arena.lists.len() - 1)
            }
            b'}' | b'd' => {
                let pairs = items.as_chunks::<2>().0.iter().map(|[k, v]| (*k, *v)).collect();
                self.new_dict(pairs)
            }
            _ => {
                self.arena.tuples.push(items);
                Value::Tuple(self.arena.tuples.len() - 1)
            }
        };
        self.stack.push(value);
        Ok(())
    }

    fn new_dict(&mut self, pairs: Vec<(Value, Value)>) -> Value {
        self.arena.dicts.push(pairs);
        Value::Dict(self.arena.dicts.len() - 1)
    }

    /// APPEND, APPENDS, SETITEM, SETITEMS.
    fn fill(&mut self, op: u8) -> Result<(), PickleError> {
        let items = match op {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.pop_mark()?,
        };
        match (self.top()?, op) {
            (Value::List(i), b'a' | b'e') => self.arena.lists[i].extend(items),
            (Value::Dict(i), b's' | b'u') => {
                self.arena.dicts[i].extend(items.as_chunks::<2>().0.iter().map(|[k, v]| (*k, *v)));
            }
            _ => return Err(PickleError::Damaged("fills something that is no list or dictionary")),
        }
        Ok(())
    }

    /// PUT and GET in their spellings.
    fn memory(&mut self, op: u8) -> Result<(), PickleError> {
        let slot = match op {
            b'q' | b'h' => u64::from(self.take(1)?[0]),
            b'r' | b'j' => u64::from(u32::from_le_bytes(self.array()?)),
            0x94 => self.memo.len() as u64,
            _ => self.line()?.parse().map_err(|_| PickleError::MemoNumber)?,
        };
        match op {
            b'h' | b'j' | b'g' => {
                let value = *self
                    .memo
                    .get(&slot)
                    .ok_or(PickleError::Damaged("refers to a value that was never stored"))?;
                self.stack.push(value);
            }
            _ => {
                let value = self.top()?;
                self.memo.insert(slot, value);
            }
        }
        Ok(())
    }

    /// GLOBAL, STACK_GLOBAL: the name is noted, not looked up.
    fn global(&mut self, op: u8) -> Result<(), PickleError> {
        let name = match op {
            b'c' => format!("{} {}", self.line()?, self.line()?),
            _ => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (self.arena.text(module), self.arena.text(name)) {
                    (Some(module), Some(name)) => format!("{module} {name}"),
                    _ => return Err(PickleError::Damaged("names something without a name")),
                }
            }
        };
        if !HARMLESS.contains(&name.as_str()) && !is_type_name(&name) {
            return Err(PickleError::refused(&name));
        }
        self.arena.globals.push(name);
        self.stack.push(Value::Global(self.arena.globals.len() - 1));
        Ok(())
    }

    fn call(&mut self) -> Result<(), PickleError> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let Value::Global(global) = callee else {
            return Err(PickleError::Damaged("calls something that is no name"));
        };
        let name = self.arena.globals[global].clone();
        let value = match (name.as_str(), self.arena.tuple(arguments)) {
            ("collections OrderedDict", Some([])) => self.new_dict(vec![]),
            ("collections OrderedDict", Some(&[pairs])) => self.dict_of_pairs(pairs)?,
            (name, Some(_)) if HARMLESS.contains(&name) => {
                self.arena.calls.push(Call { global, arguments });
                Value::Call(self.arena.calls.len() - 1)
            }
            (name, _) => return Err(PickleError::refused(name)),
        };
        self.stack.push(value);
        Ok(())
    }

    /// `OrderedDict([[key, value], …])`, as Python 2 pickled it.
    fn dict_of_pairs(&mut self, pairs: Value) -> Result<Value, PickleError> {
        let damaged = || PickleError::Damaged("holds an OrderedDict that is no list of pairs");
        let mut list = vec![];
        for &pair in self.arena.sequence(pairs).ok_or_else(damaged)? {
            match self.arena.sequence(pair) {
                Some(&[key, value]) => list.push((key, value)),
                _ => return Err(damaged()),
            }
        }
        Ok(self.new_dict(list))
    }

    /// BUILD: the attributes of a state_dict's OrderedDict (`_metadata`) carry no tensors and are dropped.
    fn build(&mut self) -> Result<(), PickleError> {
        self.pop()?;
        match self.top()? {
            Value::Dict(_) | Value::Call(_) => Ok(()),
            _ => Err(PickleError::Damaged("sets the state of something that is no dictionary")),
        }
    }

    fn take(&mut self, count: usize) -> Result<&[u8], PickleError> {
        let end = self.at.checked_add(count).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or(PickleError::CutAt(self.bytes.len()))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        self.take(N)?.try_into().map_err(|_| PickleError::EmptyStack)
    }

    fn length<const N: usize>(&mut self) -> Result<usize, PickleError> {
        let bytes = self.array::<N>()?;
        let mut wide = [0; 8];
        wide[..N].copy_from_slice(&bytes);
        usize::try_from(u64::from_le_bytes(wide)).map_err(|_| PickleError::Cut)
    }

    fn line(&mut self) -> Result<String, PickleError> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&b| b == b'\n').ok_or(PickleError::CutInName)?;
        let text = String::from_utf8_lossy(&rest[..end]).into_owned();
        self.at += end + 1;
        Ok(text)
    }

    fn top(&self) -> Result<Value, PickleError> {
        self.stack.last().copied().ok_or(PickleError::EmptyStack)
    }

    fn pop(&mut self) -> Result<Value, PickleError> {
        self.stack.pop().ok_or(PickleError::EmptyStack)
    }

    fn pop_mark(&mut self) -> Result<Vec<Value>, PickleError> {
        let from = self.marks.pop().filter(|&m| m <= self.stack.len()).ok_or(PickleError::EmptyStack)?;
        Ok(self.stack.split_off(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(bytes: &[u8]) -> Result<(Value, Arena), String> {
        let mut arena = Arena::default();
        let (value, _) = read(bytes, &mut arena).map_err(|e| e.to_string())?;
        Ok((value, arena))
    }

    #[test]
    fn a_plain_dictionary_is_read() {
        // pickle.dumps({"a": [1, -2, 3.5], "b": (True, None)}, protocol=2)
        let bytes = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xffG@\x0c\x00\x00\x00\x00\x00\x00eX\x01\x00\x00\x00bq\x03\x88N\x86q\x04u.";
        let (value, arena) = read_all(bytes).unwrap();
        let pairs = arena.dict(value).unwrap();
        assert_eq!(arena.text(pairs[0].0), Some("a"));
        assert_eq!(arena.sequence(pairs[0].1).unwrap(), [Value::Int(1), Value::Int(-2), Value::Float(3.5)]);
        assert_eq!(arena.sequence(pairs[1].1).unwrap(), [Value::Bool(true), Value::None]);
    }

    #[test]
    fn nothing_is_called() {
        // os.system("true") in protocols 0/2 and 4, and a whole model.
        let old = read_all(b"cos\nsystem\n(X\x04\x00\x00\x00truetR.").unwrap_err();
        assert!(old.contains("os.system") && old.contains("refused"), "{old}");
        let new = read_all(b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.").unwrap_err();
        assert!(new.contains("os.system"), "{new}");
        let model = read_all(b"\x80\x02ctorchvision.models.resnet\nResNet\n)\x81.").unwrap_err();
        assert!(model.contains("whole pickled model"), "{model}");
    }

    #[test]
    fn hostile_pickles_end_in_an_error_or_a_value_not_in_a_crash() {
        let deep: Vec<u8> =
            std::iter::once(b'N').chain(std::iter::repeat_n(0x85, 2_000_000)).chain([b'.']).collect();
        read_all(&deep).unwrap();
        for bytes in [
            &b"."[..],
            b"u.",
            b"R.",
            b"X\xff\xff\xff\xffa.",
            b"h\x07.",
            b"(t0t.",
            b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.",
        ] {
            assert!(read_all(bytes).is_err(), "{bytes:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = read_all(&bytes);
        }
    }
}
