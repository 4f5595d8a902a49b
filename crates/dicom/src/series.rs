//! From headers to series: grouping, splitting, order, spacing, and what is odd about them.

use std::collections::{BTreeMap, HashSet};

use super::geometry::{Stacking, Vector, cross, dot, length, minus, stacking};
use super::instance::{FrameHeader, Instance};
use super::{FrameSource, Series};

/// Planes nearer than this along the normal are at the same position, mm.
const SAME_POSITION_MM: f64 = 0.01;
/// Direction vectors that differ by less are the same orientation.
const SAME_DIRECTION: f64 = 1e-3;
/// Fewer slices can't be a chest.
const FEWEST_SLICES: usize = 4;
/// A gap of more spacings than this is more likely the space between two regions.
const REGIONS_APART: f64 = 10.0;
/// Most gaps that are spelt out in one series' warnings.
const MOST_GAPS_TOLD: usize = 5;
/// Tilt of the normal against the patient's axis from which planes are not called axial (cosine of 30°).
const AXIAL_COSINE: f64 = 0.866;

/// A frame with its place known.
#[derive(Debug, Clone)]
struct Placed<'a> {
    instance: &'a Instance,
    frame: usize,
    header: &'a FrameHeader,
    origin_mm: Vector,
}

impl Placed<'_> {
    fn name(&self) -> String {
        let name = self.instance.location.file_name();
        if self.instance.frame_count > 1 { format!("{name} frame {}", self.frame + 1) } else { name }
    }
}

/// Frames of one series that can form one volume together, or that share a reason why not.
struct Part<'a> {
    rows: usize,
    columns: usize,
    directions: Option<[Vector; 2]>,
    pixel_spacing_mm: Option<[f64; 2]>,
    unusable: Option<String>,
    frames: Vec<(&'a Instance, usize, Option<&'a FrameHeader>)>,
}

/// Sorts instances into series; each series may fall into parts and stacks that keep its UID.
pub(crate) fn build(mut instances: Vec<Instance>) -> Vec<Series> {
    instances.sort_by(|a, b| a.location.cmp(&b.location));
    let mut by_series: BTreeMap<(&str, &str), Vec<&Instance>> = BTreeMap::new();
    for instance in &instances {
        by_series.entry((&instance.study_uid, &instance.series_uid)).or_default().push(instance);
    }
    let mut series: Vec<Series> = by_series.into_values().flat_map(|members| split(&members)).collect();
    // Stable: parts and stacks of one series stay in their order.
    series.sort_by(|a, b| {
        let key = |s: &Series| (s.study_date.clone(), s.study_uid.clone(), s.series_number, s.uid.clone());
        key(a).cmp(&key(b))
    });
    series
}

fn split(members: &[&Instance]) -> Vec<Series> {
    let (members, copies) = without_copies(members);
    let parts = parts(&members);
    let count = parts.len();
    let any_usable = parts.iter().any(|p| p.unusable.is_none());
    let differences = differences(&parts);
    let mut all = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        let mut made = stacks(part);
        for series in &mut made {
            if count > 1 && any_usable {
                let picture = match (series.rows, series.columns) {
                    (0, _) | (_, 0) => "no pictures".to_owned(),
                    (rows, columns) => format!("{rows} × {columns} pixels"),
                };
                series.warnings.push(format!(
                    "the series mixes objects that don't fit one volume because they differ in {differences}; this is part {} of {count}: {picture}",
                    i + 1
                ));
            }
            if copies > 0 {
                let (noun, verb) =
                    if copies == 1 { ("file is a copy", "was") } else { ("files are copies", "were") };
                series.warnings.push(format!("{copies} {noun} of files already read and {verb} left out"));
            }
        }
        all.append(&mut made);
    }
    all
}

/// Leaves out files that hold the same object in the same encoding and length as one before.
fn without_copies<'a>(members: &[&'a Instance]) -> (Vec<&'a Instance>, usize) {
    let mut seen = HashSet::new();
    let kept: Vec<&Instance> = members
        .iter()
        .copied()
        .filter(|i| {
            i.sop_instance_uid.is_empty()
                || seen.insert((&i.sop_instance_uid, &i.transfer_syntax, i.file_length))
        })
        .collect();
    let copies = members.len() - kept.len();
    (kept, copies)
}

