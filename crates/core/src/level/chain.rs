//! The whole column as one chain of labelled segments, and how probable each place of each label is.
//!
//! A hidden semi-Markov model: neck, C7, T1 … L5, sacrum; each vertebra a segment along the canal whose length has
//! a prior, whose cues have a mean and spread in eight bins from its upper to its lower end. Forward and backward
//! sums give the posterior of every label's centre. An extra or missing vertebra at the border of chest and loin
//! is allowed, and rare.

use rayon::prelude::*;

use super::column::STEP_MM;
use super::cues::{CUES, Cue, Cues};
use super::templates::{BINS, Templates};

/// Segments of the chain, head to feet: `NECK`, C7, T1 … T12, T13, L1 … L5, L6, `SACRUM`.
pub const STATES: usize = 22;
/// Everything above C7.
pub const NECK: usize = 0;
/// Everything below the lumbar spine.
pub const SACRUM: usize = 21;
/// The first thoracic vertebra, which carries the first rib.
pub const T1: usize = 2;
const T11: usize = 12;
const T12: usize = 13;
const T13: usize = 14;
/// The first vertebra without ribs.
pub const L1: usize = 15;
const L4: usize = 18;
const L5: usize = 19;
const L6: usize = 20;

/// Shortest and longest segment, planes of the column.
const SHORTEST: usize = 6;
const LONGEST: usize = 22;
/// Relative spread of a segment's length.
const LENGTH_SPREAD: f32 = 0.10;
/// Sizes of the body around 1 that are tried, and their spread.
const SIZES: [f32; 9] = [0.80, 0.85, 0.90, 0.95, 1.0, 1.05, 1.10, 1.15, 1.20];
const SIZE_SPREAD: f32 = 0.08;
/// Neighbouring planes see the same bone: a plane's evidence counts this much.
const TEMPER: f32 = 0.15;
/// How rare an extra or a missing vertebra is at each border.
const RARE: f32 = 0.02;
/// Planes without evidence added at both ends, so that cut vertebrae find room.
const PAD: usize = LONGEST;

/// Length of a vertebra with its disc along the canal in a person of middle size, mm.
pub fn usual_length_mm(state: usize) -> f32 {
    const LENGTHS: [f32; STATES] = [
        0.0, 17.0, 18.0, 20.0, 21.5, 22.5, 23.0, 23.5, 24.0, 24.5, 25.5, 26.5, 27.5, 29.0, 29.5, 30.5, 31.5,
        32.0, 32.0, 31.0, 31.0, 0.0,
    ];
    LENGTHS[state]
}

/// Distance from the canal's middle to that of the vertebral body ahead of it, mm.
pub fn body_ahead_mm(state: usize) -> f32 {
    const AHEAD: [f32; STATES] = [
        15.0, 15.5, 16.0, 16.5, 17.3, 18.0, 18.7, 19.5, 20.3, 21.0, 21.7, 22.3, 22.8, 23.2, 23.4, 23.6, 24.2,
        25.0, 25.5, 25.5, 25.5, 20.0,
    ];
    AHEAD[state]
}

/// Posterior over places of every label.
#[derive(Debug, Clone)]
pub struct Posterior {
    /// By state and twice the plane (half planes occur): probability that the label's centre is there.
    pub centres: Vec<Vec<f32>>,
}

/// Which cues are left out of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Without(pub [bool; CUES]);

impl Without {
    /// All but these.
    pub fn cues(cues: &[Cue]) -> Self {
        let mut without = Self::default();
        for c in cues {
            without.0[*c as usize] = true;
        }
        without
    }
}

/// Likelihoods of all segments, and of single planes of neck and sacrum, from the first padded plane. Each plane's
/// are divided by that of the state that explains it best, so that products stay within the range of numbers.
struct Evidence {
    planes: usize,
    /// `[state][from][length - SHORTEST]`.
    segments: Vec<f64>,
    /// Of neck and of sacrum by plane.
    free: [Vec<f64>; 2],
}

const LENGTHS: usize = LONGEST - SHORTEST + 1;

