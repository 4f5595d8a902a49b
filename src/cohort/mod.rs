//! Tables of many patients: reading them whatever program wrote them, and finding their columns.

pub mod columns;
pub mod decode;
pub mod folder;
pub mod mapping;
pub mod pictures;
pub mod published;
mod split;
pub mod table;

pub use folder::{CohortError, CohortFolder, CohortTable, PictureFile};
pub use mapping::Mapping;
pub use split::Split;
pub use table::{Row, Table, TableError};
