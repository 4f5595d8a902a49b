use super::*;

fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, content) in members {
        archive.start_file(*name, options).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// An XLSX file with these rows of XML and these shared strings.
fn xlsx(rows: &str, strings: &str) -> Vec<u8> {
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    let sheet = format!(r#"<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>"#);
    let book = format!(
        r#"<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>"#
    );
    let relation = |kind: &str, target: &str| {
        format!(
            r#"<Relationships xmlns="{package}"><Relationship Id="rId1" Type="{office}/{kind}" Target="{target}"/></Relationships>"#
        )
    };
    archive(&[
        ("_rels/.rels", relation("officeDocument", "xl/workbook.xml").as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relation("worksheet", "worksheets/sheet1.xml").as_bytes()),
        ("xl/sharedStrings.xml", strings.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

fn ods(table: &str) -> Vec<u8> {
    let content = format!(
        "<office:document-content><office:body><office:spreadsheet><table:table table:name=\"s\">{table}</table:table>\
         </office:spreadsheet></office:body></office:document-content>"
    );
    archive(&[
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        ("META-INF/manifest.xml", b"<manifest:manifest/>"),
        ("content.xml", content.as_bytes()),
    ])
}

/// A BIFF8 workbook with one sheet of these records.
fn xls(records: &[(u16, &[u8])]) -> Vec<u8> {
    let record = |kind: u16, data: &[u8]| {
        let length = u16::try_from(data.len()).unwrap();
        [&kind.to_le_bytes()[..], &length.to_le_bytes()[..], data].concat()
    };
    let begin = record(0x0809, &[0, 6, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let end = record(0x000A, &[]);
    let sheet = |place: u32| record(0x0085, &[&place.to_le_bytes()[..], &[0, 0, 1, 0, b's']].concat());
    let place = (begin.len() + sheet(0).len() + end.len()) as u32;
    let mut stream = [begin.clone(), sheet(place), end.clone(), begin].concat();
    records.iter().for_each(|(kind, data)| stream.extend(record(*kind, data)));
    stream.extend(end);
    let mut container = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    container.create_stream("/Workbook").unwrap().write_all(&stream).unwrap();
    container.flush().unwrap();
    container.into_inner().into_inner()
}

fn number(row: u16, column: u16, value: f64) -> Vec<u8> {
    [&row.to_le_bytes()[..], &column.to_le_bytes(), &[0, 0], &value.to_le_bytes()].concat()
}

fn cells(bytes: &[u8]) -> Vec<(usize, Vec<String>)> {
    read_rows(bytes).unwrap().into_iter().map(|row| (row.number, row.cells)).collect()
}

#[test]
fn each_kind_reads_its_cells() {
    let row = |number: usize, cells: &[&str]| (number, cells.iter().map(|c| (*c).to_owned()).collect());
    let want: Vec<(usize, Vec<String>)> = vec![row(2, &["1", "", "3"]), row(4, &["5", "", ""])];
    let sheet = r#"<row r="2"><c r="B2"><v>1</v></c><c r="D2"><v>3</v></c></row><row r="4"><c r="B4"><v>5</v></c></row>"#;
    assert_eq!(cells(&xlsx(sheet, "<sst/>")), want);
    let cell = |v: u8| format!(r#"<table:table-cell office:value-type="float" office:value="{v}"/>"#);
    let sheet = format!(
        r#"<table:table-row/><table:table-row><table:table-cell/>{}<table:table-cell/>{}</table:table-row><table:table-row/><table:table-row><table:table-cell/>{}<table:table-cell table:number-columns-repeated="16000"/></table:table-row><table:table-row table:number-rows-repeated="1000000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>"#,
        cell(1),
        cell(3),
        cell(5)
    );
    assert_eq!(cells(&ods(&sheet)), want);
    let sheet = [number(1, 1, 1.0), number(1, 3, 3.0), number(3, 1, 5.0)];
    let records: Vec<(u16, &[u8])> = sheet.iter().map(|n| (0x0203, n.as_slice())).collect();
    assert_eq!(cells(&xls(&records)), want);
}

/// One cell at XFD1048576 made calamine ask for 400 GB, and the program abort.
#[test]
fn a_cell_far_away_costs_its_own_row_only() {
    let rows =
        r#"<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>"#;
    let read = cells(&xlsx(rows, "<sst/>"));
    assert_eq!((read.len(), read[1].0, read[1].1.len()), (2, 1_048_576, 16_384));
    // But not a million such rows.
    let rows: String = (1..4000)
        .map(|r| format!(r#"<row r="{r}"><c r="XFD{r}"><v>2</v></c><c r="A{r}"><v>1</v></c></row>"#))
        .collect();
    assert!(read_rows(&xlsx(&rows, "<sst/>")).unwrap_err().contains("more than 50 million cells"));
    let far = |row: u16, column: u16| {
        let (near, far) = (number(0, 0, 1.0), number(row, column, 2.0));
        read_rows(&xls(&[(0x0203, &near), (0x0203, &far)]))
    };
    assert!(far(9_999, 255).is_ok());
    assert!(far(65_535, 65_535).unwrap_err().contains("more than 50 million cells"));
}

/// A count of 4 294 967 295 texts made the program abort.
#[test]
fn counts_are_held_against_the_size_of_the_file() {
    let strings = |n: u64| format!(r#"<sst uniqueCount="{n}"><si><t>id</t></si></sst>"#);
    let rows = r#"<row r="1"><c r="A1" t="s"><v>0</v></c></row>"#;
    assert_eq!(cells(&xlsx(rows, &strings(1))), [(1, vec!["id".to_owned()])]);
    for n in [4_294_967_295, u64::MAX] {
        assert!(read_rows(&xlsx(rows, &strings(n))).unwrap_err().contains("more than its size allows"));
    }
    let wide = r#"<table:table-row table:number-rows-repeated="1048576"><table:table-cell table:number-columns-repeated="16384" office:value-type="float" office:value="1"/></table:table-row>"#;
    assert!(read_rows(&ods(wide)).unwrap_err().contains("more than 50 million cells"));
    let dimensions = |bottom: u32, right: u16| {
        let data = [&[0; 4][..], &bottom.to_le_bytes(), &[0; 2], &right.to_le_bytes(), &[0; 2]].concat();
        read_rows(&xls(&[(0x0200, &data), (0x0203, &number(0, 0, 1.0))]))
    };
    assert!(dimensions(10, 3).is_ok());
    assert!(dimensions(u32::MAX, 3).unwrap_err().contains("more than 50 million cells"));
}

#[test]
fn a_bomb_is_refused() {
    let rows = format!(r#"<row r="1"><c r="A1"><v>{}</v></c></row>"#, "1".repeat(70 << 20));
    let refused = read_rows(&xlsx(&rows, "<sst/>")).unwrap_err();
    assert!(refused.contains("unpacks to more than 64 MiB"), "{refused}");
}
