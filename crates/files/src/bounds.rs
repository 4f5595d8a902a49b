//! Bounds of what is read from JSON files: models, cards, mappings. One place for how a field is refused.
//!
//! serde says what type a field has, and with `serde_path_to_error` which field is not so; what lies within its type
//! and still is nonsense (a spread of 0, an empty window, lists of different lengths) is said by [`Bounded`]. Attribute
//! crates (garde, validator) do not say bounds that hang on other fields, of which most are here.
//!
//! ```
//! use thoracast_files::bounds::{self, Bound, Bounded};
//!
//! #[derive(Debug, serde::Deserialize)]
//! struct Window {
//!     width: f64,
//! }
//!
//! impl Bounded for Window {
//!     fn within_bounds(&self) -> Bound {
//!         bounds::number("width", self.width, 1.0..=1e4)
//!     }
//! }
//!
//! let refused = bounds::from_json::<Window>(br#"{"width": 0}"#).unwrap_err();
//! assert_eq!(refused.to_string(), "width is 0, but it must lie between 1 and 10000");
//! ```

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;

/// A field that is not within its bounds; put into words it continues "FILE: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {found}, but {needed}")]
pub struct OutOfBounds {
    /// As a path: `recipe.sd[1]`.
    pub field: String,
    pub found: String,
    pub needed: String,
}

/// Why a JSON file is refused; continues "FILE: ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// No JSON, or a field of another type; `field` is empty where it is the whole file.
    #[error("{}{source}", place(field))]
    Type { field: String, source: serde_json::Error },
    #[error(transparent)]
    Bounds(#[from] OutOfBounds),
}

fn place(field: &str) -> String {
    if field.is_empty() || field == "." { String::new() } else { format!("{field}: ") }
}

/// Whether a field is within its bounds.
pub type Bound = Result<(), OutOfBounds>;

/// What can say whether all its fields are within their bounds.
pub trait Bounded {
    /// The first field that is not.
    ///
    /// # Errors
    /// [`OutOfBounds`].
    fn within_bounds(&self) -> Bound;
}

/// Reads a JSON document whose fields are within their bounds.
///
/// # Errors
/// The first field of another type or out of bounds.
pub fn from_json<T: DeserializeOwned + Bounded>(bytes: &[u8]) -> Result<T, JsonError> {
    let value: T = typed_json(bytes)?;
    value.within_bounds()?;
    Ok(value)
}

/// Reads a JSON document by type alone, where its bounds can only be told later.
///
/// # Errors
/// The first field of another type.
pub fn typed_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader)
        .map_err(|e| JsonError::Type { field: e.path().to_string(), source: e.into_inner() })?;
    reader.end().map_err(|source| JsonError::Type { field: String::new(), source })?;
    Ok(value)
}

fn refuse(field: &str, found: impl Display, needed: impl Into<String>) -> Bound {
    Err(OutOfBounds { field: field.to_owned(), found: found.to_string(), needed: needed.into() })
}

/// A finite number within a range.
pub fn number(field: &str, value: f64, range: RangeInclusive<f64>) -> Bound {
    if range.contains(&value) {
        return Ok(());
    }
    refuse(field, value, format!("it must lie between {} and {}", range.start(), range.end()))
}

/// A number that may be absent.
pub fn optional(field: &str, value: Option<f64>, range: RangeInclusive<f64>) -> Bound {
    value.map_or(Ok(()), |value| number(field, value, range))
}

/// A count within a range.
pub fn count(field: &str, value: usize, range: RangeInclusive<usize>) -> Bound {
    if range.contains(&value) {
        return Ok(());
    }
    refuse(field, value, format!("it must lie between {} and {}", range.start(), range.end()))
}

/// A list of a given length.
pub fn length(field: &str, found: usize, needed: usize) -> Bound {
    if found == needed {
        return Ok(());
    }
    refuse(field, format!("a list of {found}"), format!("{needed} are needed"))
}

/// Two numbers of which the second is larger by at least `least`, both within a range.
pub fn rising(field: &str, [low, high]: [f64; 2], least: f64, range: RangeInclusive<f64>) -> Bound {
    number(&format!("{field}[0]"), low, range.clone())?;
    number(&format!("{field}[1]"), high, range)?;
    if high - low >= least {
        return Ok(());
    }
    refuse(field, format!("{low} to {high}"), format!("it must rise by at least {least}"))
}

/// Whatever else must hold, in words: "it must …".
pub fn holds(field: &str, found: impl Display, condition: bool, needed: &str) -> Bound {
    if condition { Ok(()) } else { refuse(field, found, needed) }
}

/// A text that is not empty and not longer than a page.
pub fn text(field: &str, value: &str) -> Bound {
    const LONGEST: usize = 20_000;
    holds(field, "empty", !value.trim().is_empty(), "a text is needed")?;
    let length = value.len();
    holds(field, format!("{length} bytes long"), length <= LONGEST, "it must be at most 20000 bytes long")
}

/// The bounds of what stands in a field; its own fields are named behind it.
pub fn inside(field: &str, value: &impl Bounded) -> Bound {
    named(field, value.within_bounds())
}

/// A check's result with the field it stands in before the field it names.
pub fn named(field: &str, bound: Bound) -> Bound {
    bound.map_err(|e| OutOfBounds { field: format!("{field}.{}", e.field), ..e })
}

/// The same check on every element of a list.
pub fn each<T>(field: &str, values: &[T], check: impl Fn(&str, &T) -> Bound) -> Bound {
    values.iter().enumerate().try_for_each(|(i, value)| check(&format!("{field}[{i}]"), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Inner {
        sd: Vec<f64>,
    }

    #[derive(Debug, serde::Deserialize)]
    struct Outer {
        inner: Inner,
    }

    impl Bounded for Inner {
        fn within_bounds(&self) -> Bound {
            length("sd", self.sd.len(), 2)?;
            each("sd", &self.sd, |field, &sd| number(field, sd, 1e-6..=1e6))
        }
    }

    impl Bounded for Outer {
        fn within_bounds(&self) -> Bound {
            inside("inner", &self.inner)
        }
    }

    #[test]
    fn what_is_refused_names_its_field() {
        let refused = |text: &str| from_json::<Outer>(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            refused(r#"{"inner": {"sd": [1, 0]}}"#),
            "inner.sd[1] is 0, but it must lie between 0.000001 and 1000000"
        );
        assert_eq!(refused(r#"{"inner": {"sd": [1]}}"#), "inner.sd is a list of 1, but 2 are needed");
        assert!(refused(r#"{"inner": {"sd": [1, null]}}"#).starts_with("inner.sd[1]: invalid type: null"));
        assert!(refused(r#"{"inner": {"sd": [1, nan]}}"#).contains("expected"));
        assert!(refused(r#"{"inner": {"sd": [1, 2]}} x"#).contains("trailing"));
        assert!(from_json::<Outer>(br#"{"inner": {"sd": [1, 2]}}"#).is_ok());
        assert!(number("x", f64::NAN, 0.0..=1.0).is_err());
    }
}
