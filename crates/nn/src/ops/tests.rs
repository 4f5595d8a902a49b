//! Our kernels against candle's operations: values and gradients.

use candle_core::{Device, Tensor, Var};

use super::*;
use crate::pattern::pattern;

fn var(name: &str, shape: &[usize]) -> Var {
    let values = pattern(name, shape.iter().product(), 1);
    Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu).unwrap()).unwrap()
}

/// The slope of a weighted sum of `y` in each of `of`.
fn slopes(y: &Tensor, of: &[&Var]) -> Vec<Vec<f32>> {
    let weights = Tensor::from_vec(pattern("loss", y.elem_count(), 2), y.shape(), &Device::Cpu).unwrap();
    let grads = (y * weights).unwrap().sum_all().unwrap().backward().unwrap();
    of.iter().map(|v| grads.get(v).unwrap().flatten_all().unwrap().to_vec1().unwrap()).collect()
}

fn close(what: &str, got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len(), "{what}");
    let high = want.iter().fold(1f32, |m, v| m.max(v.abs()));
    let off = got.iter().zip(want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off <= 2e-5 * high, "{what}: {off} of {high}");
}

fn flat(t: &Tensor) -> Vec<f32> {
    t.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn convolutions_and_their_gradients_are_candles() {
    // Sizes that a stride does and does not divide, with different parity on the two axes; many and few columns.
    for (side, stride, height, width) in
        [(1, 1, 5, 7), (3, 1, 6, 9), (1, 2, 6, 7), (3, 2, 6, 7), (3, 2, 7, 8), (7, 2, 20, 33), (3, 1, 40, 60)]
    {
        let (x, w) = (var("x", &[3, 5, height, width]), var("w", &[6, 5, side, side]));
        let ours = convolve(&x, &w, stride).unwrap();
        let stock = convolution::stock(&x, &w, stride).unwrap();
        let what = format!("{side}×{side}/{stride} on {height}×{width}");
        assert_eq!(ours.dims(), stock.dims(), "{what}");
        close(&what, &flat(&ours), &flat(&stock));
        for (got, want) in slopes(&ours, &[&x, &w]).iter().zip(slopes(&stock, &[&x, &w])) {
            close(&format!("slopes of {what}"), got, &want);
        }
    }
}

#[test]
fn a_weights_gradient_is_the_slope_of_the_loss() {
    // Independent of candle: a finite difference at one weight and one pixel, on the strided odd case.
    let (x, w) = (var("x", &[2, 3, 7, 10]), var("w", &[4, 3, 3, 3]));
    let loss = |x: &Tensor, w: &Tensor| {
        let y = convolve(x, w, 2).unwrap();
        let weights = pattern("loss", y.elem_count(), 2);
        flat(&y).iter().zip(weights).map(|(a, b)| f64::from(a * b)).sum::<f64>()
    };
    let slopes = slopes(&convolve(&x, &w, 2).unwrap(), &[&x, &w]);
    for (which, at) in [(0, 0), (0, 69), (0, 411), (1, 0), (1, 13), (1, 107)] {
        let moved = |by: f32| {
            let mut values = [flat(&x), flat(&w)];
            values[which][at] += by;
            let [xs, ws] = values;
            loss(
                &Tensor::from_vec(xs, x.shape(), &Device::Cpu).unwrap(),
                &Tensor::from_vec(ws, w.shape(), &Device::Cpu).unwrap(),
            )
        };
        let slope = (moved(0.5) - moved(-0.5)) as f32;
        assert!((slope - slopes[which][at]).abs() < 1e-4, "{which} {at}: {slope} {}", slopes[which][at]);
    }
}

fn norm() -> (Norm, Var, Var) {
    let (weight, bias) = (var("weight", &[3]), var("bias", &[3]));
    let tensors = [
        ("weight", weight.as_tensor().clone()),
        ("bias", bias.as_tensor().clone()),
        ("running_mean", var("mean", &[3]).as_detached_tensor()),
        ("running_var", (var("var", &[3]).as_detached_tensor() + 1.5).unwrap()),
    ];
    let tensors = tensors.into_iter().map(|(name, t)| (name.to_owned(), t)).collect();
    let vb = candle_nn::VarBuilder::from_tensors(tensors, candle_core::DType::F32, &Device::Cpu);
    (Norm::new(3, vb).unwrap(), weight, bias)
}

#[test]
fn norms_and_their_gradients_are_those_of_the_definition() {
    for statistics in [Statistics::Running, Statistics::Batch] {
        for relu in [false, true] {
            let x = var("x", &[4, 3, 9, 13]);
            let (ours, weight, bias) = norm();
            let (stock, stock_weight, stock_bias) = norm();
            let y = ours.forward(&x, statistics, relu).unwrap();
            let z = stock.stock(&x, statistics, relu).unwrap();
            close("norm", &flat(&y), &flat(&z));
            let want = slopes(&z, &[&x, &stock_weight, &stock_bias]);
            for (got, want) in slopes(&y, &[&x, &weight, &bias]).iter().zip(want) {
                close(&format!("{statistics:?} {relu}"), got, &want);
            }
            // Running statistics move alike, and only with the batch's.
            let ([a, b], [c, d]) = (ours.running(), stock.running());
            close("running mean", &a, &c);
            close("running variance", &b, &d);
            assert_eq!(a == pattern("mean", 3, 1), statistics == Statistics::Running);
        }
    }
}

#[test]
fn poolings_and_their_gradients_agree_with_stock_operations() {
    for (height, width) in [(6, 8), (7, 9), (6, 9), (2, 3)] {
        // After a ReLU, as in the networks: ties at zero carry no gradient further.
        let x = var("x", &[2, 3, height, width]);
        let ours = max_pool_3x3(&x.relu().unwrap()).unwrap();
        let stock = pool::stock_max_pool(&x.relu().unwrap()).unwrap();
        assert_eq!(flat(&ours), flat(&stock));
        close("maximum", &slopes(&ours, &[&x])[0], &slopes(&stock, &[&x])[0]);
        let cut = x.narrow(2, 0, height / 2 * 2).unwrap().narrow(3, 0, width / 2 * 2).unwrap();
        let stock = cut.contiguous().unwrap().avg_pool2d(2).unwrap();
        let ours = mean_pool_2x2(&x).unwrap();
        close("mean", &flat(&ours), &flat(&stock));
        close("slope of the mean", &slopes(&ours, &[&x])[0], &slopes(&stock, &[&x])[0]);
    }
}

#[test]
fn among_equal_pixels_the_first_gets_the_gradient() {
    let x = Var::from_tensor(&Tensor::ones((1, 1, 4, 4), candle_core::DType::F32, &Device::Cpu).unwrap())
        .unwrap();
    let want = [1., 1., 0., 0., 1., 1., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0.];
    for y in [max_pool_3x3(&x).unwrap(), pool::stock_max_pool(&x).unwrap()] {
        let grads = y.sum_all().unwrap().backward().unwrap();
        assert_eq!(flat(grads.get(&x).unwrap()), want);
    }
}
