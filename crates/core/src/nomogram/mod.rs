//! The study's nomogram: fitted on a table, kept as a file with its card, and a patient's way onto it. The drawing's
//! arithmetic is [`crate::stats::nomogram`].

mod model;
pub(crate) mod train;

pub use model::{Cutoff, Input, InputSource, NomogramCard, NomogramModel};
pub use train::train;
