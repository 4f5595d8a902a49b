//! The study's networks: DenseNet161 (T4) and ResNet50 (T11), each with the study's head.
//!
//! Pictures go in, log-probabilities and heat maps come out; volumes, patients and levels are not known here. This is the
//! only crate that knows candle types, and it shows none of them. Two forms of each backbone exist: candle's, for
//! CUDA and training, and the fast one for the CPU; tests hold both to PyTorch's numbers.

pub mod card;
pub mod familiarity;
pub mod grad_cam;
pub mod head;
pub mod keys;
pub mod known_answers;
pub mod learn;
pub mod log_prob;
pub mod pattern;
pub mod picture;
pub mod state_dict;
pub mod weights;

mod densenet161;
mod device;
mod engine;
mod fast;
mod layers;
mod ops;
mod pickle;
mod pth;
mod resnet50;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use card::{Card, Curve, EpochPoint, Evaluation, TrainingRecord};
use engine::Engine;
use familiarity::{Distance, Familiarity};
use head::Head;
pub use log_prob::LogProb;
pub use picture::{Normalised, Picture, Recipe};
use state_dict::{Part, StateDict};

/// The two architectures of the study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    Densenet161,
    Resnet50,
}

/// Where a network runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// CUDA if this build and machine have it, else the CPU.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The graphics card; fails where there is none.
    Cuda,
}

/// A network ready to run; can be shared among threads.
pub struct Network {
    pub card: Card,
    /// SHA-256 of the weights file; for untrained weights, of their description.
    pub sha256: String,
    engine: Engine,
    /// The study's head first; more make an ensemble.
    heads: Vec<Head>,
    familiarity: Option<Familiarity>,
    source: Source,
}

/// Where a network's weights come from, to take them again in another form.
enum Source {
    File(PathBuf),
    Pattern,
}

/// What a network says about one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Inference {
    /// Of an ensemble the logarithm of the mean probability.
    pub log_prob: LogProb,
    /// Each head's probability of metastasis; one value where there is no ensemble.
    pub each: Vec<f64>,
    /// How far the picture is from those the network learnt from, where the weights know.
    pub distance: Option<Distance>,
    /// Globally averaged features (2208 or 2048).
    pub pooled: Vec<f32>,
}

/// Grad-CAM, min-max scaled to 0…1, at the size of the last feature map.
#[derive(Debug, Clone, PartialEq)]
pub struct Heatmap {
    pub width: usize,
    pub height: usize,
    pub values: Vec<f32>,
}

impl Heatmap {
    /// No place of the layer spoke for the class: Grad-CAM keeps what speaks for it alone.
    pub fn is_empty(&self) -> bool {
        self.values.iter().all(|v| *v == 0.0)
    }
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NnError {
    #[error("{}: {reason}", path.display())]
    Weights { path: PathBuf, reason: String },
    #[error("{0}")]
    Device(String),
    #[error("the network failed: {0}")]
    Compute(String),
    #[error(
        "the picture is {width}×{height} pixels but the model {model} takes {want_width}×{want_height}; cut it as its card says"
    )]
    PictureSize { model: String, width: usize, height: usize, want_width: usize, want_height: usize },
    #[error("class {0} does not exist; 0 is no metastasis, 1 is metastasis")]
    NoSuchClass(usize),
    #[error("the network has no layer {layer}; its layers from 0 on are {layers}")]
    NoSuchLayer { layer: usize, layers: String },
}

impl Network {
    /// Loads weights (safetensors or `.pth`) with the card beside them.
    ///
    /// # Errors
    /// One sentence that names the file and what is wrong with it: unreadable, cut short, of another model, without the
    /// study's head, with values that are no numbers; or the device.
    pub fn load(path: &Path, device: DeviceChoice) -> Result<Self, NnError> {
        let file = weights::WeightsFile::open(path)?;
        let arch = file.arch()?;
        file.check(arch, Part::Whole)?;
        let card = file.card(arch)?;
        Self::build(card, file.sha256, &file.tensors, device, Source::File(path.to_owned()))
    }

    /// The architecture with reproducible random weights: it runs, but its figures have no meaning (`card.trained` is false).
    pub fn untrained(arch: Arch, recipe: Recipe, device: DeviceChoice) -> Result<Self, NnError> {
        let name = format!("untrained {}", arch.name());
        let description = format!(
            "{}: the known-answer pattern, seed 0; never trained, its figures have no meaning",
            arch.name()
        );
        let sha256 = thoracast_files::sha256_of(description.as_bytes());
        let card = Card { name, arch, recipe, trained: false, description, remarks: vec![], training: None };
        Self::build(card, sha256, &pattern::state_dict(arch, 0), device, Source::Pattern)
    }

