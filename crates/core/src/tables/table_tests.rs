use super::*;

fn table(text: &str) -> Table {
    Table::from_bytes(Path::new("clinical.csv"), text.as_bytes()).unwrap()
}

fn refusal(text: &str) -> String {
    Table::from_bytes(Path::new("clinical.csv"), text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn rows_keep_their_number_in_the_file_and_blank_lines_do_not_count_as_rows() {
    let t = table("id,CEA\n1,2.5\n\n,\n2,abc\n3,\n");
    assert_eq!(t.rows.iter().map(|r| r.number).collect::<Vec<_>>(), [2, 5, 6]);
    assert_eq!(t.number(0, 1).unwrap(), Some(2.5));
    assert_eq!(t.number(2, 1).unwrap(), None);
    assert_eq!(
        t.number(1, 1).unwrap_err().to_string(),
        "clinical.csv, row 5, column 'CEA': 'abc' is not a number; write a number or leave the cell empty"
    );
}

#[test]
fn a_semicolon_table_has_decimal_commas() {
    let t = table("id;CEA\n1;2,5\n2;3.5\n");
    assert_eq!((t.number(0, 1).unwrap(), t.number(1, 1).unwrap()), (Some(2.5), Some(3.5)));
}

#[test]
fn broken_tables_are_refused_in_a_sentence_that_names_the_file() {
    for (text, says) in [
        ("", "clinical.csv: the table is empty; it needs a header row"),
        ("a,b\n1,2,3\n", "clinical.csv: row 2 has 3 cells, but the header has 2"),
        ("a,a\n1,2\n", "clinical.csv: the column 'a' stands twice"),
        ("a,b\n\u{0}\u{1},2\n", "clinical.csv: this is not a table of text"),
    ] {
        assert!(refusal(text).starts_with(says), "{}", refusal(text));
    }
    let cut_short = Table::from_bytes(Path::new("a.xlsx"), b"PK\x03\x04cut").unwrap_err().to_string();
    assert!(cut_short.starts_with("a.xlsx: the spreadsheet could not be read"), "{cut_short}");
    assert!(Table::read(Path::new("nowhere.csv")).unwrap_err().to_string().contains("nowhere.csv"));
}

#[test]
fn short_rows_are_filled_and_said() {
    let t = table("a,b,c\n1,2,3\n1\n");
    assert_eq!(t.text(1, 2), None);
    assert_eq!(t.warnings, ["clinical.csv, row 3: only 1 of 3 cells; the rest counts as missing"]);
}

#[test]
fn tables_join_on_a_key_whatever_it_is_called() {
    let left = table("序号,年龄\n1,50\n2,60\n3,70\n");
    let right = table("num;PMI/T4;年龄\n3.0;7,5;1\n1;5,5;1\n");
    let joined = left.join(&right, "id").unwrap();
    assert_eq!(joined.header, ["序号", "年龄", "PMI/T4"]);
    assert_eq!(joined.number(0, 2).unwrap(), Some(5.5));
    assert_eq!(joined.number(1, 2).unwrap(), Some(7.5));
    assert_eq!(joined.number(1, 1).unwrap(), Some(70.0));
    assert!(joined.warnings[0].contains("rows 3 have no partner"), "{:?}", joined.warnings);
    let twice = table("num,x\n1,1\n1,2\n");
    assert!(left.join(&twice, "id").unwrap_err().to_string().contains("stands in row 2 too"));
}

#[test]
fn a_spreadsheet_reads_like_the_same_csv() {
    let t = Table::from_bytes(Path::new("clinical.xlsx"), &spreadsheet()).unwrap();
    assert_eq!(t.header, ["序号", "CEA", "Histologic type"]);
    assert_eq!(t.rows[0].number, 2);
    assert_eq!(
        (t.text(0, 0), t.number(0, 1).unwrap(), t.text(0, 2)),
        (Some("24"), Some(2.5), Some("Ductal"))
    );
    assert_eq!(t.text(1, 1), None);
}

/// The smallest workbook that has inline text, numbers and an empty cell.
fn spreadsheet() -> Vec<u8> {
    use std::io::Write;
    let sheet = r#"<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
<row r="1"><c r="A1" t="inlineStr"><is><t>序号</t></is></c><c r="B1" t="inlineStr"><is><t>CEA</t></is></c><c r="C1" t="inlineStr"><is><t>Histologic type</t></is></c></row>
<row r="2"><c r="A2"><v>24</v></c><c r="B2"><v>2.5</v></c><c r="C2" t="inlineStr"><is><t>Ductal</t></is></c></row>
<row r="3"><c r="A3"><v>25</v></c><c r="C3" t="inlineStr"><is><t>Others</t></is></c></row></sheetData></worksheet>"#;
    let book = r#"<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
    let relations = r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#;
    let package = r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in [
        ("_rels/.rels", package),
        ("xl/workbook.xml", book),
        ("xl/_rels/workbook.xml.rels", relations),
        ("xl/worksheets/sheet1.xml", sheet),
    ] {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn the_published_tables_read_whole() {
    let Some(cohort) = crate::testing::shared("cohort") else { return };
    let clinical = Table::read(&cohort.join("clinical_test.csv")).unwrap();
    assert_eq!(
        (clinical.rows.len(), clinical.column("age"), clinical.column("metastasis")),
        (186, Some(1), Some(21))
    );
    let nomogram = Table::read(&cohort.join("nomogram_test.csv")).unwrap();
    assert_eq!(nomogram.rows.len(), 186);
    let ki67 = nomogram.column("ki67").unwrap();
    assert_eq!(nomogram.text(0, ki67), Some("≥20%"));
    assert_eq!((0..186).filter(|r| nomogram.text(*r, ki67).is_none()).count(), 1);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        if let Ok(t) = Table::from_bytes(Path::new("any.csv"), &bytes) {
            proptest::prop_assert!(t.rows.iter().all(|r| r.cells.len() == t.header.len()));
            let _ = crate::clinical::read_records(&t);
        }
    }

    #[test]
    fn any_text_table_is_read_as_rectangular_or_refused(text in "[a-zé序\"0-9,;.\t\n≥ -]{0,200}") {
        if let Ok(t) = Table::from_bytes(Path::new("any.csv"), text.as_bytes()) {
            proptest::prop_assert!(t.rows.iter().all(|r| r.cells.len() == t.header.len()));
            for column in 0..t.header.len() {
                let _ = t.number(0, column);
            }
        }
    }
}
