//! The little linear algebra the regressions need: Cholesky of small symmetric matrices.

/// A square matrix, row by row.
pub type Square = Vec<Vec<f64>>;

/// What is left of a pivot, relative to its diagonal entry, below which a column counts as depending on the ones
/// before it.
const DEPENDENT: f64 = 1e-11;

/// Lower Cholesky factor of a symmetric positive definite matrix; `Err` is the first column that (but for rounding)
/// depends on those before it.
pub fn cholesky(a: &Square) -> Result<Square, usize> {
    let n = a.len();
    let mut l = vec![vec![0.0; n]; n];
    for j in 0..n {
        let pivot = a[j][j] - l[j][..j].iter().map(|v| v * v).sum::<f64>();
        if pivot.is_nan() || pivot <= DEPENDENT * a[j][j] {
            return Err(j);
        }
        l[j][j] = pivot.sqrt();
        for i in j + 1..n {
            let dot: f64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
            l[i][j] = (a[i][j] - dot) / l[j][j];
        }
    }
    Ok(l)
}

/// Solves `L Lᵀ x = b`.
pub fn solve(l: &Square, b: &[f64]) -> Vec<f64> {
    let n = b.len();
    let mut x = b.to_vec();
    for i in 0..n {
        let dot: f64 = (0..i).map(|k| l[i][k] * x[k]).sum();
        x[i] = (x[i] - dot) / l[i][i];
    }
    for i in (0..n).rev() {
        let dot: f64 = (i + 1..n).map(|k| l[k][i] * x[k]).sum();
        x[i] = (x[i] - dot) / l[i][i];
    }
    x
}

/// The inverse of `L Lᵀ`.
pub fn inverse(l: &Square) -> Square {
    let n = l.len();
    let columns: Vec<Vec<f64>> =
        (0..n).map(|j| solve(l, &(0..n).map(|i| f64::from(u8::from(i == j))).collect::<Vec<_>>())).collect();
    // Symmetric but for rounding; the mean makes it exactly so.
    (0..n).map(|i| (0..n).map(|j| (columns[i][j] + columns[j][i]) / 2.0).collect()).collect()
}

/// `xᵀ A x`.
pub fn quadratic_form(a: &Square, x: &[f64]) -> f64 {
    a.iter().zip(x).map(|(row, xi)| xi * row.iter().zip(x).map(|(v, xj)| v * xj).sum::<f64>()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_solved_system_gives_its_right_side_back() {
        let a = vec![vec![4.0, 2.0, 0.6], vec![2.0, 5.0, 1.0], vec![0.6, 1.0, 3.0]];
        let l = cholesky(&a).unwrap();
        let x = solve(&l, &[1.0, 2.0, 3.0]);
        for (row, b) in a.iter().zip([1.0, 2.0, 3.0]) {
            assert!((row.iter().zip(&x).map(|(v, x)| v * x).sum::<f64>() - b).abs() < 1e-12);
        }
        let inverse = inverse(&l);
        let unit: f64 = (0..3).map(|k| a[0][k] * inverse[k][0]).sum();
        assert!((unit - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_dependent_column_is_named() {
        let a = vec![vec![1.0, 1.0, 2.0], vec![1.0, 2.0, 3.0], vec![2.0, 3.0, 5.0]];
        assert_eq!(cholesky(&a), Err(2));
        assert_eq!(cholesky(&vec![vec![0.0]]), Err(0));
        assert_eq!(cholesky(&vec![vec![f64::NAN]]), Err(0));
    }
}
