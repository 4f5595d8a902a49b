//! Rows of a spreadsheet: XLSX and XLSB (read cell by cell), XLS and ODS.
//!
//! calamine asks for memory by what a file says of itself: a count of strings, the extent of a sheet, repeated cells.
//! Each is looked at first and held against [`budget`], so that a small file can't ask for gigabytes.

use std::io::{BufReader, Cursor, Read, Write};

use calamine::{Cell, Data, Ods, Reader, Xls, Xlsb, Xlsx};
use quick_xml::events::{BytesStart, Event};

use super::table::Row;
use thoracast_files::budget::{self, MOST_CELLS};
use thoracast_files::guard;

/// Most sheets of an XLS file; each may be as large as all others.
const MOST_SHEETS: usize = 1000;

type Archive<'a> = zip::ZipArchive<Cursor<&'a [u8]>>;

/// Whether bytes begin like a spreadsheet: a ZIP archive or a compound file.
pub(crate) fn is_spreadsheet(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\xd0\xcf\x11\xe0")
}

/// The rows of the first sheet with cells in it, each as long as its last filled cell and at least as the first row.
///
/// # Errors
/// One sentence without the file's name.
pub(crate) fn read_rows(bytes: &[u8]) -> Result<Vec<Row>, String> {
    // calamine indexes without checks on some damaged files.
    guard::decode(|| read_first_sheet(bytes))
        .unwrap_or_else(|damaged| Err(broken(&damaged)))?
        .ok_or_else(|| "the spreadsheet has no sheet with cells in it".to_owned())
}

fn broken(error: &dyn std::fmt::Display) -> String {
    format!("the spreadsheet could not be read ({error}); save it again as XLSX")
}

fn too_large() -> String {
    format!(
        "the spreadsheet spans more than {} million cells; delete what lies far off the table, or save it as CSV",
        MOST_CELLS / 1_000_000
    )
}

fn read_first_sheet(bytes: &[u8]) -> Result<Option<Vec<Row>>, String> {
    if bytes.starts_with(b"\xd0\xcf") {
        return read_xls(bytes);
    }
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| broken(&e))?;
    check_size(&mut archive, bytes.len() as u64)?;
    let names: Vec<String> = archive.file_names().flatten().map(|n| n.to_ascii_lowercase()).collect();
    if names.iter().any(|name| name == "content.xml") {
        check_repeats(&mut archive)?;
        let mut book: Ods<_> = Ods::new(Cursor::new(bytes)).map_err(|e| broken(&e))?;
        return first_range(&mut book);
    }
    check_string_counts(&mut archive)?;
    if names.iter().any(|name| name.ends_with("workbook.bin")) {
        let mut book: Xlsb<_> = Xlsb::new(Cursor::new(bytes)).map_err(|e| broken(&e))?;
        return read_sheets(&book.sheet_names(), |name, sheet| {
            let mut cells = book.worksheet_cells_reader(name).map_err(|e| broken(&e))?;
            while let Some(cell) = cells.next_cell().map_err(|e| broken(&e))? {
                sheet.add(Cell::new(cell.get_position(), Data::from(cell.get_value().clone())))?;
            }
            Ok(())
        });
    }
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|e| broken(&e))?;
    read_sheets(&book.sheet_names(), |name, sheet| {
        let mut cells = match book.worksheet_cells_reader(name) {
            Ok(cells) => cells,
            // A sheet that is a chart has no cells.
            Err(calamine::XlsxError::NotAWorksheet(_)) => return Ok(()),
            Err(e) => return Err(broken(&e)),
        };
        while let Some(cell) = cells.next_cell().map_err(|e| broken(&e))? {
            sheet.add(Cell::new(cell.get_position(), Data::from(cell.get_value().clone())))?;
        }
        Ok(())
    })
}

/// Fills a sheet of each name until one has cells.
fn read_sheets(
    names: &[String],
    mut fill: impl FnMut(&str, &mut Sheet) -> Result<(), String>,
) -> Result<Option<Vec<Row>>, String> {
    for name in names {
        let mut sheet = Sheet::default();
        fill(name, &mut sheet)?;
        if let Some(rows) = sheet.into_rows()? {
            return Ok(Some(rows));
        }
    }
    Ok(None)
}

