//! Files written whole or not at all, their hashes, and the progress of long work.

mod disk;
pub mod progress;
#[cfg(feature = "testing")]
pub mod testing;

pub use disk::*;
