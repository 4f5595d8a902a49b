//! Where the picture is cut out of a CT plane.
//!
//! Measured on the study's 431 patients, on both levels: the pictures are 500 wide, the body lies across their middle
//! (its centre at 247.5 ± 9 pixels), and the back lies 11 pixels above the lower edge (median of T4 and of T11 alike,
//! quartiles 8 and 17), while the space above the chest takes up what is left (12 to 190 pixels). Bodies nearly as tall
//! as the picture share the little room above and below. This is what a fixed width and a hand that aligns the back give,
//! and the rule here gives the same: the middle of the matrix, shifted only to keep the body whole; the back 11 pixels
//! above the edge, or half the spare room if that is less.

/// Soft tissue and fat are denser; lung, air and foam are not.
const BODY_ABOVE_HU: f32 = -300.0;
/// Pixels between the back and the lower edge of the study's pictures.
const MARGIN_BELOW: isize = 11;

/// A plane in Hounsfield units as a person expects it: patient's right at the left, front at the top; row-major.
pub struct UprightPlane {
    pub width: usize,
    pub height: usize,
    pub hu: Vec<f32>,
}

/// First and last column and row of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    pub left: usize,
    pub right: usize,
    pub top: usize,
    pub bottom: usize,
}

/// Where the picture's first pixel lies in the plane; negative where the plane is smaller than the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corner {
    pub left: isize,
    pub top: isize,
}

/// Places a picture of `width` × `height` around the body.
pub fn corner(plane: &UprightPlane, body: Extent, width: usize, height: usize) -> Corner {
    Corner {
        left: across(plane.width as isize, body.left as isize, body.right as isize + 1, width as isize),
        top: down(plane.height as isize, body.top as isize, body.bottom as isize + 1, height as isize),
    }
}

fn across(matrix: isize, from: isize, to: isize, width: isize) -> isize {
    let middle = (matrix - width).div_euclid(2);
    let left = match to - from <= width {
        true => middle.clamp(to - width, from),
        false => (from + to - width).div_euclid(2),
    };
    keep_inside(left, matrix, width)
}

fn down(matrix: isize, from: isize, to: isize, height: isize) -> isize {
    let spare = height - (to - from);
    keep_inside(to + MARGIN_BELOW.min(spare.div_euclid(2)) - height, matrix, height)
}

/// A picture smaller than the matrix never leaves it; a larger one always holds all of it.
fn keep_inside(at: isize, matrix: isize, size: isize) -> isize {
    at.clamp(0.min(matrix - size), 0.max(matrix - size))
}

/// The body's extent: the largest connected region above −300 HU after thin structures (the table's shell, tubes, sheets)
/// are taken off. None where there is nothing but air.
pub fn body_extent(plane: &UprightPlane) -> Option<Extent> {
    let (width, height) = (plane.width, plane.height);
    let dense: Vec<bool> = plane.hu.iter().map(|&hu| hu > BODY_ABOVE_HU).collect();
    // Two pixels at the usual 512: thicker than a table's shell, thinner than any limb.
    let radius = ((width as f64 / 256.0).round() as usize).max(1);
    let eroded = spread(&dense, width, height, radius, false);
    let opened = spread(&eroded, width, height, radius, true);
    largest_region(&opened, width, height)
}

/// Box dilation of `value`: a pixel takes it if any pixel within `radius` on either axis has it. With `value` false this
/// is erosion; outside the matrix counts as neither, so a body cut by its edge keeps its edge.
fn spread(mask: &[bool], width: usize, height: usize, radius: usize, value: bool) -> Vec<bool> {
    let line = |get: &dyn Fn(usize) -> bool, length: usize, set: &mut dyn FnMut(usize)| {
        let mut free_from = 0;
        for i in (0..length).filter(|&i| get(i) == value) {
            for j in i.saturating_sub(radius).max(free_from)..(i + radius + 1).min(length) {
                set(j);
            }
            free_from = (i + radius + 1).min(length);
        }
    };
    let mut across = vec![!value; mask.len()];
    for row in 0..height {
        let start = row * width;
        line(&|x| mask[start + x], width, &mut |x| across[start + x] = value);
    }
    let mut both = vec![!value; mask.len()];
    for x in 0..width {
        line(&|y| across[y * width + x], height, &mut |y| both[y * width + x] = value);
    }
    both
}

