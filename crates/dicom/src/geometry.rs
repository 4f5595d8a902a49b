//! Vectors in the patient, and what a row of plane positions says: order, spacing, gaps, tilt.

/// A vector or point in the patient, mm: x to the left, y to the back, z to the head.
pub type Vector = [f64; 3];

/// Smallest in-plane shift per plane distance that is told as gantry tilt, degrees.
const TILT_TOLD_DEGREES: f64 = 0.5;

pub(crate) fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub(crate) fn minus(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(crate) fn length(a: Vector) -> f64 {
    dot(a, a).sqrt()
}

fn scaled(a: Vector, factor: f64) -> Vector {
    a.map(|x| x * factor)
}

/// Row and column direction of ImageOrientationPatient as unit vectors; `None` unless they are nearly of length one and perpendicular.
pub(crate) fn directions(orientation: [f64; 6]) -> Option<[Vector; 2]> {
    let [a, b, c, d, e, f] = orientation;
    let (row, column) = ([a, b, c], [d, e, f]);
    let (row_length, column_length) = (length(row), length(column));
    let unit = (row_length - 1.0).abs() < 0.05 && (column_length - 1.0).abs() < 0.05;
    let perpendicular = dot(row, column).abs() < 0.01;
    (unit && perpendicular).then(|| [scaled(row, 1.0 / row_length), scaled(column, 1.0 / column_length)])
}

/// Anatomical letters of a direction, strongest first: `L`, `P`, `H`, `LA` …; A front, P back, L and R left and right, H head, F feet.
/// Parts weaker than a quarter of the strongest are left out.
pub fn orientation_letters(direction: [f64; 3]) -> String {
    let letters = [('L', 'R'), ('P', 'A'), ('H', 'F')];
    let mut parts: Vec<(f64, char)> = direction
        .iter()
        .zip(letters)
        .map(|(&x, (positive, negative))| (x.abs(), if x > 0.0 { positive } else { negative }))
        .collect();
    parts.sort_by(|a, b| b.0.total_cmp(&a.0));
    let strongest = parts[0].0;
    parts
        .iter()
        .filter(|(weight, _)| *weight > 1e-9 && *weight >= strongest * 0.25)
        .map(|(_, letter)| letter)
        .collect()
}

/// What the positions of planes along their normal say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stacking {
    /// Distance between planes, mm: the mean of the regular gaps.
    pub spacing_mm: f64,
    /// Gaps where planes are missing: index of the plane before, and the gap in mm.
    pub missing: Vec<(usize, f64)>,
    /// The gap that departs most from the spacing, if any departs noticeably without a plane missing.
    pub uneven: Option<(usize, f64)>,
    /// Angle between the normal and the way from plane to plane, degrees, if noticeable.
    pub tilt_degrees: Option<f64>,
}

/// Measures planes in ascending order along `normal`. `None` for fewer than two.
pub(crate) fn stacking(origins: &[Vector], normal: Vector) -> Option<Stacking> {
    let along: Vec<f64> = origins.iter().map(|&o| dot(o, normal)).collect();
    let gaps: Vec<f64> = along.windows(2).map(|w| w[1] - w[0]).collect();
    let mut sorted = gaps.clone();
    sorted.sort_by(f64::total_cmp);
    let median = *sorted.get(sorted.len().checked_sub(1)? / 2)?;
    let regular = |gap: f64| gap < 1.5 * median && gap > 0.5 * median;
    let kept: Vec<f64> = gaps.iter().copied().filter(|&g| regular(g)).collect();
    let mean = kept.iter().sum::<f64>() / kept.len() as f64;
    // Positions are often written with rounding noise; a nanometre more or less is not a spacing of its own.
    let spacing_mm = (mean * 1e6).round() / 1e6;
    // Text with one decimal rounds each position by up to 0.05 mm; less than 2 % + 0.01 mm is not told.
    let told = 0.02 * spacing_mm + 0.01;
    let missing = gaps.iter().copied().enumerate().filter(|&(_, g)| g >= 1.5 * median).collect();
    let uneven = gaps
        .iter()
        .copied()
        .enumerate()
        .filter(|&(_, g)| g < 1.5 * median && (g - spacing_mm).abs() > told)
        .max_by(|a, b| (a.1 - spacing_mm).abs().total_cmp(&(b.1 - spacing_mm).abs()));
    Some(Stacking { spacing_mm, missing, uneven, tilt_degrees: tilt_degrees(origins, normal) })
}

fn tilt_degrees(origins: &[Vector], normal: Vector) -> Option<f64> {
    let way = minus(*origins.last()?, *origins.first()?);
    let angle = (dot(way, normal).abs() / length(way)).clamp(-1.0, 1.0).acos().to_degrees();
    (angle > TILT_TOLD_DEGREES).then_some(angle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_name_the_axes_and_the_stronger_part_first() {
        assert_eq!(orientation_letters([1.0, 0.0, 0.0]), "L");
        assert_eq!(orientation_letters([0.0, -1.0, 0.0]), "A");
        assert_eq!(orientation_letters([0.0, 0.0, -1.0]), "F");
        assert_eq!(orientation_letters([0.8, -0.6, 0.0]), "LA");
        assert_eq!(orientation_letters([0.5, 0.1, 0.86]), "HL");
        assert_eq!(orientation_letters([0.0, 0.0, 0.0]), "");
    }

    #[test]
    fn spacing_is_the_regular_gap_even_where_planes_are_missing() {
        let origins: Vec<Vector> = [0.0, 2.5, 5.0, 12.5, 15.0].iter().map(|&z| [1.0, 2.0, z]).collect();
        let found = stacking(&origins, [0.0, 0.0, 1.0]).unwrap();
        assert_eq!(found.spacing_mm, 2.5);
        assert_eq!(found.missing, vec![(2, 7.5)]);
        assert_eq!(found.uneven, None);
        assert_eq!(found.tilt_degrees, None);
    }

    #[test]
    fn a_tilted_gantry_is_measured_and_its_spacing_is_along_the_normal() {
        let tilt = 12f64.to_radians();
        let normal = [0.0, tilt.sin(), tilt.cos()];
        let origins: Vec<Vector> = (0..20).map(|i| [0.0, 0.0, f64::from(i) * 3.0]).collect();
        let found = stacking(&origins, normal).unwrap();
        assert!((found.tilt_degrees.unwrap() - 12.0).abs() < 1e-6);
        assert!((found.spacing_mm - 3.0 * tilt.cos()).abs() < 1e-6);
    }

    #[test]
    fn skewed_orientation_vectors_are_refused() {
        assert!(directions([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]).is_some());
        assert!(directions([1.0, 0.0, 0.0, 0.5, 0.9, 0.0]).is_none());
        assert!(directions([0.0; 6]).is_none());
        assert!(directions([2.0, 0.0, 0.0, 0.0, 1.0, 0.0]).is_none());
    }
}
