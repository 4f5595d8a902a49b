//! The pictures themselves: reading them once, and finding one picture, or one person, under two names.

use std::collections::HashSet;
use std::io::Cursor;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::{GenericImageView, ImageFormat, ImageReader};
use rayon::prelude::*;

use super::alike::{self, Fit, Lie};
use super::nearest::Nearest;
use super::test::median;
use super::{Cancelled, Code, Finding, Severity, count, some};
use crate::cohort::PictureFile;
use crate::level::Level;
use thoracast_files::budget::{self, MOST_PIXELS};
use thoracast_files::progress::Progress;

/// Side of the small picture that is compared. Averaging takes away noise and what compression leaves.
pub(super) const SMALL: usize = 48;
/// Two pictures are one person's when they differ by less than this share of what a picture differs from its second
/// nearest neighbour: the second, because the nearest may be the copy that is looked for.
const SHARE: f64 = 0.4;
/// And chance gives fewer pairs as close as this in the whole cohort (see [`chance_pairs`]).
const EXPECTED: f64 = 0.01;
/// Verified on all pixels.
const SHARE_OF_PIXELS: f64 = 0.6;
/// With fewer pictures there is no telling how much patients differ; only the very same picture is reported then.
const ENOUGH: usize = 12;

/// A picture as far as the checks need it.
pub struct Looked<'a> {
    pub file: &'a PictureFile,
    /// `Err` says why it cannot be read.
    pub content: Result<Content, String>,
}

/// What is kept of a picture: its small copy and how it was made.
pub struct Content {
    /// Mean grey of each of 48 × 48 fields, less the picture's mean.
    small: Vec<f32>,
    pub made: Made,
}

/// Properties of the file and of areas without anatomy.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    pub size: (u32, u32),
    /// Format, colour type and, for JPEG, its quantisation tables.
    pub coding: String,
    pub bytes_per_pixel: f64,
    /// Share of 254 among 254 and 255: noise where the picture is white. `None` with too little white.
    pub white_noise: Option<f64>,
    /// Share of 1 among 0 and 1.
    pub black_noise: Option<f64>,
    /// Steps between neighbouring pixels over steps between every second: low after smoothing or enlarging.
    pub sharpness: f64,
    /// Share of bright pixels in the corners, where labels are burned in.
    pub corners: f64,
    /// Mean grey of the outermost two pixels.
    pub border: f64,
    /// How busy the picture is: mean step between neighbouring pixels, share of white, share of black.
    pub busy: [f64; 3],
}

/// Reads all pictures, a few at a time.
pub fn look<'a>(files: &'a [PictureFile], progress: &dyn Progress) -> Result<Vec<Looked<'a>>, Cancelled> {
    let done = AtomicUsize::new(0);
    files
        .par_iter()
        .map(|file| {
            if progress.cancelled() {
                return Err(Cancelled);
            }
            let content = read(file);
            progress.report(done.fetch_add(1, Ordering::Relaxed) + 1, files.len());
            Ok(Looked { file, content })
        })
        .collect()
}

fn grey(file: &PictureFile) -> Result<(Vec<u8>, image::GrayImage, String), String> {
    let bytes = budget::read(&file.path, budget::PICTURE).map_err(|e| e.to_string())?;
    let format = image::guess_format(&bytes).map_err(|_| "it is no picture".to_owned())?;
    let mut reader = ImageReader::with_format(Cursor::new(&bytes), format);
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(MOST_PIXELS);
    reader.limits(limits);
    let picture = reader.decode().map_err(|e| format!("it is cut short or damaged ({e})"))?;
    let tables = if format == ImageFormat::Jpeg { quantisation(&bytes) } else { String::new() };
    let coding = format!("{format:?} {:?} {tables}", picture.color());
    if picture.dimensions().0 < 8 || picture.dimensions().1 < 8 {
        return Err("it has hardly any pixels".to_owned());
    }
    Ok((bytes, picture.into_luma8(), coding))
}

