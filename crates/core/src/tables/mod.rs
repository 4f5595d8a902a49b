//! Tables: reading them whatever program wrote them, their rows, and the names columns go by.

pub mod columns;
pub mod decode;
mod spreadsheet;
pub mod table;

pub use table::{Row, Table, TableError};
