//! Tables: reading them whatever program wrote them, their rows, and the names columns go by.

pub mod columns;
pub mod decode;
pub mod reading;
mod spreadsheet;
pub mod table;
mod title;

pub use table::{Row, Table, TableError};
