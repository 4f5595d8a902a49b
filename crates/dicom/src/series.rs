//! From headers to series: grouping, splitting, order, spacing, and what is odd about them.

use std::collections::{BTreeMap, HashSet};

use super::geometry::{Stacking, Vector, cross, dot, stacking};
use super::instance::{FrameHeader, Instance};
use super::parts::{Part, description, differences, parts, persons_remark, same_directions};
use super::stacks::{Placed, Stack, stacks};
use super::unmeasured::Unmeasured;
use super::{FrameSource, Series};

/// Fewer slices can't be a chest.
const FEWEST_SLICES: usize = 4;
/// A gap of more spacings than this is more likely the space between two regions.
const REGIONS_APART: f64 = 10.0;
/// Most gaps that are spelt out in one series' warnings.
const MOST_GAPS_TOLD: usize = 5;
/// Tilt of the normal against the patient's axis from which planes are not called axial (cosine of 30°).
const AXIAL_COSINE: f64 = 0.866;
/// Between rows and columns, and between slices; mm. Scanners stay well within.
const PIXEL_SPACINGS: std::ops::RangeInclusive<f64> = 0.02..=10.0;
const SLICE_SPACINGS: std::ops::RangeInclusive<f64> = 0.05..=50.0;
/// Pixels are square; twice as long is still believed.
const MOST_OBLONG: f64 = 3.0;
/// Widest picture, mm: no gantry is wider.
const WIDEST_MM: f64 = 1200.0;
/// Share of gaps from which a derived stack is not called regular.
const FEW_GAPS: f64 = 0.1;

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
        let mut made = volumes(part);
        for series in &mut made {
            series.warnings.extend(persons_remark(part, &parts));
            if count > 1 && any_usable {
                series.warnings.push(format!(
                    "the series mixes objects that don't fit one volume because they differ in {differences}; this is part {} of {count}: {}",
                    i + 1,
                    description(part, &parts)
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

/// Leaves out files that hold the same object of the same person in the same encoding and length as one before.
fn without_copies<'a>(members: &[&'a Instance]) -> (Vec<&'a Instance>, usize) {
    let mut seen = HashSet::new();
    let kept: Vec<&Instance> = members
        .iter()
        .copied()
        .filter(|i| {
            i.sop_instance_uid.is_empty()
                || seen.insert((&i.sop_instance_uid, &i.person, &i.transfer_syntax, i.file_length))
        })
        .collect();
    let copies = members.len() - kept.len();
    (kept, copies)
}

/// One series per stack of a usable part; one for an unusable part.
fn volumes(part: &Part) -> Vec<Series> {
    let (Some([row, column]), None) = (part.directions, &part.unusable) else {
        return vec![unusable(part)];
    };
    let normal = cross(row, column);
    let mut placed: Vec<Placed> = part
        .frames
        .iter()
        .filter_map(|&(instance, frame, header)| {
            let header = header?;
            let origin_mm = header.origin_mm?;
            Some(Placed { instance, frame, header, origin_mm, along_mm: dot(origin_mm, normal) })
        })
        .collect();
    placed.sort_by(|a, b| a.along_mm.total_cmp(&b.along_mm));
    stacks(placed, [row, column]).iter().map(|stack| usable(part, stack, normal)).collect()
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
        patient_id: part.person.id.clone(),
        patient_name: part.person.name.clone(),
        patient_id_issuer: part.person.issuer.clone(),
        patient_birth_date: part.person.birth_date.clone(),
        frame_of_reference: first.frame_of_reference.clone(),
        unmeasured: None,
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

fn usable(part: &Part, stack: &Stack, normal: Vector) -> Series {
    let mut series = common(part);
    let frames = &stack.frames;
    let origins: Vec<Vector> = frames.iter().map(|f| f.origin_mm).collect();
    let measured = stacking(&origins, normal);
    let between_planes = measured.as_ref().map(|m| m.spacing_mm).or(frames[0].header.thickness_mm);
    series.warnings = remarks(frames);
    series.warnings.extend(stack_warnings(frames, measured.as_ref(), normal));
    series.warnings.extend(stack.remarks.iter().cloned());
    if between_planes.is_none() {
        series.warnings.push(
            "a single slice without SliceThickness (0018,0050): its thickness is taken as 1 mm".to_owned(),
        );
    }
    series.unusable_reason = derived_problem(frames, measured.as_ref(), normal);
    series.usable = series.unusable_reason.is_none();
    series.thickness_mm = common_value(frames.iter().map(|f| f.header.thickness_mm));
    series.padding = common_value(frames.iter().map(|f| padding(f.instance, f.header)));
    series.tilt_degrees = measured.as_ref().and_then(|m| m.tilt_degrees);
    series.missing = measured.map(|m| m.missing).unwrap_or_default();
    series.slices = frames.len();
    series.spacing_mm =
        part.pixel_spacing_mm.map(|[rows, columns]| [rows, columns, between_planes.unwrap_or(1.0)]);
    series.unmeasured = unmeasured(stack, &series);
    if series.unmeasured.is_some() || !series.usable {
        series.unit = "stored value".to_owned();
    }
    let z = |fold: fn(f64, f64) -> f64, start| origins.iter().map(|o| o[2]).fold(start, fold);
    series.z_range_mm = Some([z(f64::min, f64::INFINITY), z(f64::max, f64::NEG_INFINITY)]);
    series.frames = frames
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

/// Derived pictures are CT slices where they lie in a regular axial stack, as de-identified collections write them; why
/// not, otherwise.
fn derived_problem(frames: &[Placed], measured: Option<&Stacking>, normal: Vector) -> Option<String> {
    let reason = frames.iter().find_map(|f| f.instance.derived.clone())?;
    let regular = measured.is_some_and(|m| {
        frames.len() >= FEWEST_SLICES
            && m.uneven.is_none()
            && m.missing.len() as f64 <= FEW_GAPS * frames.len() as f64
    });
    let axial = normal[2].abs() >= AXIAL_COSINE;
    (!regular || !axial).then(|| format!("{reason} and its pictures are no regular stack of axial slices"))
}

/// Why nothing is measured on a stack, as far as its headers tell.
fn unmeasured(stack: &Stack, series: &Series) -> Option<Unmeasured> {
    let frames = &stack.frames;
    let mut faulty = frames.iter().filter_map(|f| Some((f, f.header.rescale_fault?)));
    if let Some((first, fault)) = faulty.next() {
        let files = 1 + faulty.count();
        return Some(Unmeasured::Rescale { fault, file: first.name(), files, of: frames.len() });
    }
    if let Some(spacing @ [row, column, slice]) = series.spacing_mm {
        let believed = [row, column].iter().all(|s| PIXEL_SPACINGS.contains(s))
            && (1.0 / MOST_OBLONG..=MOST_OBLONG).contains(&(row / column))
            && SLICE_SPACINGS.contains(&slice);
        if !believed {
            return Some(Unmeasured::Spacing(spacing));
        }
        let field = [row * series.rows as f64, column * series.columns as f64];
        if field.iter().any(|&mm| mm > WIDEST_MM) {
            return Some(Unmeasured::Field(field));
        }
    }
    stack.scattered.map(|places| Unmeasured::Scattered { places })
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
