//! The simulated patients: covariates, image branches, outcome, survival.

use std::collections::BTreeMap;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal};

use super::Truth;
use crate::fusion::{self, LogProb};
use crate::stats::logistic::logistic;

/// Share of patients with metastasis, as in the study.
const PREVALENCE: f64 = 0.29;
/// Coefficients of the outcome; the intercept follows from the prevalence.
const KI67_HIGH: f64 = 0.7;
const NOT_DUCTAL: f64 = -0.5;
const PMI: f64 = -0.12;
const FUSED: f64 = 0.9;
/// Logarithms of the hazard ratios of death.
const DEATH_METASTASIS: f64 = 1.6;
const DEATH_KI67_HIGH: f64 = 0.4;
const DEATH_PMI: f64 = -0.05;
/// Death: Weibull with this shape and scale (days) where all covariates are zero.
const DEATH_SHAPE: f64 = 1.3;
const DEATH_SCALE_DAYS: f64 = 6500.0;
/// Follow-up ends uniformly between these days.
const FOLLOW_UP_DAYS: [f64; 2] = [1200.0, 3000.0];

/// What a body is: measured on a phantom, or drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Body {
    pub age: f64,
    /// kg/m².
    pub bmi: f64,
    /// Pectoralis muscle area at T4, cm².
    pub pma: f64,
    /// The same by height squared, cm²/m².
    pub pmi: f64,
    /// Visceral fat area at T11, cm².
    pub vfa: f64,
}

/// One simulated patient.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedPatient {
    pub id: String,
    /// 0 training, 1 validation, 2 test.
    pub split: usize,
    /// Clinical variables by key.
    pub values: BTreeMap<&'static str, f64>,
    pub t4: LogProb,
    pub t11: LogProb,
    pub fused: LogProb,
    pub metastasis: bool,
    pub dead: bool,
    pub os_days: f64,
    /// Until metastasis or the last visit.
    pub dmfs_days: f64,
}

impl SimulatedPatient {
    pub fn ki67_high(&self) -> bool {
        self.values["ki67"] >= 20.0
    }
}

/// Simulated patients in order of ID, and the model they were drawn from.
#[derive(Debug, Clone, PartialEq)]
pub struct Population {
    pub patients: Vec<SimulatedPatient>,
    pub truth: Truth,
}

/// Draws `n` patients; `bodies` are those of their phantoms where there are any.
pub fn draw(n: usize, seed: u64, bodies: Option<&Vec<Body>>) -> Population {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x51_a7e);
    let normal = Gaussian::new();
    let bodies: Vec<Body> = match bodies {
        Some(bodies) => bodies.clone(),
        None => (0..n).map(|_| body(&mut rng, &normal)).collect(),
    };
    let pmi_scale = Scale::of(bodies.iter().map(|b| b.pmi));
    let vfa_scale = Scale::of(bodies.iter().map(|b| b.vfa));
    let splits = splits(n, &mut rng);
    let digits = n.to_string().len().max(3);
    let mut patients: Vec<SimulatedPatient> = Vec::with_capacity(n);
    for (i, body) in bodies.iter().enumerate() {
        let severity = normal.draw(&mut rng);
        let values = clinical(body, severity, &mut rng, &normal);
        let score = |signal: f64, noise: f64| log_prob(-0.9 + signal + 0.8 * noise);
        let t4 = score(1.1 * severity - 0.5 * pmi_scale.z(body.pmi), normal.draw(&mut rng));
        let t11 = score(0.8 * severity + 0.5 * vfa_scale.z(body.vfa), normal.draw(&mut rng));
        let fused = fusion::fuse(t4, t11, clinical_vote(&values)).log_prob;
        patients.push(SimulatedPatient {
            id: format!("S{:0digits$}", i + 1),
            split: splits[i],
            values,
            t4,
            t11,
            fused,
            metastasis: false,
            dead: false,
            os_days: 0.0,
            dmfs_days: 0.0,
        });
    }
    let intercept = intercept_for(&patients);
    for patient in &mut patients {
        follow(patient, intercept, &mut rng);
    }
    let truth = truth(seed, intercept, &patients);
    Population { patients, truth }
}

/// Standard normal numbers by inversion, so that each takes one draw.
struct Gaussian(Normal);

impl Gaussian {
    fn new() -> Self {
        Self(Normal::standard())
    }

    fn draw(&self, rng: &mut impl Rng) -> f64 {
        self.0.inverse_cdf(rng.random_range(1e-12..1.0))
    }
}

