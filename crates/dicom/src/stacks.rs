//! From frames of one orientation to stacks: acquisitions that continue each other are one, repeats stay apart.

use std::collections::{BTreeMap, HashSet};

use super::geometry::{Vector, dot};
use super::instance::{FrameHeader, Instance};

/// Planes nearer than this along the normal are at the same position, mm.
const SAME_POSITION_MM: f64 = 0.01;
/// Stacks whose planes are shifted in their own plane by less lie on one another, mm.
const SAME_PLACE_MM: f64 = 2.0;
/// More places beside one another are no stacks of their own.
const MOST_PLACES: usize = 3;
/// Most positions that two acquisitions which continue each other share at their ends.
const MOST_SHARED: usize = 2;
/// Most traits named in which repeats differ.
const MOST_TRAITS_TOLD: usize = 3;

/// A frame with its place known.
#[derive(Debug, Clone)]
pub(super) struct Placed<'a> {
    pub instance: &'a Instance,
    pub frame: usize,
    pub header: &'a FrameHeader,
    pub origin_mm: Vector,
    /// Position along the normal, mm.
    pub along_mm: f64,
}

impl Placed<'_> {
    pub fn name(&self) -> String {
        let name = self.instance.location.file_name();
        if self.instance.frame_count > 1 { format!("{name} frame {}", self.frame + 1) } else { name }
    }
}

/// Frames of one volume, ascending along the normal.
#[derive(Debug, Clone, Default)]
pub(super) struct Stack<'a> {
    pub frames: Vec<Placed<'a>>,
    pub remarks: Vec<String>,
    /// At how many places beside one another the frames lie, where they are no stacks of their own.
    pub scattered: Option<usize>,
}

/// Sorts frames (ascending along the normal, with row and column direction as given) into stacks.
pub(super) fn stacks<'a>(placed: Vec<Placed<'a>>, directions: [Vector; 2]) -> Vec<Stack<'a>> {
    let places = match places(&placed, directions) {
        Places::Apart(numbers) => numbers,
        Places::Scattered => {
            let mut stacks = split_repeats(placed);
            stacks.iter_mut().for_each(|stack| stack.scattered = Some(MOST_PLACES + 1));
            return stacks;
        }
    };
    let count = places.iter().copied().max().unwrap_or(0) + 1;
    let mut by_place: Vec<Vec<Placed>> = vec![Vec::new(); count];
    for (frame, place) in placed.into_iter().zip(places) {
        by_place[place].push(frame);
    }
    by_place.sort_by_key(|frames| std::cmp::Reverse(frames.len()));
    let lowest =
        |frames: &[Placed], axis: usize| frames.first().map_or(0.0, |f| dot(f.origin_mm, directions[axis]));
    let firsts: Vec<[f64; 2]> = by_place.iter().map(|f| [lowest(f, 0), lowest(f, 1)]).collect();
    let mut all = Vec::new();
    for (number, frames) in by_place.into_iter().enumerate() {
        let other = firsts[usize::from(number == 0) % count];
        let apart = (firsts[number][0] - other[0]).hypot(firsts[number][1] - other[1]);
        let mut stacks = split_repeats(frames);
        if count > 1 {
            let remark = format!(
                "slices lie {apart:.1} mm beside one another, as where the table was moved between acquisitions (ImagePositionPatient (0020,0032)): this is place {} of {count}",
                number + 1
            );
            stacks.iter_mut().for_each(|stack| stack.remarks.push(remark.clone()));
        }
        all.append(&mut stacks);
    }
    all
}

enum Places {
    /// The number of each frame's place.
    Apart(Vec<usize>),
    Scattered,
}

/// Where frames lie in their own plane: at one place, along the way of a tilted gantry, or at several.
fn places(placed: &[Placed], directions: [Vector; 2]) -> Places {
    let offsets: Vec<[f64; 2]> = placed.iter().map(|f| directions.map(|d| dot(f.origin_mm, d))).collect();
    let along: Vec<f64> = placed.iter().map(|f| f.along_mm).collect();
    let count = placed.len();
    if count < 3 {
        return Places::Apart(vec![0; count]);
    }
    // Shift in plane per mm along the normal: none, from end to end, or from a frame to the next or next but one.
    let median_shift = |lag: usize| {
        [0, 1].map(|axis| {
            let steps = (lag..count).filter(|&i| along[i] - along[i - lag] > SAME_POSITION_MM);
            let mut shifts: Vec<f64> = steps
                .map(|i| (offsets[i][axis] - offsets[i - lag][axis]) / (along[i] - along[i - lag]))
                .collect();
            shifts.sort_by(f64::total_cmp);
            shifts.get(shifts.len() / 2).copied().unwrap_or(0.0)
        })
    };
    let way = (along[count - 1] - along[0]).max(SAME_POSITION_MM);
    let end_to_end = [0, 1].map(|axis| (offsets[count - 1][axis] - offsets[0][axis]) / way);
    let found = [[0.0; 2], end_to_end, median_shift(1), median_shift(2)].into_iter().filter_map(|shift| {
        let rest = offsets.iter().zip(&along).map(|(o, &at)| [0, 1].map(|axis| o[axis] - shift[axis] * at));
        clusters(rest)
    });
    match found.min_by_key(|numbers| numbers.iter().copied().max()) {
        Some(numbers) => Places::Apart(numbers),
        None => Places::Scattered,
    }
}

