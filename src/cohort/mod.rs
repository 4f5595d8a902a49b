//! Tables of many patients: reading them whatever program wrote them, and finding their columns.

pub mod columns;
pub mod decode;
pub mod pictures;
pub mod published;
pub mod table;

pub use table::{Row, Table, TableError};