    fn build(
        card: Card,
        sha256: String,
        dict: &StateDict,
        device: DeviceChoice,
        source: Source,
    ) -> Result<Self, NnError> {
        let engine = Engine::new(card.arch, dict, device)?;
        let heads = Head::all(dict, card.arch).map_err(NnError::Compute)?;
        let familiarity = Familiarity::from_dict(dict);
        Ok(Self { card, sha256, engine, heads, familiarity, source })
    }

    /// Log-probabilities and pooled features of one picture.
    pub fn infer(&self, picture: &Picture) -> Result<Inference, NnError> {
        Ok(self.say(self.feature_map(picture)?.pooled()))
    }

    fn say(&self, pooled: Vec<f32>) -> Inference {
        Inference {
            log_prob: Head::mean_log_prob(&self.heads, &pooled),
            each: self.heads.iter().map(|h| h.log_prob(&pooled).probability()).collect(),
            distance: self.familiarity.as_ref().map(|f| f.distance(&pooled)),
            pooled,
        }
    }

    /// Where the network looked for `class` (0 = no metastasis, 1 = metastasis).
    pub fn grad_cam(&self, picture: &Picture, class: usize) -> Result<Heatmap, NnError> {
        Ok(self.infer_with_heatmap(picture, class)?.1)
    }

    /// Both in one pass through the backbone.
    pub fn infer_with_heatmap(
        &self,
        picture: &Picture,
        class: usize,
    ) -> Result<(Inference, Heatmap), NnError> {
        if class >= head::CLASSES {
            return Err(NnError::NoSuchClass(class));
        }
        let map = self.feature_map(picture)?;
        let heatmap = grad_cam::heatmap(&map, &self.heads, class);
        Ok((self.say(map.pooled()), heatmap))
    }

    /// Names of the backbone's stages, from the picture to the last feature map: where Grad-CAM can look.
    pub fn layers(&self) -> &'static [&'static str] {
        self.card.arch.stages()
    }

    /// Grad-CAM on the feature map after stage `layer` (see [`Self::layers`]). The last one costs one pass; the others need
    /// the gradient through the stages behind and take a second or so.
    ///
    /// # Errors
    /// A class or layer that does not exist, a picture of another size, or the device.
    pub fn grad_cam_at(&self, picture: &Picture, class: usize, layer: usize) -> Result<Heatmap, NnError> {
        if layer + 1 == layers::STAGES {
            return self.grad_cam(picture, class);
        }
        if class >= head::CLASSES {
            return Err(NnError::NoSuchClass(class));
        }
        if layer >= layers::STAGES {
            return Err(NnError::NoSuchLayer { layer, layers: self.layers().join(", ") });
        }
        let input = self.input(picture)?;
        let dict = match &self.source {
            Source::File(path) => weights::WeightsFile::open(path)?.tensors,
            Source::Pattern => pattern::state_dict(self.card.arch, 0),
        };
        grad_cam::heatmap_at(&dict, self.card.arch, &self.heads, &input, class, layer)
    }

    /// "CPU (2 threads)" or the CUDA device's name.
    pub fn device_name(&self) -> String {
        self.engine.device_name().to_owned()
    }

    /// Why the CPU is used although a GPU was asked for, if so.
    pub fn device_notice(&self) -> Option<&str> {
        self.engine.notice()
    }

    fn feature_map(&self, picture: &Picture) -> Result<grad_cam::FeatureMap, NnError> {
        let input = self.input(picture)?;
        self.engine.feature_map(&input.values, input.height, input.width)
    }

    fn input(&self, picture: &Picture) -> Result<Normalised, NnError> {
        let recipe = &self.card.recipe;
        if (picture.width, picture.height) != (recipe.width, recipe.height) {
            return Err(NnError::PictureSize {
                model: self.card.name.clone(),
                width: picture.width,
                height: picture.height,
                want_width: recipe.width,
                want_height: recipe.height,
            });
        }
        Ok(picture::normalise(picture, recipe))
    }
}

/// Where a network would run: the device's name, and why it is the CPU although this build can use a GPU, if so.
///
/// # Errors
/// As [`Network::load`] for a device that cannot be used.
pub fn device_for(choice: DeviceChoice) -> Result<(String, Option<String>), NnError> {
    device::choose(choice).map(|chosen| (chosen.name, chosen.notice))
}