struct Scale {
    mean: f64,
    sd: f64,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let n = values.clone().count() as f64;
        let mean = values.clone().sum::<f64>() / n;
        let sd = (values.map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        Self { mean, sd: sd.max(1e-9) }
    }

    fn z(&self, value: f64) -> f64 {
        (value - self.mean) / self.sd
    }
}

fn log_prob(log_odds: f64) -> LogProb {
    LogProb([logistic(-log_odds).ln(), logistic(log_odds).ln()])
}

fn body(rng: &mut impl Rng, normal: &Gaussian) -> Body {
    let age = (51.0 + 11.0 * normal.draw(rng)).clamp(24.0, 88.0).round();
    let height_m = (1.60 + 0.06 * normal.draw(rng)).clamp(1.40, 1.85);
    let bmi = (23.5 + 3.3 * normal.draw(rng)).clamp(15.5, 42.0);
    let pma = (30.0 + 1.0 * (bmi - 23.5) - 0.12 * (age - 51.0) + 5.5 * normal.draw(rng)).clamp(10.0, 70.0);
    let vfa = (3.9 + 0.10 * (bmi - 23.5) + 0.012 * (age - 51.0) + 0.45 * normal.draw(rng)).exp().min(350.0);
    Body { age, bmi, pma, pmi: pma / height_m.powi(2), vfa }
}

/// Clinical variables that lean with the severity of the disease.
fn clinical(
    body: &Body,
    severity: f64,
    rng: &mut impl Rng,
    normal: &Gaussian,
) -> BTreeMap<&'static str, f64> {
    let mut yes = |p: f64| f64::from(u8::from(rng.random_range(0.0..1.0) < p));
    let er = yes(0.70 - 0.05 * severity);
    let pr = if er > 0.5 { yes(0.85) } else { yes(0.08) };
    let her2 = yes(logistic(-1.1 + 0.2 * severity));
    let lvi = yes(logistic(-0.9 + 0.7 * severity));
    let multifocal = yes(logistic(-1.6 + 0.3 * severity));
    let menopause = yes(logistic((body.age - 50.0) / 2.0));
    let ductal = yes(0.86);
    let radiotherapy = yes(0.55);
    let chemotherapy = yes(0.85);
    let tumor_size = (0.85 + 0.2 * severity + 0.4 * normal.draw(rng)).exp().clamp(0.3, 15.0);
    let ki67 = (28.0 + 7.0 * severity + 14.0 * normal.draw(rng)).clamp(1.0, 95.0).round();
    let cea = (0.6 + 0.15 * severity + 0.6 * normal.draw(rng)).exp().min(200.0);
    let nodes = 0.8 * severity + normal.draw(rng);
    let n_stage = [0.1, 0.9, 1.7].iter().filter(|cut| nodes > **cut).count() as f64;
    // Luminal A, luminal B, luminal B with HER2, HER2-enriched, triple negative.
    let subtype = match (er + pr > 0.5, her2 > 0.5, ki67 >= 20.0) {
        (true, false, false) => 1.0,
        (true, false, true) => 2.0,
        (true, true, _) => 3.0,
        (false, true, _) => 4.0,
        (false, false, _) => 5.0,
    };
    let endocrine = if er + pr > 0.5 { f64::from(rng.random_range(1..=3_u8)) } else { 0.0 };
    BTreeMap::from([
        ("age", body.age),
        ("tumor_size", tumor_size),
        ("bmi", body.bmi),
        ("cea", cea),
        ("pma_t4", body.pma),
        ("pmi_t4", body.pmi),
        ("menopause", menopause),
        ("n_stage", n_stage),
        ("lvi", lvi),
        ("multifocal", multifocal),
        ("er", er),
        ("pr", pr),
        ("her2", her2),
        ("ki67", ki67),
        ("subtype", subtype),
        ("endocrine", endocrine),
        ("radiotherapy", radiotherapy),
        ("chemotherapy", chemotherapy),
        ("histology", ductal),
        ("vfa_t11", body.vfa),
    ])
}

/// The vote the simulated clinical branch casts.
fn clinical_vote(values: &BTreeMap<&'static str, f64>) -> bool {
    let score =
        0.7 * values["n_stage"] + 0.35 * values["tumor_size"] + 0.6 * values["lvi"] + 0.03 * values["ki67"];
    score > 3.2
}