fn parts<'a>(members: &[&'a Instance]) -> Vec<Part<'a>> {
    let mut parts: Vec<Part> = Vec::new();
    for &instance in members {
        let frames: Vec<Option<&FrameHeader>> = if instance.unusable.is_some() && !instance.viewable {
            vec![None; 1]
        } else {
            instance.frames.iter().map(Some).collect()
        };
        for (frame, header) in frames.into_iter().enumerate() {
            let unusable = instance.unusable.clone().or_else(|| placement_problem(instance, header));
            // Pictures that form no volume stand together whichever way they look; lengths on them need one spacing.
            let directions = header.filter(|_| instance.unusable.is_none()).and_then(|h| h.directions);
            let pixel_spacing_mm = header.and_then(|h| h.pixel_spacing_mm);
            let found = parts.iter_mut().find(|p| {
                p.rows == instance.rows
                    && p.columns == instance.columns
                    && p.unusable.is_some() == unusable.is_some()
                    && reason_kind(p.unusable.as_ref()) == reason_kind(unusable.as_ref())
                    && same_directions(p.directions, directions)
                    && same_spacing(p.pixel_spacing_mm, pixel_spacing_mm)
            });
            match found {
                Some(part) => part.frames.push((instance, frame, header)),
                None => parts.push(Part {
                    rows: instance.rows,
                    columns: instance.columns,
                    directions,
                    pixel_spacing_mm,
                    unusable,
                    frames: vec![(instance, frame, header)],
                }),
            }
        }
    }
    // The largest usable part first.
    parts.sort_by_key(|p| (p.unusable.is_some(), std::cmp::Reverse(p.frames.len())));
    parts
}

/// In what the parts of a series differ, in words.
fn differences(parts: &[Part]) -> String {
    let Some((first, others)) = parts.split_first() else { return String::new() };
    let differ = |same: &dyn Fn(&Part) -> bool| others.iter().any(|p| !same(p));
    let kind = |p: &Part| reason_kind(p.unusable.as_ref()) == reason_kind(first.unusable.as_ref());
    // Only what could have formed a volume has a direction and a spacing to compare.
    let placed = |p: &Part| p.unusable.is_none() && first.unusable.is_none();
    let mut words = Vec::new();
    if differ(&|p| (p.rows, p.columns) == (first.rows, first.columns)) {
        words.push("size");
    }
    if differ(&|p| !placed(p) || same_directions(p.directions, first.directions)) {
        words.push("orientation");
    }
    if differ(&|p| !placed(p) || same_spacing(p.pixel_spacing_mm, first.pixel_spacing_mm)) {
        words.push("pixel spacing");
    }
    if differ(&kind) {
        words.push("kind");
    }
    words.join(" and ")
}

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

fn same_directions(a: Option<[Vector; 2]>, b: Option<[Vector; 2]>) -> bool {
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

/// One series per stack of a usable part; one for an unusable part.
fn stacks(part: &Part) -> Vec<Series> {
    let (Some([row, column]), None) = (part.directions, &part.unusable) else {
        return vec![unusable(part)];
    };
    let normal = cross(row, column);
    let mut placed: Vec<Placed> = part
        .frames
        .iter()
        .filter_map(|&(instance, frame, header)| {
            let header = header?;
            Some(Placed { instance, frame, header, origin_mm: header.origin_mm? })
        })
        .collect();
    placed.sort_by(|a, b| dot(a.origin_mm, normal).total_cmp(&dot(b.origin_mm, normal)));
    let stacks = split_duplicates(placed, normal);
    let count = stacks.len();
    let made = stacks.into_iter().enumerate().map(|(i, (stack, duplicate))| {
        let mut series = usable(part, &stack, normal);
        if let Some((first, second)) = duplicate.filter(|_| count > 1) {
            series.warnings.push(format!(
                "positions occur more than once (for example {first} and {second}); this is stack {} of {count}",
                i + 1
            ));
        }
        series
    });
    made.collect()
}

type Stack<'a> = (Vec<Placed<'a>>, Option<(String, String)>);

/// Splits frames (ascending along the normal) so that no stack holds two at one position; the example names two files.
fn split_duplicates<'a>(placed: Vec<Placed<'a>>, normal: Vector) -> Vec<Stack<'a>> {
    let mut positions: Vec<Vec<Placed>> = Vec::new();
    for frame in placed {
        let along = dot(frame.origin_mm, normal);
        match positions.last_mut() {
            Some(here) if (along - dot(here[0].origin_mm, normal)).abs() < SAME_POSITION_MM => {
                here.push(frame)
            }
            _ => positions.push(vec![frame]),
        }
    }
    let example = positions.iter().find(|p| p.len() > 1).map(|p| (p[0].name(), p[1].name()));
    if example.is_none() {
        return vec![(positions.into_iter().flatten().collect(), None)];
    }
    let by_acquisition = acquisitions_are_distinct(&positions);
    let mut stacks: BTreeMap<i64, Vec<Placed>> = BTreeMap::new();
    for mut here in positions {
        here.sort_by_key(|f| (f.instance.acquisition_number, f.instance.instance_number, f.frame));
        for (i, frame) in here.into_iter().enumerate() {
            let key = if by_acquisition {
                i64::from(frame.instance.acquisition_number.unwrap_or(0))
            } else {
                i as i64
            };
            stacks.entry(key).or_default().push(frame);
        }
    }
    let mut stacks: Vec<Stack> = stacks.into_values().map(|s| (s, example.clone())).collect();
    stacks.sort_by_key(|(s, _)| std::cmp::Reverse(s.len()));
    stacks
}

