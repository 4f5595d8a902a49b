//! Tissue texture and scanner noise, a function of seed and position only.

/// Mixes an integer into a well-spread one (the finaliser of SplitMix64).
#[inline]
pub fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Nearly normal deviate (mean 0, SD 1) from one hash: the sum of its four 16-bit parts.
#[inline]
fn normal(hash: u64) -> f32 {
    let sum = (hash & 0xffff) + ((hash >> 16) & 0xffff) + ((hash >> 32) & 0xffff) + (hash >> 48);
    (sum as f32 - 131_070.0) / 37_837.0
}

/// Smooth noise in space, about −1…1, features of about `scale_mm`.
#[inline]
pub fn texture(seed: u64, p: [f32; 3], scale_mm: f32) -> f32 {
    let q = p.map(|v| v / scale_mm);
    let base = q.map(f32::floor);
    let f: [f32; 3] = std::array::from_fn(|i| {
        let t = q[i] - base[i];
        t * t * (3.0 - 2.0 * t)
    });
    let cell = base.map(|v| v as i64 as u64);
    let corner = |dx: u64, dy: u64, dz: u64| {
        let h = cell[0].wrapping_add(dx).wrapping_mul(0x8da6_b343_d851_3bd7)
            ^ cell[1].wrapping_add(dy).wrapping_mul(0xd816_3841_fdc2_0a95)
            ^ cell[2].wrapping_add(dz).wrapping_mul(0xcb1a_b31f_3ea9_2b6d);
        (mix(h ^ seed) >> 40) as f32 / 8_388_608.0 - 1.0
    };
    let lerp = |a: f32, b: f32, t: f32| a + (b - a) * t;
    let plane = |dz| {
        lerp(
            lerp(corner(0, 0, dz), corner(1, 0, dz), f[0]),
            lerp(corner(0, 1, dz), corner(1, 1, dz), f[0]),
            f[1],
        )
    };
    lerp(plane(0), plane(1), f[2])
}

/// Two octaves of [`texture`].
#[inline]
pub fn texture2(seed: u64, p: [f32; 3], scale_mm: f32) -> f32 {
    0.65 * texture(seed, p, scale_mm) + 0.35 * texture(seed ^ 0x5bd1, p, scale_mm * 0.47)
}

/// Blurs rows, then columns, with a symmetric kernel given from its centre outwards.
pub fn blur(image: &mut [f32], size: usize, across: &[f32], down: &[f32]) {
    let mut out = vec![0.0; image.len()];
    for (from, to) in image.chunks(size).zip(out.chunks_mut(size)) {
        convolve_row(from, to, across);
    }
    let last = size - 1;
    for row in 0..size {
        let target = &mut image[row * size..(row + 1) * size];
        target.fill(0.0);
        for (k, &w) in down.iter().enumerate() {
            let (up, low) = (row.saturating_sub(k), (row + k).min(last));
            let (a, b) = (&out[up * size..(up + 1) * size], &out[low * size..(low + 1) * size]);
            let w = if k == 0 { w / 2.0 } else { w };
            for ((t, a), b) in target.iter_mut().zip(a).zip(b) {
                *t += w * (a + b);
            }
        }
    }
}

fn convolve_row(from: &[f32], to: &mut [f32], kernel: &[f32]) {
    let n = from.len();
    let reach = kernel.len();
    for (i, t) in to.iter_mut().enumerate() {
        let mut sum = kernel[0] * from[i];
        if i >= reach && i + reach < n {
            for (k, w) in kernel.iter().enumerate().skip(1) {
                sum += w * (from[i - k] + from[i + k]);
            }
        } else {
            for (k, w) in kernel.iter().enumerate().skip(1) {
                sum += w * (from[i.saturating_sub(k)] + from[(i + k).min(n - 1)]);
            }
        }
        *t = sum;
    }
}

/// Half of a normalised Gaussian kernel.
pub fn gaussian(sigma: f32) -> Vec<f32> {
    let reach = (3.0 * sigma).ceil().max(1.0) as usize;
    let raw: Vec<f32> = (0..=reach).map(|k| (-0.5 * (k as f32 / sigma).powi(2)).exp()).collect();
    let sum = raw[0] + 2.0 * raw[1..].iter().sum::<f32>();
    raw.into_iter().map(|w| w / sum).collect()
}

/// Unit-variance noise of one plane with the grain of filtered back-projection: little power at low frequencies.
pub fn grain(seed: u64, plane: u64, size: usize, sigma_px: f32) -> Vec<f32> {
    let base = mix(seed ^ mix(plane));
    let mut fine: Vec<f32> = (0..size * size).map(|i| normal(mix(base.wrapping_add(i as u64)))).collect();
    let kernel = gaussian(sigma_px);
    blur(&mut fine, size, &kernel, &kernel);
    let mut coarse = fine.clone();
    let wide = gaussian(sigma_px * 1.8);
    blur(&mut coarse, size, &wide, &wide);
    for (f, c) in fine.iter_mut().zip(&coarse) {
        *f -= 0.75 * c;
    }
    normalise(&mut fine);
    fine
}

/// Unit-variance streaks along x, as photon starvation through both shoulders draws them.
pub fn streaks(seed: u64, plane: u64, size: usize) -> Vec<f32> {
    let base = mix(seed ^ mix(plane) ^ 0x57);
    let mut s: Vec<f32> = (0..size * size).map(|i| normal(mix(base.wrapping_add(i as u64)))).collect();
    blur(&mut s, size, &gaussian(14.0), &gaussian(0.8));
    normalise(&mut s);
    s
}

fn normalise(values: &mut [f32]) {
    let power = values.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>() / values.len() as f64;
    let scale = if power > 0.0 { (1.0 / power.sqrt()) as f32 } else { 0.0 };
    values.iter_mut().for_each(|v| *v *= scale);
}
