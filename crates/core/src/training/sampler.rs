//! In which order an epoch shows the pictures.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::Balance;

/// As many picture numbers as there are pictures. `Sampler` draws with replacement, each class equally often (torch's
/// WeightedRandomSampler with weights of n / n_class; the study's 1.43 and 3.30); else a shuffle.
pub fn epoch_order(events: &[bool], balance: Balance, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..events.len()).collect();
    if balance != Balance::Sampler {
        order.shuffle(rng);
        return order;
    }
    let (with, without): (Vec<usize>, Vec<usize>) = order.iter().partition(|i| events[**i]);
    for place in &mut order {
        let class = if rng.random::<bool>() { &with } else { &without };
        *place = class[rng.random_range(0..class.len())];
    }
    order
}

/// Weight of each class in the loss: 1, or what makes both classes weigh the same with a mean of 1 over the pictures.
pub fn class_weights(events: &[bool], balance: Balance) -> [f64; 2] {
    if balance != Balance::Loss {
        return [1.0; 2];
    }
    let with = events.iter().filter(|e| **e).count() as f64;
    let n = events.len() as f64;
    [n / (2.0 * (n - with)), n / (2.0 * with)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn the_sampler_evens_the_classes_and_a_shuffle_leaves_nobody_out() {
        let events: Vec<bool> = (0..1000).map(|i| i % 10 == 0).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let drawn = epoch_order(&events, Balance::Sampler, &mut rng);
        let share = drawn.iter().filter(|i| events[**i]).count() as f64 / 1000.0;
        assert!((share - 0.5).abs() < 0.06, "{share}");
        let mut shuffled = epoch_order(&events, Balance::None, &mut rng);
        assert_ne!(shuffled, (0..1000).collect::<Vec<_>>());
        shuffled.sort_unstable();
        assert_eq!(shuffled, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn class_weights_balance_and_average_to_one() {
        let events: Vec<bool> = (0..40).map(|i| i % 4 == 0).collect();
        let [without, with] = class_weights(&events, Balance::Loss);
        assert!(
            (30.0 * without - 10.0 * with).abs() < 1e-12
                && (30.0 * without + 10.0 * with - 40.0).abs() < 1e-12
        );
        assert_eq!(class_weights(&events, Balance::Sampler), [1.0; 2]);
    }
}