fn largest_region(mask: &[bool], width: usize, height: usize) -> Option<Extent> {
    let mut seen = vec![false; mask.len()];
    let mut best: Option<(usize, Extent)> = None;
    let mut open = vec![];
    for start in 0..mask.len() {
        if !mask[start] || seen[start] {
            continue;
        }
        seen[start] = true;
        open.push(start);
        let (x, y) = (start % width, start / width);
        let mut extent = Extent { left: x, right: x, top: y, bottom: y };
        let mut size = 0;
        while let Some(at) = open.pop() {
            size += 1;
            let (x, y) = (at % width, at / width);
            extent.left = extent.left.min(x);
            extent.right = extent.right.max(x);
            extent.bottom = extent.bottom.max(y);
            let near = [
                (x > 0).then(|| at - 1),
                (x + 1 < width).then_some(at + 1),
                (y > 0).then(|| at - width),
                (y + 1 < height).then_some(at + width),
            ];
            for next in near.into_iter().flatten().filter(|&n| mask[n]) {
                if !seen[next] {
                    seen[next] = true;
                    open.push(next);
                }
            }
        }
        if best.is_none_or(|(most, _)| size > most) {
            best = Some((size, extent));
        }
    }
    best.map(|(_, extent)| extent)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An elliptic body with lungs, on a thin table.
    fn plane(size: usize, body: Extent) -> UprightPlane {
        let mut hu = vec![-1000.0; size * size];
        let (cx, cy) = ((body.left + body.right) as f64 / 2.0, (body.top + body.bottom) as f64 / 2.0);
        let (rx, ry) = (cx - body.left as f64 + 0.5, cy - body.top as f64 + 0.5);
        for y in 0..size {
            for x in 0..size {
                let r = ((x as f64 - cx) / rx).powi(2) + ((y as f64 - cy) / ry).powi(2);
                hu[y * size + x] = match r {
                    r if r < 0.4 => -850.0,
                    r if r <= 1.0 => 40.0,
                    _ => -1000.0,
                };
            }
        }
        let below = (body.bottom + 1).min(size - 1);
        hu[below * size..(below + 1) * size].fill(200.0);
        UprightPlane { width: size, height: size, hu }
    }

    #[test]
    fn the_body_is_found_without_the_table_it_lies_on() {
        let body = Extent { left: 60, right: 450, top: 120, bottom: 380 };
        let found = body_extent(&plane(512, body)).unwrap();
        for (a, b) in [(found.left, 60), (found.right, 450), (found.top, 120), (found.bottom, 380)] {
            // The opening rounds the ellipse's tips off.
            assert!(a.abs_diff(b) <= 4, "{found:?}");
        }
        let air = UprightPlane { width: 64, height: 64, hu: vec![-1000.0; 64 * 64] };
        assert_eq!(body_extent(&air), None);
    }

    #[test]
    fn the_back_lies_eleven_pixels_above_the_edge_and_the_middle_stays() {
        let p = UprightPlane { width: 512, height: 512, hu: vec![] };
        let body = Extent { left: 60, right: 450, top: 130, bottom: 359 };
        assert_eq!(corner(&p, body, 500, 300), Corner { left: 6, top: 71 });
        // A tall body shares the spare room (16 pixels) above and below.
        let tall = Extent { top: 60, bottom: 443, ..body };
        assert_eq!(corner(&p, tall, 500, 400), Corner { left: 6, top: 52 });
        // One that touches the matrix pulls the picture along, but not out of the matrix.
        let aside = Extent { left: 0, right: 400, top: 130, bottom: 505 };
        assert_eq!(corner(&p, aside, 500, 300), Corner { left: 0, top: 168 });
        let low = Extent { top: 300, bottom: 511, ..body };
        assert_eq!(corner(&p, low, 500, 300), Corner { left: 6, top: 212 });
    }

    #[test]
    fn small_planes_are_held_whole_and_large_ones_are_followed() {
        let small = UprightPlane { width: 256, height: 256, hu: vec![] };
        let body = Extent { left: 20, right: 235, top: 60, bottom: 200 };
        assert_eq!(corner(&small, body, 500, 300), Corner { left: -122, top: -44 });
        let large = UprightPlane { width: 1024, height: 1024, hu: vec![] };
        let body = Extent { left: 300, right: 1000, top: 300, bottom: 800 };
        assert_eq!(corner(&large, body, 500, 300), Corner { left: 400, top: 400 });
    }
}
