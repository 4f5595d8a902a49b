//! Counts by level and group: Pearson's chi-square (R's `chisq.test`) and Fisher's exact test (R's `fisher.test`).

use statrs::function::gamma::ln_gamma;

use super::chi_square_p;

/// Counts of two groups in each level: one row a level.
pub type Counts = [[usize; 2]];

/// Below this expected count in some cell the chi-square approximation is not used (Cochran, Biometrics 1954, 10:417).
pub const FEWEST_EXPECTED: f64 = 5.0;

/// Pearson's test of independence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChiSquare {
    pub chisq: f64,
    pub df: usize,
    pub p: f64,
    /// The smallest expected count.
    pub least_expected: f64,
}

/// Pearson's chi-square as R's `chisq.test` makes it: with Yates' correction for 2×2 tables. Levels that nobody has are
/// left out. `None` unless two levels and both groups occur.
pub fn chi_square(counts: &Counts) -> Option<ChiSquare> {
    let (rows, [n, m]) = occurring(counts)?;
    let total = (n + m) as f64;
    let expected = |row: &[usize; 2], group: usize| (row[0] + row[1]) as f64 * [n, m][group] as f64 / total;
    let cells = || rows.iter().flat_map(|row| [0, 1].map(|g| (row[g] as f64, expected(row, g))));
    let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min);
    // R: never more than the smallest difference.
    let yates = if rows.len() == 2 { least(&mut cells().map(|(o, e)| (o - e).abs())).min(0.5) } else { 0.0 };
    let chisq: f64 = cells().map(|(o, e)| ((o - e).abs() - yates).powi(2) / e).sum();
    let df = rows.len() - 1;
    let least_expected = least(&mut cells().map(|(_, e)| e));
    Some(ChiSquare { chisq, df, p: chi_square_p(chisq, df as f64), least_expected })
}

/// The levels that occur and the groups' sizes; `None` unless two levels and both groups occur.
fn occurring(counts: &Counts) -> Option<(Vec<[usize; 2]>, [usize; 2])> {
    let rows: Vec<[usize; 2]> = counts.iter().copied().filter(|r| r[0] + r[1] > 0).collect();
    let sizes = [0, 1].map(|g| rows.iter().map(|r| r[g]).sum::<usize>());
    (rows.len() > 1 && sizes.iter().all(|s| *s > 0)).then_some((rows, sizes))
}

/// Tables whose chance is within this of the observed one's count as equally likely, as in R.
const ALIKE: f64 = 1e-7;
/// Partial tables held at a time; beyond, the exact p is not computed.
const MOST_PARTIAL: usize = 1_000_000;

/// Two-sided p of Fisher's exact test: the chance of all tables with these margins that are no likelier than this one.
/// `None` unless two levels and both groups occur, or if the table is too large to sum over.
///
/// Levels are taken one after the other (Mehta and Patel, J Am Stat Assoc 1983, 78:427): partial tables that can end only
/// in unlikely tables are counted as a whole, those that can't end in one are dropped.
pub fn fisher(counts: &Counts) -> Option<f64> {
    let (mut rows, [_, group]) = occurring(counts)?;
    // Large levels last: then few partial tables stay open.
    rows.sort_by_key(|r| r[0] + r[1]);
    let sizes: Vec<usize> = rows.iter().map(|r| r[0] + r[1]).collect();
    let factorials = LogFactorials::new(sizes.iter().sum());
    let observed: f64 = rows.iter().map(|r| factorials.choose(r[0] + r[1], r[1])).sum();
    let limit = observed + ALIKE;
    let bounds = Bounds::new(&sizes, group, &factorials);
    let all = factorials.choose(sizes.iter().sum(), group);
    // By how many of the group are left to place: the logarithms of partial products, with how often each occurs.
    let mut open: Vec<Vec<(f64, f64)>> = vec![Vec::new(); group + 1];
    open[group].push((0.0, 1.0));
    let mut p = 0.0;
    for (level, size) in sizes.iter().enumerate() {
        let mut next: Vec<Vec<(f64, f64)>> = vec![Vec::new(); group + 1];
        for (left, partial) in open.iter().enumerate() {
            for here in 0..=(*size).min(left) {
                let rest = left - here;
                let Some((least, most)) = bounds.after(level, rest) else { continue };
                let step = factorials.choose(*size, here);
                for (past, times) in partial {
                    let past = past + step;
                    if past + most <= limit {
                        p +=
                            times * (past + factorials.choose(bounds.remaining[level + 1], rest) - all).exp();
                    } else if past + least <= limit {
                        next[rest].push((past, *times));
                    }
                }
            }
        }
        next.iter_mut().for_each(merge);
        if next.iter().map(Vec::len).sum::<usize>() > MOST_PARTIAL {
            return None;
        }
        open = next;
    }
    Some(p.min(1.0))
}

