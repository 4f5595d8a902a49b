//! Pictures turned, flipped, shifted, zoomed and shaded at random, so that a network does not learn them by heart.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::Augment;
use crate::slice::Picture;

/// A random variation of `picture`. What comes in from outside is black, as the pictures' own border is.
pub fn vary(picture: &Picture, how: &Augment, rng: &mut ChaCha8Rng) -> Picture {
    let mut within = |limit: f64| if limit > 0.0 { rng.random_range(-limit..=limit) } else { 0.0 };
    let angle = within(how.rotation_deg).to_radians();
    let (right, down) = (within(how.shift), within(how.shift));
    let zoom = 1.0 + within(how.zoom);
    let (gain, offset) = (1.0 + within(how.grey), within(how.grey) * 255.0);
    let flip = |allowed: bool, rng: &mut ChaCha8Rng| allowed && rng.random::<bool>();
    let (mirror, upside) = (flip(how.flip_horizontal, rng), flip(how.flip_vertical, rng));

    let (width, height) = (picture.width as f64, picture.height as f64);
    let (middle_x, middle_y) = ((width - 1.0) / 2.0, (height - 1.0) / 2.0);
    let (sin, cos) = angle.sin_cos();
    let still = angle == 0.0 && right == 0.0 && down == 0.0 && zoom == 1.0;
    let mut grey = Vec::with_capacity(picture.grey.len());
    for y in 0..picture.height {
        for x in 0..picture.width {
            let x = if mirror { picture.width - 1 - x } else { x };
            let y = if upside { picture.height - 1 - y } else { y };
            let value = if still {
                f64::from(picture.grey[y * picture.width + x])
            } else {
                // From the varied picture back to the original.
                let (dx, dy) = (x as f64 - middle_x - right * width, y as f64 - middle_y - down * height);
                let (u, v) = ((cos * dx + sin * dy) / zoom, (cos * dy - sin * dx) / zoom);
                between(picture, u + middle_x, v + middle_y)
            };
            // Black stays black: it is what the window cut off, or outside.
            let shaded = if value > 0.0 { value * gain + offset } else { 0.0 };
            grey.push(shaded.round().clamp(0.0, 255.0) as u8);
        }
    }
    Picture { width: picture.width, height: picture.height, grey }
}

/// Bilinear, black outside.
fn between(picture: &Picture, x: f64, y: f64) -> f64 {
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = (x - left, y - top);
    let at = |column: f64, row: f64| {
        let inside =
            column >= 0.0 && row >= 0.0 && column < picture.width as f64 && row < picture.height as f64;
        if inside { f64::from(picture.grey[row as usize * picture.width + column as usize]) } else { 0.0 }
    };
    let upper = at(left, top) * (1.0 - fx) + at(left + 1.0, top) * fx;
    let lower = at(left, top + 1.0) * (1.0 - fx) + at(left + 1.0, top + 1.0) * fx;
    upper * (1.0 - fy) + lower * fy
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn picture() -> Picture {
        Picture { width: 31, height: 21, grey: (0..31 * 21).map(|i| (i % 200 + 20) as u8).collect() }
    }

    #[test]
    fn nothing_asked_for_changes_nothing() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        assert_eq!(vary(&picture(), &Augment::NONE, &mut rng), picture());
    }

    #[test]
    fn flips_are_the_four_mirror_images_and_each_comes_up() {
        let how = Augment { flip_horizontal: true, flip_vertical: true, ..Augment::NONE };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..40 {
            let got = vary(&picture(), &how, &mut rng);
            let corner = (got.grey[0], got.grey[1]);
            let mut sorted = (got.grey.clone(), picture().grey);
            sorted.0.sort_unstable();
            sorted.1.sort_unstable();
            assert_eq!(sorted.0, sorted.1);
            seen.insert(corner);
        }
        assert_eq!(seen.len(), 4);
    }

    #[test]
    fn a_turn_keeps_the_middle_and_stays_within_its_limit() {
        let mut dot = Picture { width: 41, height: 41, grey: vec![0; 41 * 41] };
        dot.grey[20 * 41 + 20] = 200;
        dot.grey[20 * 41 + 36] = 200;
        let how = Augment { rotation_deg: 15.0, ..Augment::NONE };
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut lowest = 0f64;
        for _ in 0..50 {
            let got = vary(&dot, &how, &mut rng);
            assert_eq!(got.grey[20 * 41 + 20], 200);
            // Where the outer dot went: its angle from the middle.
            let mass = |f: &dyn Fn(usize, usize) -> f64| -> f64 {
                (0..41 * 41)
                    .filter(|i| i % 41 > 30)
                    .map(|i| f64::from(got.grey[i]) * f(i % 41, i / 41))
                    .sum::<f64>()
            };
            let all = mass(&|_, _| 1.0);
            let angle = (mass(&|_, y| y as f64) / all - 20.0).atan2(mass(&|x, _| x as f64) / all - 20.0);
            assert!(angle.to_degrees().abs() < 15.5, "{angle}");
            lowest = lowest.min(angle.to_degrees());
        }
        assert!(lowest < -10.0, "{lowest}");
    }

    #[test]
    fn the_same_seed_gives_the_same_variation() {
        let how = Augment { shift: 0.1, zoom: 0.1, grey: 0.1, ..Augment::STUDY };
        let vary = |seed| vary(&picture(), &how, &mut ChaCha8Rng::seed_from_u64(seed));
        assert_eq!(vary(3), vary(3));
        assert_ne!(vary(3), vary(4));
    }
}