/// Sheets that calamine holds as dense ranges; their extent was checked before.
fn first_range<R: Read + std::io::Seek, B: Reader<R>>(book: &mut B) -> Result<Option<Vec<Row>>, String>
where
    B::Error: std::fmt::Display,
{
    let names = book.sheet_names();
    read_sheets(&names, |name, sheet| {
        let range = book.worksheet_range(name).map_err(|e| broken(&e))?;
        let Some((top, left)) = range.start() else { return Ok(()) };
        for (row, column, value) in range.used_cells() {
            sheet.add(Cell::new((top + row as u32, left + column as u32), value.clone()))?;
        }
        Ok(())
    })
}

/// Filled cells in the order of the file.
#[derive(Default)]
struct Sheet {
    cells: Vec<(u32, u32, String)>,
}

impl Sheet {
    fn add(&mut self, cell: Cell<Data>) -> Result<(), String> {
        if *cell.get_value() == Data::Empty {
            return Ok(());
        }
        if self.cells.len() >= MOST_CELLS {
            return Err(too_large());
        }
        let (row, column) = cell.get_position();
        self.cells.push((row, column, cell_text(cell.get_value())));
        Ok(())
    }

    /// Rows that have a cell, from the leftmost filled column on; `None` without any.
    fn into_rows(mut self) -> Result<Option<Vec<Row>>, String> {
        let Some(left) = self.cells.iter().map(|(_, column, _)| *column).min() else { return Ok(None) };
        self.cells.sort_by_key(|(row, column, _)| (*row, *column));
        let width_of = |row: &[(u32, u32, String)]| row.last().map_or(0, |(_, c, _)| (c - left) as usize + 1);
        let first = self.cells.chunk_by(|a, b| a.0 == b.0).next().map_or(0, width_of);
        let total: usize = self.cells.chunk_by(|a, b| a.0 == b.0).map(|row| width_of(row).max(first)).sum();
        if total > MOST_CELLS {
            return Err(too_large());
        }
        let mut rows: Vec<Row> = Vec::new();
        for (row, column, text) in self.cells {
            let number = row as usize + 1;
            if rows.last().is_none_or(|last| last.number != number) {
                rows.push(Row { number, cells: vec![String::new(); first] });
            }
            let Some(Row { cells, .. }) = rows.last_mut() else { continue };
            let column = (column - left) as usize;
            if cells.len() <= column {
                cells.resize(column + 1, String::new());
            }
            cells[column] = text;
        }
        Ok(Some(rows))
    }
}

fn cell_text(cell: &Data) -> String {
    match cell {
        Data::Empty => String::new(),
        Data::DateTime(date) => {
            let (year, month, day, ..) = date.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}")
        }
        other => other.to_string(),
    }
}

/// Unpacks every member to nowhere, so that no more than an honest file's bytes are unpacked into memory later.
fn check_size(archive: &mut Archive<'_>, packed: u64) -> Result<(), String> {
    let most = budget::most_unpacked(packed);
    let mut left = most;
    for place in 0..archive.len() {
        // What can't be opened or unpacked is not read later either.
        let Ok(member) = archive.by_index(place) else { continue };
        let length = std::io::copy(&mut member.take(left + 1), &mut std::io::sink()).unwrap_or(0);
        left = left.checked_sub(length).ok_or_else(|| broken(&budget::Refusal::Unpacks { most }))?;
    }
    Ok(())
}

/// Calls `on` with each start tag of a member whose name ends so; empty tags are start tags, too.
fn visit_tags(
    archive: &mut Archive<'_>,
    ending: &str,
    mut on: impl FnMut(Tag<'_, '_>) -> Result<bool, String>,
) -> Result<(), String> {
    let places: Vec<usize> = (0..archive.len())
        .filter(|i| {
            let name = archive.name_for_index(*i).and_then(Result::ok);
            name.is_some_and(|n| n.to_ascii_lowercase().ends_with(ending))
        })
        .collect();
    for place in places {
        let Ok(member) = archive.by_index(place) else { continue };
        let length = member.size();
        let mut xml = quick_xml::Reader::from_reader(BufReader::new(member));
        xml.config_mut().expand_empty_elements = true;
        xml.config_mut().check_end_names = false;
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            let go_on = match xml.read_event_into(&mut buffer) {
                Ok(Event::Start(tag)) => on(Tag::Start(&tag, length))?,
                Ok(Event::End(tag)) => on(Tag::End(tag.name().0))?,
                Ok(Event::Text(_) | Event::CData(_) | Event::GeneralRef(_)) => on(Tag::Text)?,
                Ok(Event::Eof) => break,
                Ok(_) => true,
                // calamine, which reads the same way, will say so.
                Err(_) => break,
            };
            if !go_on {
                break;
            }
        }
    }
    Ok(())
}