/// Three splits in the study's proportions (185 : 60 : 186), each patient's by lot.
fn splits(n: usize, rng: &mut impl Rng) -> Vec<usize> {
    let (train, valid) = (n * 185 / 431, n * 60 / 431);
    let mut splits: Vec<usize> =
        (0..n).map(|i| usize::from(i >= train) + usize::from(i >= train + valid)).collect();
    for i in (1..n).rev() {
        splits.swap(i, rng.random_range(0..=i));
    }
    splits
}

/// Log-odds of metastasis before the intercept.
fn leaning(patient: &SimulatedPatient) -> f64 {
    KI67_HIGH * f64::from(u8::from(patient.ki67_high()))
        + NOT_DUCTAL * (1.0 - patient.values["histology"])
        + PMI * rounded_pmi(patient)
        + FUSED * rounded_fused(patient)
}

/// As the table has them: what is fitted must be what was drawn from.
pub(super) fn rounded_pmi(patient: &SimulatedPatient) -> f64 {
    (patient.values["pmi_t4"] * 100.0).round() / 100.0
}

pub(super) fn rounded_fused(patient: &SimulatedPatient) -> f64 {
    (patient.fused.0[1] * 1e4).round() / 1e4
}

/// The intercept under which the mean probability is the prevalence. It looks at no outcome.
fn intercept_for(patients: &[SimulatedPatient]) -> f64 {
    let mean =
        |b: f64| patients.iter().map(|p| logistic(b + leaning(p))).sum::<f64>() / patients.len() as f64;
    let (mut low, mut high) = (-50.0, 50.0);
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if mean(middle) < PREVALENCE { low = middle } else { high = middle }
    }
    // Three decimals, so that the truth reads as a number a person wrote.
    (low * 1000.0_f64).round() / 1000.0
}

/// Outcome and times.
fn follow(patient: &mut SimulatedPatient, intercept: f64, rng: &mut impl Rng) {
    patient.metastasis = rng.random_range(0.0..1.0) < logistic(intercept + leaning(patient));
    let lean = DEATH_METASTASIS * f64::from(u8::from(patient.metastasis))
        + DEATH_KI67_HIGH * f64::from(u8::from(patient.ki67_high()))
        + DEATH_PMI * rounded_pmi(patient);
    let u: f64 = rng.random_range(1e-12..1.0);
    let death = DEATH_SCALE_DAYS * (-u.ln() / lean.exp()).powf(1.0 / DEATH_SHAPE);
    let last_visit = rng.random_range(FOLLOW_UP_DAYS[0]..FOLLOW_UP_DAYS[1]);
    patient.dead = death <= last_visit;
    patient.os_days = death.min(last_visit).ceil().max(2.0);
    let share = rng.random_range(0.15..0.9);
    patient.dmfs_days = if patient.metastasis { (share * patient.os_days).ceil() } else { patient.os_days };
}

fn truth(seed: u64, intercept: f64, patients: &[SimulatedPatient]) -> Truth {
    let named =
        |terms: &[(&str, f64)]| terms.iter().map(|(name, value)| (name.to_string(), *value)).collect();
    Truth {
        simulated: true,
        program: format!("thoracast {}", env!("CARGO_PKG_VERSION")),
        seed,
        patients: patients.len(),
        events: patients.iter().filter(|p| p.metastasis).count(),
        deaths: patients.iter().filter(|p| p.dead).count(),
        metastasis: named(&[
            ("Intercept", intercept),
            ("ki67=≥20%", KI67_HIGH),
            ("Histologic type=Others", NOT_DUCTAL),
            ("PMI/T4", PMI),
            ("late_fusion_probability", FUSED),
        ]),
        death: named(&[
            ("metastasis", DEATH_METASTASIS),
            ("ki67=≥20%", DEATH_KI67_HIGH),
            ("PMI/T4", DEATH_PMI),
        ]),
        notes: vec![
            "These patients were drawn by chance; no figure made from them says anything about people.".to_owned(),
            "metastasis: coefficients of a logistic regression on the columns of nomogram_train.csv and nomogram_test.csv".to_owned(),
            "death: logarithms of hazard ratios of a Cox regression of OS and dead (1 = died) on the same columns; Weibull times, follow-up ends by chance".to_owned(),
            "late_fusion_probability is the log-probability of metastasis of the published vote over two simulated image branches and a clinical score".to_owned(),
            "published_test_predictions.csv holds the simulated branches of the test patients, by ID".to_owned(),
        ],
    }
}
