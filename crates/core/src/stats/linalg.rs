//! The little linear algebra the regressions need: Cholesky of small symmetric matrices.

/// A square matrix, row by row.
pub type Square = Vec<Vec<f64>>;

/// What is left of a pivot, relative to its diagonal entry, below which a column counts as depending on the ones
/// before it.
const DEPENDENT: f64 = 1e-11;

/// Lower Cholesky factor of a symmetric positive definite matrix; `Err` is the first column that (but for rounding)
/// depends on those before it.
pub fn cholesky(a: &Square) -> Result<Square, usize> {
    let mut l = vec![vec![0.0; a.len()]; a.len()];
    cholesky_into(a, &mut l)?;
    Ok(l)
}

/// [`cholesky`] into a matrix at hand, whose upper half must be zero; reads the lower half of `a` only.
pub fn cholesky_into(a: &Square, l: &mut Square) -> Result<(), usize> {
    let n = a.len();
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
    Ok(())
}

/// Solves `L Lᵀ x = b`.
pub fn solve(l: &Square, b: &[f64]) -> Vec<f64> {
    let mut x = b.to_vec();
    solve_into(l, &mut x);
    x
}

/// Turns `b` of `L Lᵀ x = b` into `x`.
pub fn solve_into(l: &Square, x: &mut [f64]) {
    let n = x.len();
    for i in 0..n {
        let dot: f64 = (0..i).map(|k| l[i][k] * x[k]).sum();
        x[i] = (x[i] - dot) / l[i][i];
    }
    for i in (0..n).rev() {
        let dot: f64 = (i + 1..n).map(|k| l[k][i] * x[k]).sum();
        x[i] = (x[i] - dot) / l[i][i];
    }
}

/// Sum of the products, in eight parts side by side so that the processor can take several at once.
#[inline(always)]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for l in 0..8 {
            lanes[l] += a[l] * b[l];
        }
    }
    lanes.iter().sum::<f64>() + rest
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