impl Evidence {
    fn of(cues: &Cues, templates: &Templates, without: Without) -> Self {
        let planes = cues.values.len() + 2 * PAD;
        // [state][bin][plane], the padding 0.
        let mut logs = vec![0.0_f64; STATES * BINS * planes];
        logs.par_chunks_mut(planes).enumerate().for_each(|(i, line)| {
            for (cell, values) in line[PAD..].iter_mut().zip(&cues.values) {
                *cell = f64::from(TEMPER * templates.log_likelihood(i / BINS, i % BINS, values, &without.0));
            }
        });
        let best: Vec<f64> = (0..planes)
            .map(|p| logs.iter().skip(p).step_by(planes).copied().fold(f64::MIN, f64::max))
            .collect();
        for line in logs.chunks_mut(planes) {
            for (cell, best) in line.iter_mut().zip(&best) {
                *cell -= best;
            }
        }
        let line = |state: usize, bin: usize| &logs[(state * BINS + bin) * planes..][..planes];
        let free = [NECK, SACRUM].map(|state| line(state, 0).iter().map(|v| v.exp()).collect());
        let mut segments = vec![0.0; STATES * planes * LENGTHS];
        segments.par_chunks_mut(planes * LENGTHS).enumerate().for_each(|(state, out)| {
            if is_free(state) {
                return;
            }
            // Sums down the column by bin, so that a segment is eight differences.
            let sums: Vec<Vec<f64>> = (0..BINS)
                .map(|bin| {
                    let mut sum = 0.0;
                    std::iter::once(0.0)
                        .chain(line(state, bin).iter().map(|v| {
                            sum += v;
                            sum
                        }))
                        .collect()
                })
                .collect();
            for from in 0..planes {
                for length in SHORTEST..=LONGEST.min(planes - from) {
                    let mut start = from;
                    let mut all = 0.0;
                    for (bin, sum) in sums.iter().enumerate() {
                        let end = from + (length * (bin + 1) + BINS / 2) / BINS;
                        all += sum[end] - sum[start];
                        start = end;
                    }
                    out[from * LENGTHS + length - SHORTEST] = all.exp();
                }
            }
        });
        Self { planes, segments, free }
    }

    /// Likelihoods of a state's segments that begin at a plane, from the shortest on.
    #[inline]
    fn segments(&self, state: usize, from: usize) -> &[f64] {
        &self.segments[(state * self.planes + from) * LENGTHS..][..LENGTHS]
    }

    /// Likelihood of one plane of neck or sacrum.
    fn one(&self, state: usize, plane: usize) -> f64 {
        self.free[usize::from(state == SACRUM)][plane]
    }
}

/// What may follow a state, with its probability.
fn next_of(state: usize) -> &'static [(usize, f32)] {
    const NEXT: [&[(usize, f32)]; STATES] = [
        &[(1, 1.0)],
        &[(2, 1.0)],
        &[(3, 1.0)],
        &[(4, 1.0)],
        &[(5, 1.0)],
        &[(6, 1.0)],
        &[(7, 1.0)],
        &[(8, 1.0)],
        &[(9, 1.0)],
        &[(10, 1.0)],
        &[(11, 1.0)],
        &[(T11, 1.0)],
        &[(T12, 1.0 - RARE), (L1, RARE)],
        &[(L1, 1.0 - RARE), (T13, RARE)],
        &[(L1, 1.0)],
        &[(16, 1.0)],
        &[(17, 1.0)],
        &[(L4, 1.0)],
        &[(L5, 1.0 - RARE), (SACRUM, RARE)],
        &[(SACRUM, 1.0 - RARE), (L6, RARE)],
        &[(SACRUM, 1.0)],
        &[],
    ];
    NEXT[state]
}

fn is_free(state: usize) -> bool {
    state == NECK || state == SACRUM
}

/// Prior of lengths for a body size: `[state][length - SHORTEST]`.
fn length_priors(size: f32) -> Vec<[f64; LENGTHS]> {
    (0..STATES)
        .map(|state| {
            let mut prior = [0.0; LENGTHS];
            if is_free(state) {
                return prior;
            }
            let usual = (usual_length_mm(state) * size / STEP_MM).ln();
            for (i, p) in prior.iter_mut().enumerate() {
                let length = (i + SHORTEST) as f32;
                let d = (length.ln() - usual) / LENGTH_SPREAD;
                *p = f64::from((-0.5 * d * d).exp() / length);
            }
            let all: f64 = prior.iter().sum();
            prior.map(|p| p / all)
        })
        .collect()
}

/// Posterior of every label's centre from the cues, summed over body sizes.
pub fn posterior(cues: &Cues, templates: &Templates, without: Without) -> Posterior {
    let evidence = Evidence::of(cues, templates, without);
    let runs: Vec<(f64, Vec<Vec<f64>>)> = SIZES
        .par_iter()
        .map(|size| {
            let d = f64::from((size - 1.0) / SIZE_SPREAD);
            let (all, centres) = one_size(&evidence, &length_priors(*size));
            (all * (-0.5 * d * d).exp(), centres)
        })
        .collect();
    let all: f64 = runs.iter().map(|r| r.0).sum();
    let width = 2 * cues.values.len();
    let mut centres = vec![vec![0.0_f32; width]; STATES];
    for (weight, run) in runs.iter().filter(|r| r.0 > 0.0) {
        let weight = (weight / all) as f32;
        for (out, own) in centres.iter_mut().zip(run) {
            for (at, p) in own.iter().enumerate() {
                // Centres in the padding are outside of the scan.
                if let Some(cell) = at.checked_sub(2 * PAD).and_then(|i| out.get_mut(i)) {
                    *cell += weight * *p as f32;
                }
            }
        }
    }
    Posterior { centres }
}

