//! Whether a volume's values can be Hounsfield units: air and soft tissue where they belong, in every slice.
//!
//! Judged on a sample of each slice, by limits that contrast, metal, padding, lung kernels, narrow fields, heads,
//! abdomens and phantoms keep to, and that a lost, doubled or foreign rescale does not:
//! a lost intercept puts soft tissue at +1000, a doubled one at −1000, a foreign slope stretches it away.

use std::ops::Range;

use super::unmeasured::{SliceFault, Unmeasured, ValueFault};
use super::volume::Plane;

/// Pixels looked at in one slice, at most.
const SAMPLE: usize = 2048;
/// Fewer pixels in all, or in a slice, are not judged.
const FEWEST: usize = 400;
/// Width of the peaks that tissues make, HU.
const PEAK: i32 = 100;
/// Where soft tissue, fat and blood make their peak.
const TISSUE: Range<i32> = -200..201;
/// What a CT pixel holds beside padding: air is noisy to both sides, 12 bits end at 3071.
const STORABLE: Range<i32> = -1300..3101;

/// A sample of one slice's values, sorted, in whole HU, with its rescale.
#[derive(Debug, Clone)]
pub struct SliceSample {
    values: Vec<i16>,
    rescale: [f32; 2],
}

impl SliceSample {
    /// Pixels of a plane at even steps; `padding` (HU) is left out.
    pub fn new(plane: &Plane, padding: Option<f64>) -> Self {
        // Odd, and no divisor of usual widths: the sample wanders over all columns.
        let step = (plane.stored.len() / SAMPLE).max(1) | 1;
        let measured = |hu: &f32| padding.is_none_or(|p| (f64::from(*hu) - p).abs() > 0.5);
        let values = (0..plane.stored.len()).step_by(step).map(|i| plane.hu(i)).filter(measured);
        // `as` saturates: what is infinite stays beyond every limit.
        let mut values: Vec<i16> = values.map(|hu| hu.round() as i16).collect();
        values.sort_unstable();
        Self { values, rescale: [plane.slope, plane.intercept] }
    }

    /// The value under which a share of the sample lies.
    fn quantile(&self, share: f64) -> f64 {
        quantile(without_padding(&self.values), share)
    }
}

fn quantile(sorted: &[i16], share: f64) -> f64 {
    let at = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
    sorted.get(at).map_or(f64::NAN, |&v| f64::from(v))
}

/// Why the slices of a volume, in order, are not measured; `None` where their values can be Hounsfield units, or are
/// too few to tell.
pub fn judge_values(slices: &[SliceSample]) -> Option<Unmeasured> {
    let mut all: Vec<i16> = slices.iter().flat_map(|s| s.values.iter().copied()).collect();
    all.sort_unstable();
    if let Some(fault) = fault_of(&all, Whose::Volume) {
        return Some(Unmeasured::Values(fault));
    }
    let judged = |s: &SliceSample| s.values.len() >= FEWEST;
    let own = slices.iter().enumerate().filter(|(_, s)| judged(s)).find_map(|(slice, s)| {
        let fault = fault_of(&s.values, Whose::Slice)?;
        Some(Unmeasured::SlicesDisagree { slice, how: SliceFault::Values(fault) })
    });
    let stepped = slices.windows(2).enumerate().find_map(|(before, pair)| {
        let how = step_between(&pair[0], &pair[1]).filter(|_| pair.iter().all(judged))?;
        Some(Unmeasured::SlicesDisagree { slice: before + 1, how })
    });
    stepped.or(own)
}

/// Least share of soft tissue in a volume: a child in the widest field has more.
const TISSUE_IN_VOLUME: f64 = 0.01;

/// Whose values are judged: a single slice may hold nothing but air, and the foam of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Volume,
    Slice,
}