/// Whether AcquisitionNumber alone tells all frames at every position apart (phases of one examination).
fn acquisitions_are_distinct(positions: &[Vec<Placed>]) -> bool {
    positions.iter().all(|here| {
        let numbers: HashSet<Option<i32>> = here.iter().map(|f| f.instance.acquisition_number).collect();
        numbers.len() == here.len() && (here.len() == 1 || !numbers.contains(&None))
    })
}

fn common(part: &Part) -> Series {
    let first = part.frames[0].0;
    let mut transfer_syntaxes: Vec<String> = Vec::new();
    let mut windows: Vec<[f64; 2]> = Vec::new();
    let mut seen = HashSet::new();
    for (instance, ..) in &part.frames {
        if seen.insert(&instance.transfer_syntax) {
            transfer_syntaxes.push(instance.transfer_syntax.clone());
        }
        for window in &instance.windows {
            if windows.len() < 16 && !windows.contains(window) {
                windows.push(*window);
            }
        }
    }
    Series {
        uid: first.series_uid.clone(),
        study_uid: first.study_uid.clone(),
        patient_id: first.patient_id.clone(),
        patient_id_issuer: first.patient_id_issuer.clone(),
        patient_name: first.patient_name.clone(),
        birth_date: first.birth_date.clone(),
        study_date: first.study_date.clone(),
        study_description: first.study_description.clone(),
        modality: first.modality.clone(),
        description: first.description.clone(),
        series_number: first.series_number,
        height_cm: part.frames.iter().find_map(|(i, ..)| i.height_cm),
        usable: false,
        viewable: part.frames.iter().all(|(i, ..)| i.viewable),
        inverted: part.unusable.is_some() && first.inverted,
        pixel_spacing_mm: part.frames[0].2.and_then(|h| h.pixel_spacing_mm),
        unusable_reason: None,
        slices: 0,
        rows: part.rows,
        columns: part.columns,
        spacing_mm: None,
        z_range_mm: None,
        transfer_syntaxes,
        thickness_mm: common_value(part.frames.iter().map(|(.., h)| h.and_then(|h| h.thickness_mm))),
        unit: if part.unusable.is_none() { "HU".to_owned() } else { first.unit.clone() },
        padding: common_value(part.frames.iter().map(|(i, _, h)| padding(i, (*h)?))),
        tilt_degrees: None,
        missing: Vec::new(),
        windows,
        warnings: Vec::new(),
        frames: Vec::new(),
    }
}

/// PixelPaddingValue of one frame, rescaled.
fn padding(instance: &Instance, header: &FrameHeader) -> Option<f64> {
    let [slope, intercept] = header.rescale.unwrap_or([1.0, 0.0]);
    instance.padding.map(|stored| f64::from(stored) * slope + intercept)
}

/// The value all share; `None` where one differs or lacks it.
fn common_value(mut values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let first = values.next()??;
    values.all(|v| v == Some(first)).then_some(first)
}

/// Pictures that form no volume as a person pages through them: by position where all are parallel, otherwise by
/// InstanceNumber, then by file name (the order they come in).
fn picture_order<'a>(part: &Part<'a>) -> Vec<(&'a Instance, usize, Option<&'a FrameHeader>)> {
    let mut frames = part.frames.clone();
    let first = frames[0].2.and_then(|h| h.directions);
    let parallel = frames.iter().all(|(.., h)| {
        h.is_some_and(|h| {
            h.origin_mm.is_some() && h.directions.is_some() && same_directions(h.directions, first)
        })
    });
    let normal = first.filter(|_| parallel).map(|[row, column]| cross(row, column));
    let along = |header: Option<&FrameHeader>| match (header.and_then(|h| h.origin_mm), normal) {
        (Some(origin), Some(normal)) => dot(origin, normal),
        _ => 0.0,
    };
    frames.sort_by(|a, b| {
        let number = |i: &Instance| (i.instance_number.is_none(), i.instance_number);
        along(a.2).total_cmp(&along(b.2)).then_with(|| number(a.0).cmp(&number(b.0)))
    });
    frames
}

