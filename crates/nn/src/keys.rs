//! The tensors each architecture has, under torchvision's names and shapes, with the study's head.

use super::Arch;

/// What a tensor is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Convolution,
    Linear,
    Bias,
    NormScale,
    RunningMean,
    RunningVariance,
    /// Batch norm's count of training batches: not needed to run, absent in files from before 2018.
    BatchCount,
}

/// One tensor a network expects.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    pub name: String,
    pub shape: Vec<usize>,
    pub role: Role,
}

/// Layers of DenseNet161's four dense blocks.
pub const DENSE_LAYERS: [usize; 4] = [6, 12, 36, 24];
/// Channels each dense layer adds.
pub const GROWTH: usize = 48;
/// Channels of a dense layer's bottleneck.
pub const BOTTLENECK: usize = 4 * GROWTH;
/// Channels after DenseNet161's first convolution.
pub const DENSE_STEM: usize = 96;
/// Residual blocks of ResNet50's four layers.
pub const RESIDUAL_BLOCKS: [usize; 4] = [3, 4, 6, 3];
/// Channels after ResNet50's first convolution.
pub const RESIDUAL_STEM: usize = 64;
/// Units of the study's hidden head layer.
pub const HEAD_UNITS: usize = 256;

impl Arch {
    /// Channels of the last feature map: 2208 or 2048.
    pub fn features(self) -> usize {
        match self {
            Arch::Densenet161 => 2208,
            Arch::Resnet50 => 2048,
        }
    }

    /// Name of the head in torchvision's state_dict.
    pub fn head_prefix(self) -> &'static str {
        match self {
            Arch::Densenet161 => "classifier",
            Arch::Resnet50 => "fc",
        }
    }

    /// Name as its authors write it.
    pub fn title(self) -> &'static str {
        match self {
            Arch::Densenet161 => "DenseNet161",
            Arch::Resnet50 => "ResNet50",
        }
    }

    /// Lower-case name as in torchvision.
    pub fn name(self) -> &'static str {
        match self {
            Arch::Densenet161 => "densenet161",
            Arch::Resnet50 => "resnet50",
        }
    }
}

/// Every tensor of `arch` with the study's head.
pub fn expected(arch: Arch) -> Vec<Key> {
    let mut keys = backbone(arch);
    keys.extend(head(arch));
    keys
}

/// The tensors of the backbone alone, as ImageNet weights have them.
pub fn backbone(arch: Arch) -> Vec<Key> {
    let mut list = List::default();
    match arch {
        Arch::Densenet161 => densenet(&mut list),
        Arch::Resnet50 => resnet(&mut list),
    }
    list.0
}

/// The tensors of the study's head: Linear(n, 256), ReLU, Dropout(0.4), Linear(256, 2), LogSoftmax.
pub fn head(arch: Arch) -> Vec<Key> {
    let mut list = List::default();
    let prefix = arch.head_prefix();
    list.linear(&format!("{prefix}.0"), arch.features(), HEAD_UNITS);
    list.linear(&format!("{prefix}.3"), HEAD_UNITS, 2);
    list.0
}

#[derive(Default)]
struct List(Vec<Key>);

impl List {
    fn add(&mut self, name: String, shape: Vec<usize>, role: Role) {
        self.0.push(Key { name, shape, role });
    }

    fn convolution(&mut self, name: &str, from: usize, to: usize, side: usize) {
        self.add(format!("{name}.weight"), vec![to, from, side, side], Role::Convolution);
    }

    fn norm(&mut self, name: &str, channels: usize) {
        self.add(format!("{name}.weight"), vec![channels], Role::NormScale);
        self.add(format!("{name}.bias"), vec![channels], Role::Bias);
        self.add(format!("{name}.running_mean"), vec![channels], Role::RunningMean);
        self.add(format!("{name}.running_var"), vec![channels], Role::RunningVariance);
        self.add(format!("{name}.num_batches_tracked"), vec![], Role::BatchCount);
    }

    fn linear(&mut self, name: &str, from: usize, to: usize) {
        self.add(format!("{name}.weight"), vec![to, from], Role::Linear);
        self.add(format!("{name}.bias"), vec![to], Role::Bias);
    }
}

fn densenet(list: &mut List) {
    list.convolution("features.conv0", 3, DENSE_STEM, 7);
    list.norm("features.norm0", DENSE_STEM);
    let mut channels = DENSE_STEM;
    for (block, layers) in (1..).zip(DENSE_LAYERS) {
        for layer in 1..=layers {
            let name = format!("features.denseblock{block}.denselayer{layer}");
            list.norm(&format!("{name}.norm1"), channels);
            list.convolution(&format!("{name}.conv1"), channels, BOTTLENECK, 1);
            list.norm(&format!("{name}.norm2"), BOTTLENECK);
            list.convolution(&format!("{name}.conv2"), BOTTLENECK, GROWTH, 3);
            channels += GROWTH;
        }
        if block < DENSE_LAYERS.len() {
            list.norm(&format!("features.transition{block}.norm"), channels);
            list.convolution(&format!("features.transition{block}.conv"), channels, channels / 2, 1);
            channels /= 2;
        }
    }
    list.norm("features.norm5", channels);
}

fn resnet(list: &mut List) {
    list.convolution("conv1", 3, RESIDUAL_STEM, 7);
    list.norm("bn1", RESIDUAL_STEM);
    let mut channels = RESIDUAL_STEM;
    for (layer, blocks) in RESIDUAL_BLOCKS.into_iter().enumerate() {
        let planes = RESIDUAL_STEM << layer;
        for block in 0..blocks {
            let name = format!("layer{}.{block}", layer + 1);
            list.convolution(&format!("{name}.conv1"), channels, planes, 1);
            list.norm(&format!("{name}.bn1"), planes);
            list.convolution(&format!("{name}.conv2"), planes, planes, 3);
            list.norm(&format!("{name}.bn2"), planes);
            list.convolution(&format!("{name}.conv3"), planes, 4 * planes, 1);
            list.norm(&format!("{name}.bn3"), 4 * planes);
            if block == 0 {
                list.convolution(&format!("{name}.downsample.0"), channels, 4 * planes, 1);
                list.norm(&format!("{name}.downsample.1"), 4 * planes);
            }
            channels = 4 * planes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use thoracast_files::testing::shared;

    #[test]
    fn names_and_shapes_are_torchvisions() {
        let Some(folder) = shared("reference/networks") else { return };
        let text = std::fs::read_to_string(folder.join("state_dict_keys.json")).unwrap();
        let all: BTreeMap<String, BTreeMap<String, Vec<usize>>> = serde_json::from_str(&text).unwrap();
        for arch in [Arch::Densenet161, Arch::Resnet50] {
            let ours: BTreeMap<_, _> = expected(arch).into_iter().map(|k| (k.name, k.shape)).collect();
            assert_eq!(ours, all[arch.name()], "{}", arch.name());
        }
    }
}
