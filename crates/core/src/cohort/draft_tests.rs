use super::*;

const THEIRS: &str = "Patient no.,Age at dx,Diameter of tumour (mm),ER status,HER2,Mets,age\n\
    P1,50,\"21,5\",positive,3+,yes,x\n\
    P2,61,15,negative,0,no,x\n\
    P3,,\"30,5\",positive,?,no,x\n";

fn table(text: &str) -> Table {
    Table::from_bytes(Path::new("theirs.csv"), text.as_bytes()).unwrap()
}

fn choice<'a>(draft: &'a Draft, key: &str) -> &'a Choice {
    draft.choices.iter().find(|c| c.target.key == key).unwrap()
}

fn number(draft: &Draft, key: &str) -> usize {
    draft.choices.iter().position(|c| c.target.key == key).unwrap()
}

fn sentences(draft: &Draft) -> Vec<String> {
    draft.problems().into_iter().map(|p| p.sentence).collect()
}

#[test]
fn a_foreign_table_is_mapped_by_guesses_and_a_few_choices() {
    let mut draft = Draft::of_table(table(THEIRS));
    assert!(draft.decimal_comma);
    let size = choice(&draft, "tumor_size");
    assert_eq!((size.column, size.factor), (Some(2), 0.1));
    assert_eq!(size.preview.first, ["2.15", "1.5", "3.05"]);
    assert_eq!(choice(&draft, "er").codes.len(), 2);
    // The column called `age` is taken at its word until a person says otherwise.
    assert_eq!(choice(&draft, "age").column, Some(6));
    assert!(
        sentences(&draft).iter().any(|s| s == "Age: 3 values are no number; first: row 2, 'x'."),
        "{:?}",
        sentences(&draft)
    );
    assert!(sentences(&draft).iter().any(|s| {
        s.starts_with("HER2: 2 values are none of our codes (0 Negative, 1 Positive); first: row 2, '3+'")
    }));

    draft.choose(number(&draft, "age"), Some(1));
    draft.choose(number(&draft, "metastasis"), Some(5));
    let her2 = number(&draft, "her2");
    draft.set_code(her2, "3+".to_owned(), Some(1.0));
    assert_eq!(choice(&draft, "her2").preview.unreadable, 1);
    assert_eq!(choice(&draft, "age").preview.missing, 1);

    let mapping = mapping(std::slice::from_ref(&draft));
    mapping.check().unwrap();
    let ours = mapping.apply(&draft.table, &BTreeMap::new(), &mut BTreeSet::new()).unwrap();
    assert_eq!(ours.header, ["id", "age", "tumor_size", "er", "her2", "metastasis"]);
    assert_eq!(ours.rows[0].cells, ["P1", "50", "2.15", "1", "1", "1"]);

    // The same choices come back from the file.
    let mut again = Draft::of_table(table(THEIRS));
    again.take_up(&mapping);
    assert_eq!(again, draft);
}

#[test]
fn what_is_wrong_is_said_and_what_is_blocking_comes_first() {
    let mut draft = Draft::of_table(table("a,b,c\n1,2,3\n1,2,4\n"));
    assert_eq!(draft.choices.iter().filter(|c| c.column.is_some()).count(), 0);
    let problems = draft.problems();
    assert!(problems[0].blocking && problems[0].key == "id");
    draft.choose(number(&draft, "id"), Some(0));
    draft.choose(number(&draft, "age"), Some(0));
    let said = sentences(&draft);
    assert!(said[0].contains("'a' is chosen for Patient ID and for Age"), "{said:?}");
    assert!(said.iter().any(|s| s.starts_with("One ID stands in more than one row")), "{said:?}");
}

#[test]
fn units_that_cannot_be_right_are_doubted_with_a_better_one() {
    let mut draft = Draft::of_table(table("ID,Tumor size,BMI,Ki67\n1,22,23,0.3\n2,15,24,0.1\n3,31,25,0.5\n"));
    let said = sentences(&draft);
    assert!(said.iter().any(|s| s.starts_with("Tumour size:") && s.ends_with("are they in mm?")), "{said:?}");
    assert!(
        said.iter().any(|s| s.starts_with("Ki-67:") && s.ends_with("are they in share 0–1?")),
        "{said:?}"
    );
    assert!(!said.iter().any(|s| s.starts_with("BMI")), "{said:?}");
    let size = number(&draft, "tumor_size");
    draft.set_factor(size, 0.1);
    assert!(!sentences(&draft).iter().any(|s| s.starts_with("Tumour size")));
}

#[test]
fn the_published_cohort_needs_no_choice_and_a_folder_keeps_its_roles() {
    let Some(dir) = crate::testing::shared("cohort") else { return };
    let drafts = Draft::of_folder(&dir).unwrap();
    assert_eq!(drafts.iter().map(|d| d.role).collect::<Vec<_>>(), [Role::Clinical, Role::Survival]);
    let unit_doubts: Vec<String> = sentences(&drafts[0])
        .into_iter()
        .filter(|s| !s.contains("codes") && !s.contains("more than one row"))
        .collect();
    assert!(unit_doubts.is_empty(), "{unit_doubts:?}");
    let mapping = mapping(&drafts);
    let mapped = CohortFolder::open(&dir, Some(&mapping)).unwrap();
    let plain = CohortFolder::open(&dir, None).unwrap();
    assert_eq!(mapped.clinical[0].table.rows, plain.clinical[0].table.rows);
    assert_eq!(mapped.clinical[1].table.column("metastasis"), plain.clinical[1].table.column("metastasis"));
    assert_eq!(mapped.survival[0].table.column("os_days"), plain.survival[0].table.column("os_days"));
}

#[test]
fn a_folder_with_one_table_of_another_name_will_do() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("patients.csv"), THEIRS).unwrap();
    let drafts = Draft::of_folder(dir.path()).unwrap();
    let mapping = mapping(&drafts);
    let folder = CohortFolder::open(dir.path(), Some(&mapping)).unwrap();
    assert_eq!(folder.clinical[0].table.number(0, 2).unwrap(), Some(2.15));
    std::fs::write(dir.path().join("more.csv"), THEIRS).unwrap();
    assert!(Draft::of_folder(dir.path()).unwrap_err().to_string().contains("--mapping"));
}

/// Percent signs, limits and decimal commas became texts that no figure used, without a word on how to read them.
#[test]
fn a_column_that_looks_like_numbers_says_how_to_read_it() {
    let mut draft = Draft::of_table(table("id,age,Ki-67\n1,50,81%\n2,61,<20%\n3,47,35%\n"));
    let ki67 = number(&draft, "ki67");
    let said = sentences(&draft);
    assert!(
        said.iter().any(|s| s.ends_with("'81%'. They look like numbers: read them as percent+limit (81).")),
        "{said:?}"
    );
    draft.set_reading(ki67, Some("percent+limit".parse().unwrap()));
    assert_eq!(choice(&draft, "ki67").preview.first, ["81", "20", "35"]);
    assert!(!sentences(&draft).iter().any(|s| s.contains("look like numbers")));
    let mapping = mapping(std::slice::from_ref(&draft));
    assert_eq!(mapping.columns["Ki-67"].read, "percent+limit".parse().ok());
    let mut again = Draft::of_table(table("id,age,Ki-67\n1,50,81%\n2,61,<20%\n"));
    again.take_up(&mapping);
    assert_eq!(choice(&again, "ki67").preview.unreadable, 0);
}
