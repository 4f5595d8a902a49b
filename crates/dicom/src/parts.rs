//! Which frames of a series can form one volume: of one person, of one size, orientation, spacing, place and kernel.

use std::collections::HashSet;

use super::geometry::{Vector, length, minus};
use super::instance::{FrameHeader, Instance};
use super::person::{Person, tell_apart};

/// Direction vectors that differ by less are the same orientation.
const SAME_DIRECTION: f64 = 1e-3;
/// So many frames of reference are believed, however few the files.
const FEW_REFERENCES: usize = 3;
/// Table heights that differ by less are one, mm.
const SAME_HEIGHT_MM: f64 = 1.0;

/// Frames of one series that can form one volume together, or that share a reason why not.
pub(super) struct Part<'a> {
    pub rows: usize,
    pub columns: usize,
    pub directions: Option<[Vector; 2]>,
    pub pixel_spacing_mm: Option<[f64; 2]>,
    pub unusable: Option<String>,
    pub person: Person,
    /// Number of the person within the series.
    person_number: usize,
    frame_of_reference: String,
    table_height_mm: Option<f64>,
    kernel: String,
    pub frames: Vec<(&'a Instance, usize, Option<&'a FrameHeader>)>,
}

impl Part<'_> {
    /// Takes over what the part's first frames left out.
    fn complete(&mut self, instance: &Instance) {
        if self.frame_of_reference.is_empty() {
            self.frame_of_reference.clone_from(&instance.frame_of_reference);
        }
        self.table_height_mm = self.table_height_mm.or(instance.table_height_mm);
    }
}

/// The parts of one series' files, the largest usable one first.
pub(super) fn parts<'a>(members: &[&'a Instance]) -> Vec<Part<'a>> {
    let stated: Vec<Person> = members.iter().map(|i| i.person.clone()).collect();
    let (person_numbers, persons) = tell_apart(&stated);
    let by_reference = references_tell(members);
    let mut parts: Vec<Part> = Vec::new();
    for (&instance, person_number) in members.iter().zip(person_numbers) {
        let frames: Vec<Option<&FrameHeader>> = if instance.unusable.is_some() && !instance.viewable {
            vec![None; 1]
        } else {
            instance.frames.iter().map(Some).collect()
        };
        for (frame, header) in frames.into_iter().enumerate() {
            let unusable = instance.unusable.clone().or_else(|| placement_problem(instance, header));
            // Pictures that form no volume stand together whichever way they look; lengths on them need one spacing.
            let placed = instance.unusable.is_none();
            let directions = header.filter(|_| placed).and_then(|h| h.directions);
            let pixel_spacing_mm = header.and_then(|h| h.pixel_spacing_mm);
            let found = parts.iter_mut().find(|p| {
                p.rows == instance.rows
                    && p.columns == instance.columns
                    && p.person_number == person_number
                    && p.unusable.is_some() == unusable.is_some()
                    && reason_kind(p.unusable.as_ref()) == reason_kind(unusable.as_ref())
                    && same_directions(p.directions, directions)
                    && same_spacing(p.pixel_spacing_mm, pixel_spacing_mm)
                    && (!placed || same_place(p, instance, by_reference) && p.kernel == instance.kernel())
            });
            match found {
                Some(part) => {
                    part.complete(instance);
                    part.frames.push((instance, frame, header));
                }
                None => parts.push(Part {
                    rows: instance.rows,
                    columns: instance.columns,
                    directions,
                    pixel_spacing_mm,
                    unusable,
                    person: persons[person_number].clone(),
                    person_number,
                    frame_of_reference: instance.frame_of_reference.clone(),
                    table_height_mm: instance.table_height_mm,
                    kernel: instance.kernel().to_owned(),
                    frames: vec![(instance, frame, header)],
                }),
            }
        }
    }
    parts.sort_by_key(|p| (p.unusable.is_some(), std::cmp::Reverse(p.frames.len())));
    parts
}

/// Whether frames of reference tell slices apart: some de-identified collections (LIDC-IDRI) give every slice its own.
fn references_tell(members: &[&Instance]) -> bool {
    let references: HashSet<&str> = members.iter().map(|i| i.frame_of_reference.as_str()).collect();
    references.len() <= FEW_REFERENCES || 2 * references.len() <= members.len()
}

/// One frame of reference (where that tells anything) and one height of the table, where both are stated.
fn same_place(part: &Part, instance: &Instance, by_reference: bool) -> bool {
    let reference = [&part.frame_of_reference, &instance.frame_of_reference];
    let one_reference =
        !by_reference || reference[0] == reference[1] || reference.iter().any(|r| r.is_empty());
    let one_height = match (part.table_height_mm, instance.table_height_mm) {
        (Some(a), Some(b)) => (a - b).abs() <= SAME_HEIGHT_MM,
        _ => true,
    };
    one_reference && one_height
}

