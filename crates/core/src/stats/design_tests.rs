use std::path::Path;

use super::*;

fn table(text: &str) -> Table {
    Table::from_bytes(Path::new("t.csv"), text.as_bytes()).unwrap()
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| s.to_string()).collect()
}

fn options(column: &str, level: &str) -> DesignOptions {
    DesignOptions { reference: [(column.to_owned(), level.to_owned())].into() }
}

const DATA: &str =
    "y,age,type,stage\n0,50,Ductal,1\n1,60,Others,2\n1,,Ductal,2\n0,40,Lobular,3\n,45,Ductal,3\n";

#[test]
fn text_is_categorical_with_the_first_sorted_level_as_reference() {
    let design = build(&table(DATA), &names(&["age", "type"]), &[0], &DesignOptions::default()).unwrap();
    assert_eq!(design.columns, ["age", "type=Lobular", "type=Others"]);
    assert_eq!(design.x, [vec![50.0, 0.0, 0.0], vec![60.0, 0.0, 1.0], vec![40.0, 1.0, 0.0]]);
    assert_eq!(design.dropped, [4, 6]);
    assert_eq!(outcome(&table(DATA), 0, &design.used).unwrap(), [false, true, false]);
}

#[test]
fn another_reference_can_be_set_and_makes_numbers_levels() {
    let design = build(&table(DATA), &names(&["type", "stage"]), &[], &options("type", "Others")).unwrap();
    assert_eq!(design.columns, ["type=Ductal", "type=Lobular", "stage"]);
    let design = build(&table(DATA), &names(&["stage"]), &[], &options("stage", "2")).unwrap();
    assert_eq!(design.columns, ["stage=1", "stage=3"]);
    assert_eq!(design.covariates[0].width(), 2);
}

#[test]
fn what_cannot_be_a_covariate_is_refused() {
    let refusal = |text: &str, covariates: &[&str], options: &DesignOptions| {
        build(&table(text), &names(covariates), &[], options).unwrap_err().to_string()
    };
    let plain = DesignOptions::default();
    let letter = refusal("a\n1\n2\nx\n4\n", &["a"], &plain);
    assert!(letter.starts_with("t.csv, row 4, column 'a': 'x' stands among numbers"), "{letter}");
    // Percentages became categories, and the outcome was "separated by 'p=81%'".
    let percent = refusal("p\n81%\n7%\n12%\n", &["p"], &plain);
    let says = "t.csv, row 2, column 'p': '81%' looks like a number; read the column as percent (81), with --read p=RULE";
    assert!(percent.starts_with(says), "{percent}");
    assert!(build(&table("p\n81%\n7%\n"), &names(&["p"]), &[], &options("p", "7%")).is_ok());
    assert!(build(&table("p\n<20%\n≥20%\n"), &names(&["p"]), &[], &plain).is_ok());
    assert!(refusal(DATA, &["weight"], &plain).contains("there is no column 'weight'"));
    assert!(refusal(DATA, &["age", "age"], &plain).contains("used twice"));
    assert!(refusal("a,b\nx,1\nx,2\n", &["a"], &plain).contains("'a' is 'x' in every row used"));
    assert!(
        refusal(DATA, &["type"], &options("type", "Mucinous"))
            .contains("no level 'Mucinous'; its levels are")
    );
    assert!(refusal(DATA, &["age"], &options("type", "Ductal")).contains("'type', which is no covariate"));
    assert!(refusal("a,b\n,1\n,2\n", &["a"], &plain).contains("no row has a value"));
    let bad = outcome(&table("y\n0\n2\n"), 0, &[0, 1]).unwrap_err().to_string();
    assert!(bad.starts_with("t.csv, row 3, column 'y': '2' is not an outcome"), "{bad}");
}

#[test]
fn recoding_changes_only_what_it_names() {
    let mut t = table("dead,x\n0,a\n1,\n2,b\n1.0,c\n");
    "dead:0=,1=0,2=1".parse::<Recode>().unwrap().apply(&mut t).unwrap();
    assert_eq!((0..4).map(|r| t.text(r, 0).unwrap_or("")).collect::<Vec<_>>(), ["", "0", "1", "0"]);
    assert_eq!("x:=a,z=b".parse::<Recode>().unwrap().apply(&mut t).unwrap(), ["z"]);
    assert_eq!((0..4).map(|r| t.text(r, 1).unwrap_or("")).collect::<Vec<_>>(), ["a", "a", "b", "c"]);
    assert!("dead".parse::<Recode>().is_err() && "dead:0".parse::<Recode>().is_err());
    assert!("age:1=2".parse::<Recode>().unwrap().apply(&mut t).is_err());
}
