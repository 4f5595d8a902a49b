//! Files written whole or not at all, their hashes, and the progress of long work.

pub mod bounds;
mod disk;
pub mod progress;

pub use disk::*;