fn read(file: &PictureFile) -> Result<Content, String> {
    let (bytes, grey, coding) = grey(file)?;
    let (width, height) = grey.dimensions();
    let pixel = |x: u32, y: u32| f64::from(grey.get_pixel(x, y).0[0]);
    let (mut near, mut far, mut counts) = (0.0, 0.0, [0usize; 256]);
    for y in 0..height {
        for x in 0..width {
            counts[usize::from(grey.get_pixel(x, y).0[0])] += 1;
            if x + 2 < width {
                near += (pixel(x + 1, y) - pixel(x, y)).abs();
                far += (pixel(x + 2, y) - pixel(x, y)).abs();
            }
        }
    }
    let all = f64::from(width) * f64::from(height);
    let noise = |a: usize, b: usize| {
        let both = counts[a] + counts[b];
        (both * 100 >= all as usize && both >= 200).then(|| counts[a] as f64 / both as f64)
    };
    let mean_where = |inside: &dyn Fn(u32, u32) -> bool, of: &dyn Fn(f64) -> f64| {
        let (mut sum, mut n) = (0.0, 0.0);
        for y in 0..height {
            for x in 0..width {
                if inside(x, y) {
                    sum += of(pixel(x, y));
                    n += 1.0;
                }
            }
        }
        sum / f64::max(n, 1.0)
    };
    let edge = |x: u32, size: u32, depth: u32| x < depth || x + depth >= size;
    let made = Made {
        size: (width, height),
        coding,
        bytes_per_pixel: bytes.len() as f64 / all,
        white_noise: noise(254, 255),
        black_noise: noise(1, 0),
        sharpness: near / f64::max(far, 1.0),
        corners: mean_where(&|x, y| edge(x, width, width / 10) && edge(y, height, height / 10), &|v| {
            f64::from(u8::from(v > 180.0))
        }),
        border: mean_where(&|x, y| edge(x, width, 2) || edge(y, height, 2), &|v| v),
        busy: [
            near / all,
            counts[250..].iter().sum::<usize>() as f64 / all,
            counts[..6].iter().sum::<usize>() as f64 / all,
        ],
    };
    Ok(Content { small: small(&grey), made })
}

/// The fields that each pixel of a side lies in, with the part of it in each: by area, so that a mirrored picture has
/// mirrored fields.
fn fields(side: u32) -> Vec<Vec<(usize, f32)>> {
    let scale = SMALL as f32 / side as f32;
    let of = |pixel: u32| {
        let (from, to) = (pixel as f32 * scale, (pixel + 1) as f32 * scale);
        let part = |field: usize| (to.min((field + 1) as f32) - from.max(field as f32)).max(0.0);
        (from as usize..=(to as usize).min(SMALL - 1)).map(|f| (f, part(f))).filter(|p| p.1 > 0.0).collect()
    };
    (0..side).map(of).collect()
}

fn small(grey: &image::GrayImage) -> Vec<f32> {
    let (width, height) = grey.dimensions();
    let (mut sum, mut n) = (vec![0f32; SMALL * SMALL], vec![0f32; SMALL * SMALL]);
    let (across, down) = (fields(width), fields(height));
    for (x, y, pixel) in grey.enumerate_pixels() {
        for (row, high) in &down[y as usize] {
            for (column, wide) in &across[x as usize] {
                sum[row * SMALL + column] += f32::from(pixel.0[0]) * high * wide;
                n[row * SMALL + column] += high * wide;
            }
        }
    }
    sum.iter_mut().zip(n).for_each(|(s, n)| *s /= n.max(1e-6));
    let mean = sum.iter().sum::<f32>() / sum.len() as f32;
    sum.iter_mut().for_each(|s| *s -= mean);
    sum
}

/// The quantisation tables' numbers, which say how strongly a JPEG was compressed.
fn quantisation(bytes: &[u8]) -> String {
    let (mut at, mut sums) = (2, Vec::new());
    while at + 4 <= bytes.len() && bytes[at] == 0xFF && bytes[at + 1] != 0xDA {
        let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        let segment = bytes.get(at + 4..at + 2 + length.max(2)).unwrap_or(&[]);
        if bytes[at + 1] == 0xDB {
            sums.push(segment.iter().map(|b| u32::from(*b)).sum::<u32>().to_string());
        }
        at += 2 + length.max(2);
    }
    sums.join("/")
}

/// Files that are no pictures.
pub fn unreadable(looked: &[Looked]) -> Option<Finding> {
    let broken: Vec<(&Looked, &String)> =
        looked.iter().filter_map(|l| Some((l, l.content.as_ref().err()?))).collect();
    let (first, reason) = broken.first()?;
    let ids: Vec<&String> = broken.iter().map(|(l, _)| &l.file.id).collect();
    let message = format!(
        "{} cannot be read (first: {}: {reason}); export them again. IDs {}.",
        count(broken.len(), "picture"),
        place(first.file),
        some(&ids)
    );
    Some(
        Finding::new(Code::UnmatchedRows, Severity::High, message)
            .patients(ids.into_iter().cloned())
            .evidence("unreadable", broken.len()),
    )
}

