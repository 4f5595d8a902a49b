//! Files read within a budget and written whole or not at all, their hashes, the progress of long work, and text from
//! files made fit to be shown.

pub mod bounds;
pub mod budget;
mod disk;
pub mod guard;
pub mod progress;
mod staging;
#[cfg(feature = "testing")]
pub mod testing;
pub mod words;

pub use disk::*;
pub use staging::*;