/// Whether this build can use CUDA at all.
pub fn cuda_is_built_in() -> bool {
    candle_core::utils::cuda_is_available()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(mut recipe: Recipe) -> Recipe {
        (recipe.width, recipe.height) = (64, 48);
        recipe
    }

    #[test]
    fn an_untrained_network_says_so_and_gives_the_same_numbers_from_any_thread() {
        let network = Network::untrained(Arch::Resnet50, small(Recipe::t11()), DeviceChoice::Cpu).unwrap();
        assert!(!network.card.trained && network.card.name == "untrained resnet50");
        let picture =
            Picture { width: 64, height: 48, grey: (0..64 * 48).map(|i| (i % 251) as u8).collect() };
        let here = network.infer(&picture).unwrap();
        let there = std::thread::scope(|s| s.spawn(|| network.infer(&picture).unwrap()).join().unwrap());
        assert_eq!(here, there);
        assert_eq!(here.pooled.len(), 2048);
        assert!((here.log_prob.0[0].exp() + here.log_prob.0[1].exp() - 1.0).abs() < 1e-9);
        assert!(matches!(network.grad_cam(&picture, 2), Err(NnError::NoSuchClass(2))));
        let map = network.grad_cam(&picture, 1).unwrap();
        assert_eq!((map.width, map.height, map.values.len()), (2, 2, 4));
    }

    #[test]
    fn grad_cam_looks_into_every_layer_and_agrees_with_the_closed_form_at_the_last() {
        let network = Network::untrained(Arch::Resnet50, small(Recipe::t11()), DeviceChoice::Cpu).unwrap();
        let picture =
            Picture { width: 64, height: 48, grey: (0..64 * 48).map(|i| (i % 241) as u8).collect() };
        let dict = pattern::state_dict(Arch::Resnet50, 0);
        let input = network.input(&picture).unwrap();
        let through =
            |layer| grad_cam::heatmap_at(&dict, Arch::Resnet50, &network.heads, &input, 1, layer).unwrap();
        let (last, known) = (through(4), network.grad_cam(&picture, 1).unwrap());
        let off = last.values.iter().zip(&known.values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 1e-3, "{off}");
        for (layer, side) in [(0, 16), (1, 16), (2, 8), (3, 4)] {
            let map = network.grad_cam_at(&picture, 1, layer).unwrap();
            assert_eq!((map.width, map.height), (side, side * 3 / 4), "{}", network.layers()[layer]);
            assert!(map.values.iter().all(|v| (0.0..=1.0).contains(v)) && map.values.contains(&0.0));
        }
        let message = network.grad_cam_at(&picture, 1, 9).unwrap_err().to_string();
        assert!(message.contains("no layer 9") && message.contains("layer4"), "{message}");
    }

    #[test]
    fn a_picture_of_another_size_is_refused_by_name() {
        let network = Network::untrained(Arch::Resnet50, small(Recipe::t11()), DeviceChoice::Cpu).unwrap();
        let picture = Picture { width: 50, height: 40, grey: vec![0; 2000] };
        let message = network.infer(&picture).unwrap_err().to_string();
        assert!(message.contains("50×40") && message.contains("64×48"), "{message}");
    }

    #[test]
    fn saved_weights_load_and_infer_as_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resnet.safetensors");
        let dict = pattern::state_dict(Arch::Resnet50, 0);
        weights::save(&dict, &path).unwrap();
        let untrained = Network::untrained(Arch::Resnet50, small(Recipe::t11()), DeviceChoice::Cpu).unwrap();
        weights::write_card(&untrained.card, &path).unwrap();
        let loaded = Network::load(&path, DeviceChoice::Cpu).unwrap();
        assert_eq!(loaded.card, untrained.card);
        assert_eq!(loaded.sha256, thoracast_files::sha256(&path).unwrap());
        let picture = Picture { width: 64, height: 48, grey: vec![90; 64 * 48] };
        assert_eq!(loaded.infer(&picture).unwrap(), untrained.infer(&picture).unwrap());

        // Without a card the weights count as trained, of unknown origin.
        std::fs::remove_file(weights::card_path(&path)).unwrap();
        let bare = Network::load(&path, DeviceChoice::Cpu).unwrap();
        assert!(bare.card.trained && bare.card.description.contains("origin unknown"));
        assert_eq!(bare.card.recipe, Recipe::t11());
    }
}
