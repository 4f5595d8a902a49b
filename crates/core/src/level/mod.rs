//! Where T4 and T11 are. A person chooses them today; proposals from the spine will live here.

use crate::nn::Arch;

/// The two vertebral levels of the study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// Pectoralis muscle; DenseNet161's slice.
    T4,
    /// Visceral fat; ResNet50's slice.
    T11,
}

impl Level {
    pub const ALL: [Self; 2] = [Self::T4, Self::T11];

    pub fn name(self) -> &'static str {
        match self {
            Self::T4 => "T4",
            Self::T11 => "T11",
        }
    }

    /// The network that looks at the level in the study.
    pub fn arch(self) -> Arch {
        match self {
            Self::T4 => Arch::Densenet161,
            Self::T11 => Arch::Resnet50,
        }
    }

    /// Its weights' name in a models folder.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::T4 => "t4.safetensors",
            Self::T11 => "t11.safetensors",
        }
    }
}