/// Numbers points by place; `None` for more than [`MOST_PLACES`].
fn clusters(points: impl Iterator<Item = [f64; 2]>) -> Option<Vec<usize>> {
    let mut centres: Vec<[f64; 2]> = Vec::new();
    points
        .map(|[x, y]| {
            let near = |c: &[f64; 2]| (c[0] - x).hypot(c[1] - y) <= SAME_PLACE_MM;
            if let Some(known) = centres.iter().position(near) {
                return Some(known);
            }
            centres.push([x, y]);
            (centres.len() <= MOST_PLACES).then_some(centres.len() - 1)
        })
        .collect()
}

/// Splits frames (ascending along the normal) so that no stack holds two at one position.
fn split_repeats(placed: Vec<Placed>) -> Vec<Stack> {
    let mut positions: Vec<Vec<Placed>> = Vec::new();
    for frame in placed {
        match positions.last_mut() {
            Some(here) if (frame.along_mm - here[0].along_mm).abs() < SAME_POSITION_MM => here.push(frame),
            _ => positions.push(vec![frame]),
        }
    }
    let Some(example) = positions.iter().find(|p| p.len() > 1).map(|p| [p[0].name(), p[1].name()]) else {
        return vec![Stack { frames: positions.into_iter().flatten().collect(), ..Stack::default() }];
    };
    let mut stacks = match separating_trait(&positions) {
        Some(number) => joined(by_trait(positions, number)),
        None => by_order(positions),
    };
    stacks.sort_by_key(|s| std::cmp::Reverse(s.frames.len()));
    let count = stacks.len();
    if count > 1 {
        let traits: Vec<Vec<(&str, String)>> = stacks.iter().map(|s| traits_of(&s.frames)).collect();
        for (number, stack) in stacks.iter_mut().enumerate() {
            let [first, second] = &example;
            stack.remarks.push(format!(
                "positions occur more than once (for example {first} and {second}); this is stack {} of {count}{}",
                number + 1,
                difference(number, &traits)
            ));
        }
    }
    stacks
}

/// The first trait that alone tells all frames at every position apart, as phases of one examination have.
fn separating_trait(positions: &[Vec<Placed>]) -> Option<usize> {
    let traits = positions.first()?.first()?.instance.traits.len();
    (0..traits).find(|&number| {
        positions.iter().all(|here| {
            let values: HashSet<&str> = here.iter().map(|f| f.instance.traits[number].1.as_str()).collect();
            values.len() == here.len() && (here.len() == 1 || !values.contains(""))
        })
    })
}

fn by_trait(positions: Vec<Vec<Placed>>, number: usize) -> Vec<Stack> {
    let mut stacks: BTreeMap<String, Vec<Placed>> = BTreeMap::new();
    for frame in positions.into_iter().flatten() {
        stacks.entry(frame.instance.traits[number].1.clone()).or_default().push(frame);
    }
    stacks.into_values().map(|frames| Stack { frames, ..Stack::default() }).collect()
}

/// The first frame of every position, the second, and so on.
fn by_order(positions: Vec<Vec<Placed>>) -> Vec<Stack> {
    let mut stacks: Vec<Stack> = Vec::new();
    for mut here in positions {
        here.sort_by_key(|f| (f.instance.acquisition_number, f.instance.instance_number, f.frame));
        for (number, frame) in here.into_iter().enumerate() {
            if number == stacks.len() {
                stacks.push(Stack::default());
            }
            stacks[number].frames.push(frame);
        }
    }
    stacks
}

