//! Simulated cohorts without faults, to count false alarms on and to plant faults in.

use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::cohort::{CohortFolder, CohortTable, PictureFile, Split, Table};
use crate::level::Level;

/// A clean cohort's tables as text cells; columns by name, so that faults can be planted.
pub struct Simulated {
    pub rng: ChaCha8Rng,
    pub header: Vec<String>,
    /// Split and cells.
    pub rows: Vec<(Split, Vec<String>)>,
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (rng.random::<f64>().max(1e-12), rng.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// Ordinary signals (areas up to 0.85), correlated columns, 4 % missing at random, IDs by admission or at random.
pub fn clean(seed: u64, n: usize, rate: f64) -> Simulated {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let names = "id,age,Tumor size,BMI,CEA,PMA/T4,PMI/T4,Menopause status,N,LVI,ER,PR,HER2,ki67,Marker,Grade,Ferritin,\
                 Density,VFA/T11,metastasis";
    let mut rows = Vec::new();
    let first = rng.random_range(1..400usize);
    let mut ids: Vec<usize> = (0..n).map(|i| first + i).collect();
    if seed % 2 == 1 {
        for i in (1..n).rev() {
            ids.swap(i, rng.random_range(0..=i));
        }
    }
    for (i, id) in ids.into_iter().enumerate() {
        let y = f64::from(u8::from(rng.random_bool(rate)));
        let z: Vec<f64> = (0..16).map(|_| normal(&mut rng)).collect();
        let unit = |z: f64, cut: f64| u8::from(z > cut);
        let age = (52.0 + 10.0 * z[0]).round().clamp(25.0, 90.0);
        let height = 1.6 + 0.06 * z[1];
        let muscle = (35.0 + 8.0 * z[2] - 4.0 * y).max(12.0);
        let er = unit(z[3] - 0.6 * y, -0.3);
        let ki67 = (((25.0 + 18.0 * z[4] + 10.0 * y) / 5.0).round() * 5.0).clamp(1.0, 95.0);
        let grade = ["G1", "G2", "G3"][(1.0 + z[5] * 0.8 + 0.6 * y).round().clamp(0.0, 2.0) as usize];
        let mut cells = vec![
            id.to_string(),
            age.to_string(),
            format!("{:.1}", (0.8 + 0.5 * z[6] + 0.35 * y).exp().clamp(0.2, 20.0)),
            format!("{:.6}", (23.5 + 3.2 * z[7]).clamp(15.0, 50.0)),
            format!("{:.2}", (0.7 + 0.8 * z[8] + 0.5 * y).exp()),
            format!("{muscle:.2}"),
            format!("{:.2}", muscle / height / height),
            unit(age - 50.0 + 2.0 * z[9], 0.0).to_string(),
            ((z[10] + 0.5 * y + 0.6).round().clamp(0.0, 3.0)).to_string(),
            unit(z[11] + 0.4 * y, 0.5).to_string(),
            er.to_string(),
            unit(0.8 * f64::from(er) + 0.5 * z[12], 0.3).to_string(),
            unit(z[13], 0.8).to_string(),
            ki67.to_string(),
            format!("{:.3}", 5.0 + z[14] + 1.4 * y),
            grade.to_owned(),
            format!("{:.1}", (4.0 + 0.9 * z[15]).exp()),
            ["a", "b", "c", "d"][rng.random_range(0..4)].to_owned(),
            format!("{:.2}", (3.9 + 0.5 * normal(&mut rng)).exp()),
            y.to_string(),
        ];
        for c in [3, 4, 13, 14, 16, 18] {
            if rng.random_bool(0.04) {
                cells[c].clear();
            }
        }
        rows.push((if i % 2 == 0 { Split::Train } else { Split::Test }, cells));
    }
    Simulated { rng, header: names.split(',').map(|s| s.trim().to_owned()).collect(), rows }
}

impl Simulated {
    pub fn at(&self, name: &str) -> usize {
        self.header.iter().position(|h| h == name).unwrap()
    }

    pub fn event(&self, row: usize) -> bool {
        self.rows[row].1[self.at("metastasis")] == "1"
    }

    pub fn id(&self, row: usize) -> String {
        self.rows[row].1[0].clone()
    }

    /// Changes a column's cells, knowing the outcome; gives the IDs of rows changed.
    pub fn change(
        &mut self,
        name: &str,
        mut new: impl FnMut(usize, &[String], bool, &mut ChaCha8Rng) -> Option<String>,
    ) -> Vec<String> {
        let (c, mut changed) = (self.at(name), Vec::new());
        for r in 0..self.rows.len() {
            let event = self.event(r);
            if let Some(cell) = new(r, &self.rows[r].1, event, &mut self.rng) {
                self.rows[r].1[c] = cell;
                changed.push(self.id(r));
            }
        }
        changed
    }

    /// Takes a column away.
    pub fn remove(&mut self, name: &str) {
        let c = self.at(name);
        self.header.remove(c);
        self.rows.iter_mut().for_each(|r| drop(r.1.remove(c)));
    }

    pub fn add(&mut self, name: &str, mut value: impl FnMut(bool, &mut ChaCha8Rng) -> String) {
        self.header.push(name.to_owned());
        for r in 0..self.rows.len() {
            let event = self.event(r);
            let cell = value(event, &mut self.rng);
            self.rows[r].1.push(cell);
        }
    }

    /// The cohort as a folder would give it; every split has its own table, or one table has all.
    pub fn folder(&self, splits: bool) -> CohortFolder {
        let table = |rows: Vec<&Vec<String>>, name: &str| {
            let mut text = self.header.join(",");
            rows.iter().for_each(|r| text += &format!("\n{}", r.join(",")));
            Table::from_bytes(Path::new(name), text.as_bytes()).unwrap()
        };
        let of = |split| self.rows.iter().filter(|r| r.0 == split).map(|r| &r.1).collect();
        let clinical = if splits {
            vec![
                CohortTable {
                    split: Some(Split::Train),
                    table: table(of(Split::Train), "clinical_train.csv"),
                },
                CohortTable { split: Some(Split::Test), table: table(of(Split::Test), "clinical_test.csv") },
            ]
        } else {
            vec![CohortTable {
                split: None,
                table: table(self.rows.iter().map(|r| &r.1).collect(), "clinical.csv"),
            }]
        };
        CohortFolder {
            path: "cohort".into(),
            clinical,
            survival: vec![],
            predictions: None,
            pictures: vec![],
            warnings: vec![],
        }
    }

    /// Writes a picture a patient and level; `change` may spoil it knowing the patient's row and outcome.
    pub fn pictures(
        &mut self,
        dir: &Path,
        mut save: impl FnMut(usize, bool, image::GrayImage, &Path),
    ) -> Vec<PictureFile> {
        let mut files = Vec::new();
        for level in Level::ALL {
            for r in 0..self.rows.len() {
                let (event, split, id) = (self.event(r), self.rows[r].0, self.id(r));
                let folder = dir.join(format!("images/{}/{split}/{}", level.name(), u8::from(event)));
                std::fs::create_dir_all(&folder).unwrap();
                let path = folder.join(format!("{id}.jpg"));
                save(r, event, body(&mut self.rng, event), &path);
                files.push(PictureFile { id, level, split, event, path });
            }
        }
        files
    }
}

/// A body with bone, muscle and noise; events are a little thinner, as real signal may be.
fn body(rng: &mut ChaCha8Rng, event: bool) -> image::GrayImage {
    let (w, h) = (100u32, 64u32);
    let thin = if event { 0.97 } else { 1.0 };
    let (a, b) = ((40.0 + 2.5 * normal(rng)) * thin, (24.0 + 2.0 * normal(rng)) * thin);
    let (cx, cy) = (50.0 + 2.0 * normal(rng), 32.0 + 1.5 * normal(rng));
    let (lung, muscle) = (0.55 + 0.05 * normal(rng), 105.0 + 6.0 * normal(rng));
    image::GrayImage::from_fn(w, h, |x, y| {
        let (u, v) = ((f64::from(x) - cx) / a, (f64::from(y) - cy) / b);
        let r = (u * u + v * v).sqrt();
        let spine = ((u * 3.0).powi(2) + ((v - 0.6) * 3.0).powi(2)).sqrt() < 1.0;
        let mean = if spine {
            254.6
        } else if r > 1.0 || ((u.abs() - 0.4).powi(2) * 6.0 + v * v).sqrt() < lung {
            0.0
        } else {
            muscle
        };
        image::Luma([(mean + 5.0 * normal(rng)).clamp(0.0, 255.0) as u8])
    })
}

/// Saves as JPEG of a quality.
pub fn save(picture: &image::GrayImage, path: &Path, quality: u8) {
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture).unwrap();
    std::fs::write(path, bytes).unwrap();
}