fn unusable(part: &Part) -> Series {
    let frames = picture_order(part).into_iter().filter_map(|(instance, frame, header)| {
        Some(FrameSource {
            path: instance.location.path.clone(),
            member: instance.location.member.clone(),
            frame,
            origin_mm: header?.origin_mm.unwrap_or_default(),
        })
    });
    // A multi-frame object that was not opened up counts with all its frames.
    let slices = part.frames.iter().map(|(i, _, h)| if h.is_some() { 1 } else { i.frame_count }).sum();
    Series { slices, unusable_reason: part.unusable.clone(), frames: frames.collect(), ..common(part) }
}

fn usable(part: &Part, stack: &[Placed], normal: Vector) -> Series {
    let mut series = common(part);
    let origins: Vec<Vector> = stack.iter().map(|f| f.origin_mm).collect();
    let measured = stacking(&origins, normal);
    let between_planes = measured.as_ref().map(|m| m.spacing_mm).or(stack[0].header.thickness_mm);
    series.warnings = remarks(stack);
    series.warnings.extend(stack_warnings(stack, measured.as_ref(), normal));
    if between_planes.is_none() {
        series.warnings.push(
            "a single slice without SliceThickness (0018,0050): its thickness is taken as 1 mm".to_owned(),
        );
    }
    series.usable = true;
    series.thickness_mm = common_value(stack.iter().map(|f| f.header.thickness_mm));
    series.padding = common_value(stack.iter().map(|f| padding(f.instance, f.header)));
    series.tilt_degrees = measured.as_ref().and_then(|m| m.tilt_degrees);
    series.missing = measured.map(|m| m.missing).unwrap_or_default();
    series.slices = stack.len();
    series.spacing_mm =
        part.pixel_spacing_mm.map(|[rows, columns]| [rows, columns, between_planes.unwrap_or(1.0)]);
    let z = |fold: fn(f64, f64) -> f64, start| origins.iter().map(|o| o[2]).fold(start, fold);
    series.z_range_mm = Some([z(f64::min, f64::INFINITY), z(f64::max, f64::NEG_INFINITY)]);
    series.frames = stack
        .iter()
        .map(|f| FrameSource {
            path: f.instance.location.path.clone(),
            member: f.instance.location.member.clone(),
            frame: f.frame,
            origin_mm: f.origin_mm,
        })
        .collect();
    series
}

/// What the files themselves gave reason to say, each remark once, with how many files it concerns.
fn remarks(stack: &[Placed]) -> Vec<String> {
    let mut counted: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    let mut seen = HashSet::new();
    for placed in stack.iter().filter(|p| seen.insert(&p.instance.location)) {
        for remark in &placed.instance.remarks {
            counted.entry(remark).or_insert_with(|| (0, placed.instance.location.file_name())).0 += 1;
        }
    }
    let files = seen.len();
    counted
        .into_iter()
        .map(|(remark, (count, first))| match count {
            1 => format!("{remark} ({first})"),
            _ if count == files => format!("{remark} (all {files} files)"),
            _ => format!("{remark} ({count} of {files} files, first {first})"),
        })
        .collect()
}

fn stack_warnings(stack: &[Placed], measured: Option<&Stacking>, normal: Vector) -> Vec<String> {
    let mut warnings = Vec::new();
    if stack.len() < FEWEST_SLICES {
        warnings.push(format!(
            "only {} slice{}: too few for a chest volume",
            stack.len(),
            plural(stack.len())
        ));
    }
    if normal[2].abs() < AXIAL_COSINE {
        warnings.push("the planes are not axial; levels and the networks need axial slices".to_owned());
    }
    let Some(measured) = measured else { return warnings };
    let spacing = measured.spacing_mm;
    for &(before, gap) in measured.missing.iter().take(MOST_GAPS_TOLD) {
        let count = ((gap / spacing).round() as usize).saturating_sub(1).max(1);
        let regions =
            if gap > REGIONS_APART * spacing { "; perhaps these are two regions in one series" } else { "" };
        warnings.push(format!(
            "{count} slice{} missing between {} and {}: the gap is {gap:.2} mm, the spacing elsewhere {spacing:.2} mm{regions}",
            plural(count),
            stack[before].name(),
            stack[before + 1].name()
        ));
    }
    if measured.missing.len() > MOST_GAPS_TOLD {
        warnings.push(format!("{} more gaps of missing slices", measured.missing.len() - MOST_GAPS_TOLD));
    }
    if let Some((before, gap)) = measured.uneven {
        warnings.push(format!(
            "the spacing is uneven: between {} and {} it is {gap:.2} mm, on average {spacing:.2} mm",
            stack[before].name(),
            stack[before + 1].name()
        ));
    }
    if let Some(degrees) = measured.tilt_degrees {
        warnings.push(format!(
            "the gantry was tilted by {degrees:.1}°: areas and lengths on axial slices are true in the slices' own plane; sagittal and coronal views follow the slices and lie oblique to the table"
        ));
    }
    warnings
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