/// Partial products that are the same but for rounding become one.
fn merge(partial: &mut Vec<(f64, f64)>) {
    partial.sort_by(|a, b| a.0.total_cmp(&b.0));
    partial.dedup_by(|next, kept| {
        let same = (next.0 - kept.0).abs() < 1e-11;
        if same {
            kept.1 += next.1;
        }
        same
    });
}

/// The smallest and largest product that levels after each one can add, by how many of the group are left.
struct Bounds {
    least: Vec<Vec<f64>>,
    most: Vec<Vec<f64>>,
    /// How many patients the levels from this one on have.
    remaining: Vec<usize>,
}

impl Bounds {
    fn new(sizes: &[usize], group: usize, factorials: &LogFactorials) -> Self {
        let levels = sizes.len();
        let mut bounds = Self {
            least: vec![vec![f64::INFINITY; group + 1]; levels + 1],
            most: vec![vec![f64::NEG_INFINITY; group + 1]; levels + 1],
            remaining: vec![0; levels + 1],
        };
        bounds.least[levels][0] = 0.0;
        bounds.most[levels][0] = 0.0;
        for level in (0..levels).rev() {
            bounds.remaining[level] = bounds.remaining[level + 1] + sizes[level];
            for left in 0..=group.min(bounds.remaining[level]) {
                for here in 0..=sizes[level].min(left) {
                    let step = factorials.choose(sizes[level], here);
                    let (low, high) = (
                        bounds.least[level + 1][left - here] + step,
                        bounds.most[level + 1][left - here] + step,
                    );
                    bounds.least[level][left] = bounds.least[level][left].min(low);
                    bounds.most[level][left] = bounds.most[level][left].max(high);
                }
            }
        }
        bounds
    }

    /// What the levels after `level` can add; `None` if they can't hold so many.
    fn after(&self, level: usize, left: usize) -> Option<(f64, f64)> {
        let most = self.most[level + 1][left];
        most.is_finite().then_some((self.least[level + 1][left], most))
    }
}

struct LogFactorials(Vec<f64>);

impl LogFactorials {
    fn new(largest: usize) -> Self {
        Self((0..=largest).map(|n| ln_gamma(n as f64 + 1.0)).collect())
    }

    /// Logarithm of the binomial coefficient; `k` is at most `n`.
    fn choose(&self, n: usize, k: usize) -> f64 {
        self.0[n] - self.0[k] - self.0[n - k]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(ours: f64, theirs: f64) {
        assert!((ours - theirs).abs() <= 1e-9 * theirs.abs().max(1e-3), "{ours} {theirs}");
    }

    #[test]
    fn chi_squares_are_those_of_r() {
        // chisq.test(matrix(c(12, 5, 29, 2), 2))
        let yates = chi_square(&[[12, 29], [5, 2]]).unwrap();
        near(yates.chisq, 2.986_016_436_472_31);
        near(yates.p, 0.083_986_541_714_992_7);
        near(yates.least_expected, 2.479_166_666_666_67);
        // chisq.test(matrix(c(20, 15, 30, 25, 10, 40), 3))
        let three = chi_square(&[[20, 25], [15, 10], [30, 40]]).unwrap();
        assert_eq!(three.df, 2);
        near(three.chisq, 2.281_481_481_481_48);
        near(three.p, 0.319_582_206_557_364);
        // A level nobody has changes nothing.
        assert_eq!(chi_square(&[[20, 25], [0, 0], [15, 10], [30, 40]]), Some(three));
    }

    #[test]
    fn exact_tests_are_those_of_r() {
        // fisher.test(matrix(c(3, 1, 2, 9), 2))
        near(fisher(&[[3, 2], [1, 9]]).unwrap(), 0.076_923_076_923_077);
        // fisher.test(matrix(c(12, 5, 29, 2), 2))
        near(fisher(&[[12, 29], [5, 2]]).unwrap(), 0.080_268_552_074_104_6);
        // fisher.test(matrix(c(0, 5, 4, 0), 2))
        near(fisher(&[[0, 4], [5, 0]]).unwrap(), 0.007_936_507_936_507_94);
        // fisher.test(matrix(c(10, 3, 5, 1, 0, 20, 2, 8, 9, 4), 5))
        near(fisher(&[[10, 20], [3, 2], [5, 8], [1, 9], [0, 4]]).unwrap(), 0.192_594_730_324_508);
        // fisher.test(matrix(c(40, 33, 15, 4, 2, 90, 22, 38, 9, 3), 5))
        near(fisher(&[[40, 90], [33, 22], [15, 38], [4, 9], [2, 3]]).unwrap(), 0.001_941_099_754_847_34);
    }

    #[test]
    fn one_level_or_one_group_has_no_test() {
        for counts in [&[[3, 4]][..], &[[3, 4], [0, 0]], &[[3, 0], [4, 0]], &[]] {
            assert_eq!((chi_square(counts), fisher(counts)), (None, None), "{counts:?}");
        }
    }
}