enum Tag<'a, 'b> {
    /// With the length of its file.
    Start(&'a BytesStart<'b>, u64),
    End(&'a str),
    Text,
}

fn count(tag: &BytesStart<'_>, name: &str) -> Option<u64> {
    tag.attributes().with_checks(false).flatten().find(|a| a.key.0 == name)?.value.trim().parse().ok()
}

/// XLSX says how many different texts it has, and calamine believes it. A text takes at least `<si/>`.
fn check_string_counts(archive: &mut Archive<'_>) -> Result<(), String> {
    visit_tags(archive, "sharedstrings.xml", |tag| {
        let Tag::Start(tag, length) = tag else { return Ok(true) };
        if !tag.local_name().as_ref().eq_ignore_ascii_case("sst") {
            return Ok(true);
        }
        match count(tag, "uniqueCount") {
            Some(texts) if texts > length / 5 => {
                Err(broken(&format!("it says it has {texts} texts, more than its size allows")))
            }
            _ => Ok(false),
        }
    })
}

/// ODS repeats cells and rows by a number; what they become is held against the budget.
fn check_repeats(archive: &mut Archive<'_>) -> Result<(), String> {
    const MOST_WIDE: u64 = 16_384; // calamine cuts rows here
    let (mut column, mut filled, mut widest) = (0u64, 0u64, 0u64);
    let (mut repeats, mut rows, mut last_row, mut cells) = (1u64, 0u64, 0u64, 0u64);
    let (mut in_cell, mut width) = (false, 0u64);
    visit_tags(archive, "content.xml", |tag| {
        match tag {
            Tag::Start(tag, _) => match tag.name().0 {
                "table:table" => (rows, last_row, widest) = (0, 0, 0),
                "table:table-row" => {
                    repeats = count(tag, "table:number-rows-repeated").unwrap_or(1).min(1 << 20);
                    (column, filled) = (0, 0);
                }
                "table:table-cell" | "table:covered-table-cell" => {
                    width = count(tag, "table:number-columns-repeated").unwrap_or(1).min(MOST_WIDE);
                    column = (column + width).min(MOST_WIDE);
                    let tells = |key: &str| key.starts_with("office:") || key.starts_with("table:formula");
                    in_cell = true;
                    if tag.attributes().with_checks(false).flatten().any(|a| tells(a.key.0)) {
                        filled = column;
                    }
                }
                _ => {}
            },
            Tag::Text if in_cell => filled = column,
            Tag::Text => {}
            Tag::End("table:table-cell" | "table:covered-table-cell") => in_cell = false,
            Tag::End("table:table-row") => {
                rows = rows.saturating_add(repeats);
                cells = cells.saturating_add(filled);
                widest = widest.max(filled);
                if filled > 0 {
                    last_row = rows;
                }
            }
            Tag::End(_) => {}
        }
        // What is stored before rows are repeated, and the rectangle they fill afterwards.
        let most = MOST_CELLS as u64;
        if cells > most || last_row.saturating_mul(widest) > most { Err(too_large()) } else { Ok(true) }
    })
}

/// XLS: the container is opened by a crate that checks it, the records' extents are looked at, and calamine is given a
/// fresh container with these records alone.
fn read_xls(bytes: &[u8]) -> Result<Option<Vec<Row>>, String> {
    let mut container = cfb::CompoundFile::open(Cursor::new(bytes)).map_err(|e| broken(&e))?;
    let name = ["/Workbook", "/Book"].into_iter().find(|name| container.is_stream(name));
    let name = name.ok_or_else(|| broken(&"it has no workbook; a file with a password can't be opened"))?;
    let mut records = Vec::new();
    let stream = container.open_stream(name).map_err(|e| broken(&e))?;
    // A chain of sectors may be a circle.
    stream.take(bytes.len() as u64).read_to_end(&mut records).map_err(|e| broken(&e))?;
    check_records(&records)?;
    let fresh = || -> std::io::Result<Vec<u8>> {
        let mut fresh = cfb::CompoundFile::create(Cursor::new(Vec::new()))?;
        fresh.create_stream(name)?.write_all(&records)?;
        fresh.flush()?;
        Ok(fresh.into_inner().into_inner())
    };
    let fresh = fresh().map_err(|e| broken(&e))?;
    let mut book: Xls<_> = Xls::new(Cursor::new(fresh.as_slice())).map_err(|e| broken(&e))?;
    first_range(&mut book)
}

/// Holds the extents of all sheets of a BIFF stream against the budget (MS-XLS 2.4: BoundSheet8, BOF, EOF, Dimensions,
/// cells).
fn check_records(stream: &[u8]) -> Result<(), String> {
    let place = |data: &[u8]| data.first_chunk().map(|b| u32::from_le_bytes(*b) as usize);
    let sheets = records(stream, 0).filter(|(kind, _)| *kind == 0x0085);
    let mut starts: Vec<usize> = sheets.filter_map(|(_, data)| place(data)).collect();
    let sheets = starts.len();
    if sheets > MOST_SHEETS {
        return Err(broken(&format!("it says it has {sheets} sheets")));
    }
    starts.sort_unstable();
    starts.dedup();
    let (mut extent, mut seen) = (Extent::default(), 0usize);
    for start in starts {
        let mut depth = 0usize;
        for (kind, data) in records(stream, start) {
            seen += data.len() + 4;
            match kind {
                0x0809 => depth += 1,
                0x000A if depth <= 1 => break,
                0x000A => depth -= 1,
                _ => extent.include(kind, data)?,
            }
        }
        // Sheets that lie in one another would be read again and again.
        if seen > stream.len().saturating_mul(2) {
            return Err(broken(&"its sheets overlap"));
        }
    }
    if extent.rows.saturating_mul(extent.columns).saturating_mul(sheets as u64) > MOST_CELLS as u64 {
        return Err(too_large());
    }
    Ok(())
}

/// The largest sheet there may be.
#[derive(Default)]
struct Extent {
    rows: u64,
    columns: u64,
}

impl Extent {
    fn include(&mut self, kind: u16, data: &[u8]) -> Result<(), String> {
        let short =
            |at: usize| data.get(at..at + 2).map_or(0, |b| u64::from(u16::from_le_bytes([b[0], b[1]])));
        let (rows, columns) = match kind {
            0x0200 => {
                // Row numbers have 4 bytes in BIFF8 and 2 before.
                let long = |at: usize| short(at) | short(at + 2) << 16;
                let (top, bottom, left, right) = match data.len() {
                    10 => (short(0), short(2), short(4), short(6)),
                    _ => (long(0), long(4), short(8), short(10)),
                };
                if bottom >= 1 && right >= 1 && (bottom <= top || right == left) {
                    return Err(broken(&"a sheet ends before it begins"));
                }
                (bottom, right)
            }
            0x0203 | 0x0204 | 0x00D6 | 0x0205 | 0x027E | 0x00FD | 0x0006 => (short(0) + 1, short(2) + 1),
            0x00BD => (short(0) + 1, short(2).max(short(data.len().saturating_sub(2))) + 1),
            _ => return Ok(()),
        };
        (self.rows, self.columns) = (self.rows.max(rows), self.columns.max(columns));
        Ok(())
    }
}

/// The records from a place in the stream on: kind and data.
fn records(stream: &[u8], start: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let mut at = start;
    std::iter::from_fn(move || {
        let head = stream.get(at..at.checked_add(4)?)?;
        let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
        let data = stream.get(at + 4..at + 4 + length)?;
        at += 4 + length;
        Some((u16::from_le_bytes([head[0], head[1]]), data))
    })
}

#[cfg(test)]
#[path = "spreadsheet_tests.rs"]
mod tests;
