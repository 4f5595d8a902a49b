//! Which series of a folder is meant, and whose.

use std::path::Path;

use super::{DicomError, Person, Series};

/// A series, and how many others could have been meant.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    pub series: &'a Series,
    /// Usable series there are to choose from, this one included.
    pub usable: usize,
}

/// The series a command works on: the one asked for, or the one with most slices where all are of one person. Series
/// that are fit to be measured come first.
///
/// # Errors
/// `NoSuchSeries`, `Unusable`, `Unmeasured`, `NoUsableSeries`; `SeveralPatients` and `SeveralPatientsInSeries`, which
/// name the persons: none is picked silently.
pub fn choose<'a>(series: &'a [Series], uid: Option<&str>, path: &Path) -> Result<Choice<'a>, DicomError> {
    let asked: Vec<&Series> = series.iter().filter(|s| uid.is_none_or(|uid| s.uid == uid)).collect();
    if let (Some(uid), true) = (uid, asked.is_empty()) {
        return Err(DicomError::NoSuchSeries { path: path.to_owned(), uid: uid.to_owned() });
    }
    let usable: Vec<&Series> = asked.iter().copied().filter(|s| s.usable).collect();
    let persons = persons(&usable);
    if persons.len() > 1 {
        let path = path.to_owned();
        return Err(match uid {
            Some(uid) => DicomError::SeveralPatientsInSeries { path, uid: uid.to_owned(), persons },
            None => DicomError::SeveralPatients { path, persons },
        });
    }
    let Some(best) = usable.iter().copied().max_by_key(|s| (s.measurable(), s.slices)) else {
        let reason = asked.iter().find_map(|s| s.unusable_reason.clone());
        return Err(match uid {
            Some(uid) => {
                let reason = reason.unwrap_or_else(|| "it holds no CT slices".to_owned());
                DicomError::Unusable { uid: uid.to_owned(), reason }
            }
            None => {
                let reason = reason.unwrap_or_else(|| "none found".to_owned());
                DicomError::NoUsableSeries { path: path.to_owned(), reason }
            }
        });
    };
    match &best.unmeasured {
        Some(reason) => Err(DicomError::Unmeasured { uid: best.uid.clone(), reason: reason.clone() }),
        None => Ok(Choice { series: best, usable: usable.len() }),
    }
}

/// Number of the usable series a person opening a folder wants to see first: fit to be measured, with most slices.
pub fn largest_usable(series: &[Series]) -> Option<usize> {
    let usable = series.iter().enumerate().filter(|(_, s)| s.usable);
    usable.max_by_key(|(_, s)| (s.measurable(), s.slices)).map(|(number, _)| number)
}

/// The persons that series are of; ways to write one person count once.
pub fn persons(series: &[&Series]) -> Vec<Person> {
    let stated: Vec<Person> = series.iter().map(|s| s.person()).collect();
    super::person::tell_apart(&stated).1
}