fn place(file: &PictureFile) -> String {
    format!("{}/{}/{}/{}", file.level.name(), file.split, u8::from(file.event), file.id)
}

struct Pair<'a> {
    a: &'a PictureFile,
    b: &'a PictureFile,
    /// Share of the usual distance.
    share: f64,
    /// Mean difference of all pixels.
    pixels: f64,
}

/// Pictures that show one person in two splits (or twice in one).
pub fn in_two_splits(looked: &[Looked], progress: &dyn Progress) -> Result<Vec<Finding>, Cancelled> {
    let mut pairs = Vec::new();
    for level in Level::ALL {
        let pictures: Vec<(&PictureFile, &[f32])> = looked
            .iter()
            .filter(|l| l.file.level == level)
            .filter_map(|l| Some((l.file, l.content.as_ref().ok()?.small.as_slice())))
            .collect();
        pairs.extend(of_level(&pictures, progress)?);
    }
    pairs.sort_by(|a, b| a.share.total_cmp(&b.share));
    let (across, within): (Vec<Pair>, Vec<Pair>) = pairs.into_iter().partition(|p| p.a.split != p.b.split);
    let found = [
        told(
            &across,
            Code::PictureInTwoSplits,
            Severity::High,
            "in two splits, so that what is tested was seen in training",
        ),
        told(&within, Code::DuplicateId, Severity::Medium, "twice in one split, under two IDs"),
    ];
    Ok(found.into_iter().flatten().collect())
}

fn told(pairs: &[Pair], code: Code, severity: Severity, what: &str) -> Option<Finding> {
    if pairs.is_empty() {
        return None;
    }
    let names: Vec<String> = pairs.iter().map(|p| format!("{} = {}", place(p.a), place(p.b))).collect();
    let message = format!(
        "{} of pictures {} nearly the same (as they are, or once mirrored, turned or moved a little), far closer than those \
         of any two other patients: one person's slice stands {what}. Look at them and keep each person once; {}.",
        count(pairs.len(), "pair"),
        if pairs.len() == 1 { "is" } else { "are" },
        some(&names)
    );
    Some(
        Finding::new(code, severity, message)
            .patients(pairs.iter().flat_map(|p| [p.a.id.clone(), p.b.id.clone()]))
            .evidence("pairs", names)
            .evidence("no_refit", super::UNSEEN)
            .evidence("share_of_usual_distance", pairs.iter().map(|p| p.share).collect::<Vec<_>>())
            .evidence("mean_pixel_difference", pairs.iter().map(|p| p.pixels).collect::<Vec<_>>()),
    )
}

/// Root mean square of the difference of two small copies.
pub(super) fn distance(a: &[f32], b: &[f32]) -> f64 {
    // Eight sums side by side, so that the processor can take several at once.
    let mut sums = [0f32; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for l in 0..8 {
            sums[l] += (a[l] - b[l]) * (a[l] - b[l]);
        }
    }
    f64::from(sums.iter().sum::<f32>() / a.len() as f32).sqrt()
}

/// Nearest others that are looked up for each picture. Their pairs are more than four a picture, which is where the
/// count of chance pairs is read off.
const NEIGHBOURS: usize = 9;
/// Copies of one picture that are reported, and pictures near one another that are counted, for each picture: a
/// thousand times the same picture is a finding without half a million pairs.
const MOST_COPIES: usize = 50;
const MOST_NEAR: usize = 2000;

