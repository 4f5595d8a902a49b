//! Lines above a table's header that name the table.

use std::path::Path;

use super::decode;
use super::table::Row;

/// How many of a table's first rows (none of them blank) are a title: narrower than all rows behind them, of which the
/// first names the columns and a later one holds a number.
pub(super) fn count_title_rows(rows: &[Row], decimal_comma: bool) -> usize {
    /// More lines than this are no title.
    const MOST: usize = 5;
    let filled = |row: &Row| row.cells.iter().rposition(|c| !c.trim().is_empty()).map_or(0, |last| last + 1);
    let cells = |row: &Row| row.cells.iter().filter(|c| !c.trim().is_empty()).count();
    let number = |c: &String| decode::number(c, decimal_comma).is_some();
    let narrow = |row: &Row, width: usize| cells(row) < width && !row.cells.iter().any(number);
    // One row alone behind the names proves nothing: a single heading over wider rows is a broken table.
    for titles in 1..=MOST.min(rows.len().saturating_sub(3)) {
        let (header, behind) = (&rows[titles], &rows[titles + 1..]);
        let width = filled(header);
        let names_columns = width >= 2 && cells(header) == width && !header.cells.iter().any(number);
        let holds_numbers = behind.iter().take(50).any(|row| row.cells.iter().any(number));
        // Where the first line is as wide as what follows, it is the header itself.
        if names_columns
            && holds_numbers
            && rows[..titles].iter().all(|row| narrow(row, width))
            && filled(&rows[0]) < width
            && behind.iter().all(|row| filled(row) <= width)
        {
            return titles;
        }
    }
    0
}

/// The remark on a title that was left out.
pub(super) fn say(path: &Path, row: &Row) -> String {
    const SHOWN: usize = 60;
    let text = row.cells.iter().map(|c| c.trim()).filter(|c| !c.is_empty()).collect::<Vec<_>>().join(" ");
    let text: String = text.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    format!(
        "{}, row {}: '{text}' is a title above the header and was left out; the header is the row behind it",
        path.display(),
        row.number
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::tables::Table;

    /// "row 2 has 3 cells, but the header has 1" was said of every table with a title.
    #[test]
    fn a_title_above_the_header_is_called_one() {
        for text in [
            "Breast cancer cohort\nid,age,type\n1,50,a\n2,61,b\n",
            "\"Kohorte, 2021\"\n\nid;age;type\n1;50,5;a\n2;61;b\n",
            "Kohorte, Berlin\nid;age;type\n1;50,5;a\n2;61;b\n",
            "Cohort,Beijing\nas of spring\nid,age,type\n1,50,a\n2,61,b\n",
        ] {
            let table = Table::from_bytes(Path::new("t.csv"), text.as_bytes()).unwrap();
            assert_eq!(table.header, ["id", "age", "type"], "{text}");
            assert_eq!(table.rows.len(), 2);
            assert!(table.warnings[0].contains("row 1: '") && table.warnings[0].contains("is a title"));
        }
        for text in ["id\nx,y\n1,2\n", "a,b\n1,2,3\n"] {
            let plain = Table::from_bytes(Path::new("t.csv"), text.as_bytes());
            assert!(plain.is_err() || plain.unwrap().warnings.is_empty(), "{text}");
        }
        // A value without a heading is said, not made a table by calling the header a title.
        let narrow = Table::from_bytes(Path::new("t.csv"), b"id,\nx,1\n").unwrap_err().to_string();
        assert!(narrow.contains("row 2 has 2 cells, but the header has 1"), "{narrow}");
    }
}
