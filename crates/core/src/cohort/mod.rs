//! Tables of many patients: reading them whatever program wrote them, and finding their columns.

pub mod afterwards;
pub mod columns;
pub mod decode;
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
mod spreadsheet;
pub mod table;
pub mod table_one;
pub mod targets;
pub mod values;

pub use folder::{CohortError, CohortFolder, CohortTable, PictureFile};
pub use mapping::Mapping;
pub use split::Split;
pub use table::{Row, Table, TableError};