fn of_level<'a>(
    pictures: &[(&'a PictureFile, &[f32])],
    progress: &dyn Progress,
) -> Result<Vec<Pair<'a>>, Cancelled> {
    let n = pictures.len();
    let tree = Nearest::new(pictures.iter().map(|(_, small)| *small).collect());
    let nearest = each(n, progress, |i| tree.nearest(i, NEIGHBOURS))?;
    let second: Vec<(usize, f64)> =
        nearest.iter().filter_map(|near| near.get(1)).map(|(d, j)| (*j, *d)).collect();
    let usual = if n >= ENOUGH { median(&second.iter().map(|s| s.1).collect::<Vec<_>>()) } else { f64::NAN };
    let limit = if n >= ENOUGH { usual * SHARE } else { 0.5 };
    let by_chance = if n >= ENOUGH { chance_pairs(&tree, pictures, &nearest, progress)? } else { None };
    // How much different patients differ pixel by pixel, from a few of them.
    let every = (second.len() / 24).max(1);
    let usual_pixels = median(
        &second
            .iter()
            .enumerate()
            .step_by(every)
            .filter_map(|(i, (j, _))| pixel_difference(pictures[i].0, pictures[*j].0))
            .collect::<Vec<_>>(),
    );
    let close = each(n, progress, |i| {
        let mut pairs = Vec::new();
        for (j, d) in tree.within(pictures[i].1, i + 1, limit, MOST_COPIES) {
            let (a, b) = (pictures[i].0, pictures[j].0);
            let chance = n >= ENOUGH && by_chance.as_ref().is_none_or(|pairs| pairs(d) > EXPECTED);
            if chance || (a.split == b.split && a.id == b.id) {
                continue;
            }
            let pixels = pixel_difference(a, b);
            // Pictures of different size are compared by their small copies alone.
            let verified =
                pixels.is_none_or(|p| if n >= ENOUGH { p < SHARE_OF_PIXELS * usual_pixels } else { p < 4.0 });
            if verified {
                let share = if n >= ENOUGH { d / usual.max(1e-9) } else { 0.0 };
                pairs.push((j, Pair { a, b, share, pixels: pixels.unwrap_or(f64::NAN) }));
            }
        }
        pairs
    })?;
    let known: HashSet<(usize, usize)> =
        close.iter().enumerate().flat_map(|(i, pairs)| pairs.iter().map(move |(j, _)| (i, *j))).collect();
    let mut pairs: Vec<Pair<'a>> = close.into_iter().flatten().map(|(_, pair)| pair).collect();
    if n >= ENOUGH {
        pairs.extend(disguised(&tree, pictures, &known, [usual, usual_pixels], progress)?);
    }
    Ok(pairs)
}

/// What `of` makes of each number below `n`, in their order; tells how far it is and can be cancelled.
fn each<T: Send>(
    n: usize,
    progress: &dyn Progress,
    of: impl Fn(usize) -> T + Sync,
) -> Result<Vec<T>, Cancelled> {
    let done = AtomicUsize::new(0);
    (0..n)
        .into_par_iter()
        .map(|i| {
            if progress.cancelled() {
                return Err(Cancelled);
            }
            let result = of(i);
            progress.report(done.fetch_add(1, Ordering::Relaxed) + 1, n);
            Ok(result)
        })
        .collect()
}

/// Pairs that are close enough to be brought onto one another, as a share of the usual distance.
const WORTH_ALIGNING: f64 = 0.9;
/// What may differ still once they lie on one another.
const SHARE_ALIGNED: f64 = 0.25;
/// And pixel by pixel: stricter than for pictures that lie alike, as aligning brings different people closer, too.
const SHARE_OF_ALIGNED_PIXELS: f64 = 0.5;

