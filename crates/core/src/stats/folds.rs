//! Folds of a cross-validation.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A fold for each patient, both outcomes dealt out evenly; `None` with fewer patients of an outcome than folds.
pub fn folds(outcomes: &[bool], folds: usize, seed: u64) -> Option<Vec<usize>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0xf01d);
    let mut fold = vec![0; outcomes.len()];
    let mut dealt = 0;
    for class in [true, false] {
        let mut members: Vec<usize> = (0..outcomes.len()).filter(|i| outcomes[*i] == class).collect();
        if members.len() < folds {
            return None;
        }
        for i in (1..members.len()).rev() {
            members.swap(i, rng.random_range(0..=i));
        }
        for member in members {
            fold[member] = dealt % folds;
            dealt += 1;
        }
    }
    Some(fold)
}
