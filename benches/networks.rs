//! Time of one picture through each network on the CPU: `cargo bench --bench networks`.

#![allow(clippy::unwrap_used)] // nobody but a developer runs it

use thoracast_core::nn::{Arch, DeviceChoice, Network};
use thoracast_core::slice::{Picture, Recipe};

fn main() {
    divan::main();
}

#[divan::bench(args = [300, 400], sample_count = 20, sample_size = 1)]
fn densenet161(bencher: divan::Bencher, height: usize) {
    infer(bencher, Arch::Densenet161, height);
}

#[divan::bench(args = [300, 400], sample_count = 20, sample_size = 1)]
fn resnet50(bencher: divan::Bencher, height: usize) {
    infer(bencher, Arch::Resnet50, height);
}

fn infer(bencher: divan::Bencher, arch: Arch, height: usize) {
    let recipe = Recipe { height, ..Recipe::t4() };
    let picture = Picture {
        width: recipe.width,
        height,
        grey: (0..recipe.width * height).map(|i| (i * 31 % 256) as u8).collect(),
    };
    let network = Network::untrained(arch, recipe, DeviceChoice::Cpu).expect("the CPU is always there");
    bencher.bench(|| network.infer(&picture));
}