/// What of sorted values can't be Hounsfield units.
fn fault_of(values: &[i16], whose: Whose) -> Option<ValueFault> {
    let values = without_padding(values);
    if values.len() < FEWEST {
        return None;
    }
    let share = |range: Range<i32>| count(values, range) as f64 / values.len() as f64;
    let beyond = 1.0 - share(STORABLE);
    if beyond > 0.05 {
        return Some(ValueFault::OutOfRange { share: beyond });
    }
    let tissue = share(TISSUE);
    if whose == Whose::Volume && tissue < TISSUE_IN_VOLUME {
        return Some(ValueFault::NoSoftTissue { share: tissue });
    }
    let (in_tissue, _) = peak(values, TISSUE);
    // Blood with iodine makes a peak too, but a lower one than muscle and fat; interstitial disease likewise.
    let elsewhere = [250..3101, -600..-200];
    let searched = match whose {
        Whose::Volume => 2,
        Whose::Slice => 1,
    };
    for range in elsewhere.into_iter().take(searched) {
        let (height, at) = peak(values, range);
        if height > 0.04 && height > 1.5 * in_tissue {
            return Some(ValueFault::TissueAt { hu: at });
        }
    }
    let dark = share(-1300..-599);
    if dark < 0.01 {
        return without_air(values, share);
    }
    let air = &values[..count(values, i32::from(i16::MIN)..-699)];
    let median = quantile(air, 0.5);
    (air.len() * 20 > values.len() && median < -1090.0).then_some(ValueFault::AirAt { hu: median })
}

/// Pictures without air: within a body all is tissue and bone, which gets rarer the denser it is. A second peak where
/// bone is rare is tissue with its intercept lost.
fn without_air(values: &[i16], share: impl Fn(Range<i32>) -> f64) -> Option<ValueFault> {
    let (height, at) = peak(values, 600..3101);
    if height > 0.03 && height > 1.5 * share(250..351) {
        return Some(ValueFault::TissueAt { hu: at });
    }
    let darkest = *values.first()?;
    let cut_off = share(i32::from(darkest)..i32::from(darkest) + 1);
    (cut_off > 0.05).then_some(ValueFault::CutOff { hu: f64::from(darkest), share: cut_off })
}

/// Sorted values without what lies below air and is one value, as the corners around a scanner's field are.
fn without_padding(values: &[i16]) -> &[i16] {
    let below = &values[..count(values, i32::from(i16::MIN)..-1100)];
    let Some(&darkest) = below.first() else { return values };
    let same = count(below, i32::from(darkest)..i32::from(darkest) + 1);
    if same * 2 > below.len() { &values[same..] } else { values }
}

/// How many sorted values lie in a range.
fn count(values: &[i16], range: Range<i32>) -> usize {
    let under = |limit: i32| values.partition_point(|&v| i32::from(v) < limit);
    under(range.end).saturating_sub(under(range.start))
}

/// Share and middle of the densest stretch of [`PEAK`] HU within a range of sorted values.
fn peak(values: &[i16], range: Range<i32>) -> (f64, f64) {
    let steps = (range.start..=range.end - PEAK).step_by(10);
    let best = steps.map(|low| (count(values, low..low + PEAK), low)).max_by_key(|&(count, _)| count);
    let (count, low) = best.unwrap_or((0, range.start));
    (count as f64 / values.len().max(1) as f64, f64::from(low + PEAK / 2))
}

/// A step from one slice to the next that no body makes.
fn step_between(before: &SliceSample, after: &SliceSample) -> Option<SliceFault> {
    let step = |share: f64| after.quantile(share) - before.quantile(share);
    let (dark, bright) = (step(0.1), step(0.9));
    if before.rescale != after.rescale && dark.abs() > 60.0 {
        return Some(SliceFault::Rescaled { hu: dark });
    }
    let together = dark.signum() == bright.signum() && (dark - bright).abs() < 150.0;
    (dark.abs() > 300.0 && bright.abs() > 300.0 && together).then_some(SliceFault::Shifted { hu: dark })
}
