//! Bootstrap resamples: seeded, or as another program drew them.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::StatsError;

/// `count` resamples of `n` rows (indices from 0), the same for the same seed.
pub fn bootstrap(n: usize, count: usize, seed: u64) -> Vec<Vec<usize>> {
    (0..count)
        .into_par_iter()
        .map(|b| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(b as u64);
            (0..n).map(|_| rng.random_range(0..n)).collect()
        })
        .collect()
}

/// Resamples written as one line each, rows counted from 1, separated by commas, semicolons or spaces.
///
/// # Errors
/// A cell that is no row number from 1 to `n`, a line with another number of rows than `n`, no line at all.
pub fn read(text: &str, n: usize) -> Result<Vec<Vec<usize>>, StatsError> {
    let mut resamples = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let cells = line.split(|c: char| c == ',' || c == ';' || c.is_whitespace()).filter(|c| !c.is_empty());
        let row = |cell: &str| match cell.parse::<usize>() {
            Ok(row) if (1..=n).contains(&row) => Ok(row - 1),
            _ => Err(StatsError::Input(format!(
                "line {}: '{cell}' is no row of the {n} complete ones; write numbers from 1 to {n}",
                number + 1
            ))),
        };
        let resample = cells.map(row).collect::<Result<Vec<_>, _>>()?;
        if resample.len() != n {
            return Err(StatsError::Input(format!(
                "line {}: {} rows are named, but each resample has as many as there are complete rows, {n}",
                number + 1,
                resample.len()
            )));
        }
        resamples.push(resample);
    }
    if resamples.is_empty() {
        return Err(StatsError::Input("no resample is written there".to_owned()));
    }
    Ok(resamples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_rows_whatever_their_number() {
        assert_eq!(bootstrap(50, 3, 7), bootstrap(50, 5, 7)[..3]);
        assert_ne!(bootstrap(50, 1, 7), bootstrap(50, 1, 8));
    }

    #[test]
    fn written_resamples_count_from_one_and_wrong_ones_are_named() {
        assert_eq!(read("1,2,2\n3;3 1\n", 3).unwrap(), [[0, 1, 1], [2, 2, 0]]);
        for (text, says) in
            [("0,1,2", "'0'"), ("1,2", "2 rows are named"), ("", "no resample"), ("1,x,2", "'x'")]
        {
            assert!(read(text, 3).unwrap_err().to_string().contains(says), "{text}");
        }
    }
}