/// Pictures that are one picture once mirrored, turned, moved or cropped by a little, but for pairs `known` already.
/// `usual` are the usual distance of small copies and the usual difference of pixels.
fn disguised<'a>(
    tree: &Nearest<'_>,
    pictures: &[(&'a PictureFile, &[f32])],
    known: &HashSet<(usize, usize)>,
    [usual, usual_pixels]: [f64; 2],
    progress: &dyn Progress,
) -> Result<Vec<Pair<'a>>, Cancelled> {
    let found = each(pictures.len(), progress, |i| {
        let (a, small) = pictures[i];
        let mut found: Vec<(usize, Pair<'a>)> = Vec::new();
        for lie in Lie::ALL {
            // All others against one turned picture: turning is its own reverse.
            let turned = lie.of(small);
            for (j, _) in tree.within(&turned, i + 1, WORTH_ALIGNING * usual, MOST_COPIES) {
                let (b, other) = pictures[j];
                let one_file = a.split == b.split && a.id == b.id;
                if one_file || found.iter().any(|(found, _)| *found == j) {
                    continue;
                }
                let Some((fit, left)) = alike::align(&turned, other) else { continue };
                if left > SHARE_ALIGNED * usual {
                    continue;
                }
                let pixels = aligned_difference(a, b, lie, fit);
                if let Some(pixels) = pixels.filter(|p| *p < SHARE_OF_ALIGNED_PIXELS * usual_pixels) {
                    found.push((j, Pair { a, b, share: left / usual.max(1e-9), pixels }));
                }
            }
        }
        found.retain(|(j, _)| !known.contains(&(i, *j)));
        found
    })?;
    Ok(found.into_iter().flatten().map(|(_, pair)| pair).collect())
}

/// Mean difference of all pixels of `a`, lying so, from those of `b` brought onto it, brightness apart.
fn aligned_difference(a: &PictureFile, b: &PictureFile, lie: Lie, fit: Fit) -> Option<f64> {
    let (a, b) = (grey(a).ok()?.1, grey(b).ok()?.1);
    let side = |g: &image::GrayImage| [f64::from(g.width()), f64::from(g.height())];
    let (of_a, of_b) = (side(&a), side(&b));
    let mut pairs = Vec::with_capacity(a.as_raw().len());
    for (x, y, _) in a.enumerate_pixels() {
        let at = [f64::from(x), f64::from(y)];
        let from = lie.from(at, of_a);
        let to = fit.place([at[0] * of_b[0] / of_a[0], at[1] * of_b[1] / of_a[1]], of_b);
        if to[0] < 0.0 || to[1] < 0.0 || to[0] > of_b[0] - 1.0 || to[1] > of_b[1] - 1.0 {
            continue;
        }
        let first = f64::from(a.get_pixel(from[0] as u32, from[1] as u32).0[0]);
        let second = image::imageops::interpolate_bilinear(&b, to[0] as f32, to[1] as f32)?;
        pairs.push(first - f64::from(second.0[0]));
    }
    let n = pairs.len().max(1) as f64;
    let shift = pairs.iter().sum::<f64>() / n;
    Some(pairs.iter().map(|d| (d - shift).abs()).sum::<f64>() / n)
}

/// How many pairs of different patients chance brings closer than a distance. Near zero the number of pairs grows with a
/// power of the distance, which depends on in how many ways bodies differ; it is read off the closest pairs there are,
/// but for as many as could be copies (Grassberger and Procaccia, Physica D 1983, 9:189).
fn chance_pairs(
    tree: &Nearest<'_>,
    pictures: &[(&PictureFile, &[f32])],
    nearest: &[Vec<(f64, usize)>],
    progress: &dyn Progress,
) -> Result<Option<impl Fn(f64) -> f64 + Copy + Sync>, Cancelled> {
    let n = pictures.len();
    // The pairs of nearest pictures are some of all pairs, so that the fourfold-closest of all lie within theirs.
    let known: HashSet<(usize, usize)> = nearest
        .iter()
        .enumerate()
        .flat_map(|(i, near)| near.iter().map(move |(_, j)| (i.min(*j), i.max(*j))))
        .collect();
    let mut among: Vec<f64> = known.iter().map(|(i, j)| distance(pictures[*i].1, pictures[*j].1)).collect();
    among.sort_by(f64::total_cmp);
    let Some(reach) = among.get(4 * n).copied() else { return Ok(None) };
    let within = each(n, progress, |i| -> Vec<f64> {
        tree.within(pictures[i].1, i + 1, reach, MOST_NEAR).into_iter().map(|(_, d)| d).collect()
    })?;
    let mut all: Vec<f64> = within.into_iter().flatten().collect();
    all.sort_by(f64::total_cmp);
    let (Some(near), Some(far)) = (all.get(n).copied(), all.get(4 * n).copied()) else { return Ok(None) };
    let power = 4f64.ln() / (far / near).ln();
    // Where all patients are equally far apart the power is without bound, and any closer pair is a copy.
    Ok((near > 0.0).then_some(move |d: f64| n as f64 * (d / near).powf(power.clamp(1.0, 1e3))))
}

/// Mean difference of two pictures of one size, brightness apart.
fn pixel_difference(a: &PictureFile, b: &PictureFile) -> Option<f64> {
    let (a, b) = (grey(a).ok()?.1, grey(b).ok()?.1);
    if a.dimensions() != b.dimensions() {
        return None;
    }
    let mean = |g: &image::GrayImage| {
        g.as_raw().iter().map(|v| f64::from(*v)).sum::<f64>() / g.as_raw().len() as f64
    };
    let shift = mean(&a) - mean(&b);
    let sum: f64 =
        a.as_raw().iter().zip(b.as_raw()).map(|(x, y)| (f64::from(*x) - f64::from(*y) - shift).abs()).sum();
    Some(sum / a.as_raw().len() as f64)
}