/// Forward and backward sums for one body size: evidence, and probability of centres by state and half plane.
fn one_size(evidence: &Evidence, lengths: &[[f64; LENGTHS]]) -> (f64, Vec<Vec<f64>>) {
    let n = evidence.planes;
    let start = 1.0 / (STATES * PAD) as f64;
    // begins[i][s]: everything above plane i explained, and s begins there. ends[i][s]: s ended before plane i.
    let mut begins = vec![[0.0_f64; STATES]; n + 1];
    let mut ends = vec![[0.0_f64; STATES]; n + 1];
    for i in 0..=n {
        for state in 0..STATES {
            if is_free(state) && i > 0 {
                ends[i][state] = (begins[i - 1][state] + ends[i - 1][state]) * evidence.one(state, i - 1);
            }
        }
        // Neck and sacrum may be followed, and begun, at this plane; ends of vertebrae are complete by now.
        for state in 0..STATES {
            if i < PAD {
                begins[i][state] += start;
            }
            let ended = ends[i][state];
            if ended > 0.0 {
                for (next, p) in next_of(state) {
                    begins[i][*next] += ended * f64::from(*p);
                }
            }
        }
        for state in (0..STATES).filter(|s| !is_free(*s)) {
            let begun = begins[i][state];
            if begun > 0.0 && i < n {
                let likelihoods = evidence.segments(state, i);
                for (k, (l, p)) in likelihoods.iter().zip(&lengths[state]).enumerate() {
                    if i + k + SHORTEST <= n {
                        ends[i + k + SHORTEST][state] += begun * l * p;
                    }
                }
            }
        }
    }
    // after[i][s]: everything from plane i on, given that s ended before it; whole: given that s begins there.
    let mut after = vec![[0.0_f64; STATES]; n + 1];
    let mut whole = vec![[0.0_f64; STATES]; n + 1];
    for i in (0..=n).rev() {
        for state in 0..STATES {
            if is_free(state) {
                if i < n {
                    whole[i][state] = evidence.one(state, i) * after[i + 1][state];
                }
            } else if i < n {
                let likelihoods = evidence.segments(state, i);
                whole[i][state] = likelihoods
                    .iter()
                    .zip(&lengths[state])
                    .enumerate()
                    .filter(|(k, _)| i + k + SHORTEST <= n)
                    .map(|(k, (l, p))| l * p * after[i + k + SHORTEST][state])
                    .sum();
            }
        }
        let (now, later) = after.split_at_mut(i + 1);
        for (state, sum_after) in now[i].iter_mut().enumerate() {
            let mut sum = if i + PAD > n { 1.0 } else { 0.0 };
            for (next, p) in next_of(state) {
                sum += whole[i][*next] * f64::from(*p);
            }
            if is_free(state) && i < n {
                sum += later[0][state] * evidence.one(state, i);
            }
            *sum_after = sum;
        }
    }
    let all: f64 = whole.iter().take(PAD.min(n)).flatten().map(|w| start * w).sum();
    let mut centres = vec![vec![0.0; 2 * n + 1]; STATES];
    if all.is_nan() || all <= 0.0 {
        return (0.0, centres);
    }
    for state in (0..STATES).filter(|s| !is_free(*s)) {
        for from in (0..n).filter(|i| begins[*i][state] > 0.0) {
            let begun = begins[from][state] / all;
            for (k, (l, p)) in evidence.segments(state, from).iter().zip(&lengths[state]).enumerate() {
                let to = from + k + SHORTEST;
                if to <= n {
                    // Planes are counted by their middles: [from, to) is centred on (from + to − 1) / 2.
                    centres[state][from + to - 1] += begun * l * p * after[to][state];
                }
            }
        }
    }
    (all, centres)
}

/// The place of a label with most probability within 9 mm, its mean there, and that probability.
pub fn best_place(centres: &[f32]) -> (f32, f32) {
    let reach = (2.0 * 9.0 / STEP_MM) as usize;
    let mass = |at: usize| -> f32 {
        centres[at.saturating_sub(reach)..(at + reach + 1).min(centres.len())].iter().sum()
    };
    let Some(best) = (0..centres.len()).max_by(|a, b| mass(*a).total_cmp(&mass(*b))) else {
        return (0.0, 0.0);
    };
    let (from, to) = (best.saturating_sub(reach), (best + reach + 1).min(centres.len()));
    let sum = mass(best);
    let mean = (from..to).map(|i| i as f32 * centres[i]).sum::<f32>() / sum.max(1e-12);
    (mean / 2.0, sum)
}

/// Probability that a label's centre lies within 9 mm of a plane.
pub fn mass_near(centres: &[f32], plane: f32) -> f32 {
    let reach = 2.0 * 9.0 / STEP_MM;
    centres
        .iter()
        .enumerate()
        .filter(|(i, _)| (*i as f32 - 2.0 * plane).abs() <= reach)
        .map(|(_, p)| *p)
        .sum()
}
