//! Where T4 and T11 are, and how every vertebra from C7 to L3 is found.
//!
//! The volume is resampled once to a coarse [`grid`]; the spinal [`canal`] is traced through it; the [`column`] is
//! straightened along the canal; [`cues`] are measured plane by plane; a [`chain`] of labelled segments with
//! [`templates`] of the cues gives every label a posterior; [`proposal`] turns it into levels with a confidence.
//!
//! The confidence is the lowest posterior over the full model and five runs that each lack one cue, and never more
//! than the probability that T1 or L1 is in the scan: without the first or the last rib nothing names a vertebra.

mod canal;
mod chain;
mod column;
mod cues;
mod grid;
mod proposal;
mod table;
mod templates;
mod vertebra;

#[cfg(test)]
mod accuracy_tests;
#[cfg(test)]
mod tests;

pub use proposal::{CONFIDENT, Convention, Course, Proposals, Proposed, propose};
pub use vertebra::Vertebra;

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

    /// The vertebra it lies at.
    pub fn vertebra(self) -> Vertebra {
        match self {
            Self::T4 => Vertebra::T4,
            Self::T11 => Vertebra::T11,
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
