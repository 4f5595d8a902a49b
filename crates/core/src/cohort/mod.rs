//! Tables and picture folders of many patients: what their columns mean, and what belongs together.

pub mod afterwards;
pub mod distribution;
pub mod draft;
pub mod folder;
mod guess;
pub mod mapping;
pub mod matching;
pub mod pictures;
pub mod published;
pub mod query;
mod split;
pub mod table_one;
pub mod targets;
pub mod values;

pub use crate::tables::{Row, Table, TableError, columns, decode, table};
pub use folder::{CohortError, CohortFolder, CohortTable, PictureFile};
pub use mapping::Mapping;
pub use split::Split;