/// Puts acquisitions that continue each other behind one another; slices at a place already taken are left out.
fn joined(mut acquisitions: Vec<Stack>) -> Vec<Stack> {
    acquisitions.sort_by(|a, b| first_mm(&a.frames).total_cmp(&first_mm(&b.frames)));
    let mut chains: Vec<Stack> = Vec::new();
    let mut lengths: Vec<usize> = Vec::new();
    let mut left_out: Vec<Vec<String>> = Vec::new();
    for next in acquisitions {
        let Some(at) = chains.iter().position(|chain| continues(&chain.frames, &next.frames)) else {
            chains.push(next);
            lengths.push(1);
            left_out.push(Vec::new());
            continue;
        };
        let end = last_mm(&chains[at].frames) + SAME_POSITION_MM;
        let (double, new): (Vec<_>, Vec<_>) = next.frames.into_iter().partition(|f| f.along_mm <= end);
        left_out[at].extend(double.iter().map(Placed::name));
        chains[at].frames.extend(new);
        lengths[at] += 1;
    }
    for ((chain, length), left_out) in chains.iter_mut().zip(lengths).zip(left_out) {
        if let (2.., [first, ..]) = (length, &left_out[..]) {
            let count = left_out.len();
            let (noun, verb) = if count == 1 { ("slice", "was") } else { ("slices", "were") };
            chain.remarks.push(format!(
                "{length} acquisitions that continue each other were joined; {count} {noun} at the place of another {verb} left out ({first})"
            ));
        }
    }
    chains
}

fn first_mm(frames: &[Placed]) -> f64 {
    frames.first().map_or(0.0, |f| f.along_mm)
}

fn last_mm(frames: &[Placed]) -> f64 {
    frames.last().map_or(0.0, |f| f.along_mm)
}

/// Whether an acquisition goes on where another ends: at most a few shared positions, one spacing, one rescale.
fn continues(chain: &[Placed], next: &[Placed]) -> bool {
    let (end, start) = (last_mm(chain) + SAME_POSITION_MM, first_mm(next) - SAME_POSITION_MM);
    let shared = next.iter().filter(|f| f.along_mm <= end).count();
    let behind = chain.iter().rev().take_while(|f| f.along_mm >= start).count();
    let at_the_ends = shared <= MOST_SHARED && behind <= MOST_SHARED && 2 * shared <= next.len();
    let one_spacing = match (typical_gap(chain), typical_gap(next)) {
        (Some(a), Some(b)) => (a - b).abs() <= 0.02 * a + 0.01,
        _ => true,
    };
    let rescale = |f: Option<&Placed>| f.and_then(|f| f.header.rescale);
    at_the_ends && one_spacing && rescale(chain.last()) == rescale(next.first())
}

/// Median gap of three frames or more, mm.
fn typical_gap(frames: &[Placed]) -> Option<f64> {
    let mut gaps: Vec<f64> = frames.windows(2).map(|w| w[1].along_mm - w[0].along_mm).collect();
    gaps.sort_by(f64::total_cmp);
    gaps.get(gaps.len() / 2).copied().filter(|_| gaps.len() > 1)
}

/// What each trait is in a stack, where it is one for all frames, and when it was acquired.
fn traits_of(frames: &[Placed]) -> Vec<(&'static str, String)> {
    let Some(first) = frames.first() else { return Vec::new() };
    let mut traits: Vec<(&'static str, String)> = Vec::new();
    for (number, (name, value)) in first.instance.traits.iter().enumerate() {
        let common = frames.iter().all(|f| f.instance.traits[number].1 == *value);
        traits.push((name, if common { value.clone() } else { String::new() }));
    }
    let times = frames.iter().map(|f| f.instance.acquisition_time.as_str()).filter(|t| !t.is_empty());
    traits.push(("AcquisitionTime", times.min().unwrap_or_default().to_owned()));
    traits
}

/// In what one stack differs from the others, with both values: "; AcquisitionNumber 1 (others: 2)".
fn difference(number: usize, traits: &[Vec<(&str, String)>]) -> String {
    let mut told = Vec::new();
    for (index, (name, own)) in traits[number].iter().enumerate() {
        let mut others: Vec<&str> = traits.iter().map(|t| t[index].1.as_str()).filter(|v| v != own).collect();
        others.dedup();
        others.truncate(MOST_TRAITS_TOLD);
        if !others.is_empty() && !own.is_empty() && others.iter().all(|v| !v.is_empty()) {
            told.push(format!("{name} {own} (others: {})", others.join(", ")));
        }
    }
    told.truncate(MOST_TRAITS_TOLD);
    if told.is_empty() { String::new() } else { format!("; {}", told.join(", ")) }
}