/// In what the parts of a series differ, in words.
pub(super) fn differences(parts: &[Part]) -> String {
    let Some((first, others)) = parts.split_first() else { return String::new() };
    let differ = |same: &dyn Fn(&Part) -> bool| others.iter().any(|p| !same(p));
    let kind = |p: &Part| reason_kind(p.unusable.as_ref()) == reason_kind(first.unusable.as_ref());
    // Only what could have formed a volume has a direction, a spacing and a place to compare.
    let placed = |p: &Part| p.unusable.is_none() && first.unusable.is_none();
    let both = |a: Option<f64>, b: Option<f64>| a.zip(b).is_none_or(|(a, b)| (a - b).abs() <= SAME_HEIGHT_MM);
    let mut words = Vec::new();
    if differ(&|p| p.person_number == first.person_number) {
        words.push("patient");
    }
    if differ(&|p| (p.rows, p.columns) == (first.rows, first.columns)) {
        words.push("size");
    }
    if differ(&|p| !placed(p) || same_directions(p.directions, first.directions)) {
        words.push("orientation");
    }
    if differ(&|p| !placed(p) || same_spacing(p.pixel_spacing_mm, first.pixel_spacing_mm)) {
        words.push("pixel spacing");
    }
    if differ(&|p| !placed(p) || p.frame_of_reference == first.frame_of_reference) {
        words.push("frame of reference");
    }
    if differ(&|p| !placed(p) || both(p.table_height_mm, first.table_height_mm)) {
        words.push("table height");
    }
    if differ(&|p| !placed(p) || p.kernel == first.kernel) {
        words.push("kernel");
    }
    if differ(&kind) {
        words.push("kind");
    }
    words.join(" and ")
}

/// What a part is, in words: its pictures and what else tells it from the other parts of its series.
pub(super) fn description(part: &Part, parts: &[Part]) -> String {
    let differs = |same: &dyn Fn(&Part) -> bool| parts.iter().any(|p| p.unusable.is_none() && !same(p));
    let mut words = vec![match (part.rows, part.columns) {
        (0, _) | (_, 0) => "no pictures".to_owned(),
        (rows, columns) => format!("{rows} × {columns} pixels"),
    }];
    if part.unusable.is_none() {
        if let Some(height) =
            part.table_height_mm.filter(|_| differs(&|p| p.table_height_mm == part.table_height_mm))
        {
            words.push(format!("table height {height} mm"));
        }
        if differs(&|p| p.frame_of_reference == part.frame_of_reference) {
            words.push(format!("frame of reference {}", stated(&part.frame_of_reference)));
        }
        if differs(&|p| p.kernel == part.kernel) {
            words.push(format!("kernel {}", stated(&part.kernel)));
        }
    }
    words.join(", ")
}

fn stated(text: &str) -> &str {
    if text.is_empty() { "not stated" } else { text }
}

/// A sentence that names whose pictures a part holds and who else stands under the same UID; `None` for one person.
pub(super) fn persons_remark(part: &Part, parts: &[Part]) -> Option<String> {
    let mut others: Vec<&Part> = Vec::new();
    for other in parts.iter().filter(|p| p.person_number != part.person_number) {
        if !others.iter().any(|known| known.person_number == other.person_number) {
            others.push(other);
        }
    }
    let more = others.len().saturating_sub(MOST_PERSONS_TOLD);
    let mut names: Vec<String> =
        others.iter().take(MOST_PERSONS_TOLD).map(|p| p.person.to_string()).collect();
    if more > 0 {
        names.push(format!("{more} more"));
    }
    (!names.is_empty()).then(|| {
        format!(
            "this series UID holds pictures of more than one patient: these are of {}, others of {}; they are kept apart",
            part.person,
            names.join(" and of ")
        )
    })
}

/// Most other persons that are spelt out in one warning.
const MOST_PERSONS_TOLD: usize = 3;

/// A reason without the file name it may begin with.
fn reason_kind(reason: Option<&String>) -> Option<&str> {
    reason.map(|r| r.split_once(" in ").map_or(r.as_str(), |(kind, _)| kind))
}

fn placement_problem(instance: &Instance, header: Option<&FrameHeader>) -> Option<String> {
    let header = header?;
    let name = instance.location.file_name();
    if header.origin_mm.is_none() {
        let what = if instance.frame_count > 1 {
            "a position for each frame"
        } else {
            "ImagePositionPatient (0020,0032)"
        };
        return Some(format!("{what} is missing in {name}, so its slices can't be placed in the patient"));
    }
    if header.directions.is_none() {
        return Some(format!(
            "ImageOrientationPatient (0020,0037) is missing or not two perpendicular unit vectors in {name}, so its slices can't be placed in the patient"
        ));
    }
    if header.pixel_spacing_mm.is_none() {
        return Some(format!(
            "PixelSpacing (0028,0030) is missing in {name}, so sizes and areas can't be measured"
        ));
    }
    None
}

pub(super) fn same_directions(a: Option<[Vector; 2]>, b: Option<[Vector; 2]>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.iter().zip(b).all(|(&x, y)| length(minus(x, y)) < SAME_DIRECTION),
        (None, None) => true,
        _ => false,
    }
}

fn same_spacing(a: Option<[f64; 2]>, b: Option<[f64; 2]>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.iter().zip(b).all(|(x, y)| (x - y).abs() <= 1e-4 * x),
        (None, None) => true,
        _ => false,
    }
}
