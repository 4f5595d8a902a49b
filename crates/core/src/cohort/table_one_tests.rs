use std::path::Path;

use super::*;

fn table(text: &str) -> Table {
    Table::from_bytes(Path::new("t.csv"), text.as_bytes()).unwrap()
}

fn near(ours: Option<f64>, theirs: f64) {
    let ours = ours.unwrap();
    assert!((ours - theirs).abs() <= 1e-9 * theirs.abs().max(1e-6), "{ours} {theirs}");
}

fn one<'a>(table_one: &'a TableOne, column: &str) -> &'a Line {
    table_one.lines.iter().find(|l| l.column == column).unwrap()
}

/// R on the published test table: d <- read.csv("clinical_test.csv", fileEncoding = "GBK", check.names = FALSE).
#[test]
fn the_published_test_patients_are_as_r_sees_them() {
    let Some(path) = crate::testing::shared("cohort/clinical_test.csv") else { return };
    let table = Table::read(&path).unwrap();
    let groups = Groups::by_outcome(&table).unwrap();
    let medians = table_one(&table, &groups, Style::Median);
    assert_eq!((medians.sizes, medians.left_out, medians.lines.len()), ([136, 50], 0, 20));
    assert!(medians.skipped.is_empty(), "{:?}", medians.skipped);
    // quantile(x), wilcox.test(x, y)$p.value, |mean(x) - mean(y)| / sqrt((var(x) + var(y)) / 2)
    let cea = one(&medians, "CEA");
    let Summary::Measured([_, without, _]) = &cea.summary else { panic!("CEA is measured") };
    near(without.middle, 1.445);
    near(without.low, 0.93425);
    near(without.high, 2.435);
    near(cea.p, 0.001_057_495_579_82);
    near(cea.smd, 0.378_189_359_076);
    near(one(&medians, "PMI/T4").p, 2.405_710_833_65e-12);
    // chisq.test(table(x, m)) where all expected counts are at least 5, else fisher.test
    for (column, test, p, smd) in [
        ("ER", Test::ChiSquare, 0.001_741_254_433_36, 0.549_526_504_481),
        ("Molecular subtype", Test::ChiSquare, 0.001_004_095_654_46, 0.761_669_617_089),
        ("N", Test::Fisher, 8.687_596_265_71e-6, 0.859_917_978_203),
        ("HER2", Test::Fisher, 2.490_887_202_67e-7, 1.199_830_660_78),
        ("Endocrine therapy", Test::Fisher, 0.001_072_028_641_85, 0.732_723_438_608),
    ] {
        let line = one(&medians, column);
        assert_eq!(line.test, Some(test), "{column}");
        near(line.p, p);
        near(line.smd, smd);
    }
    assert!(one(&medians, "Endocrine therapy").remark.as_ref().unwrap().contains("after diagnosis"));
    let means = table_one(&table, &groups, Style::Mean);
    // t.test(x, y)$p.value
    near(one(&means, "BMI").p, 0.097_895_442_868_2);
}

const SMALL: &str = "ID,age,ER,OS,note,M1,metastasis\n\
    1,50,1,100,a,,0\n2,60,1,200,b,,0\n3,70,0,300,c,,0\n4,55,0,50,d,,1\n5,x,0,60,e,,1\n6,65,NA,70,f,,1\n7,66,1,9,g,,\n";

#[test]
fn missing_values_are_counted_by_group_and_results_carry_a_remark() {
    let table = table(SMALL);
    let groups = Groups::by_outcome(&table).unwrap();
    let t = table_one(&table, &groups, Style::Median);
    assert_eq!((t.sizes, t.left_out), ([3, 3], 1));
    let age = one(&t, "age");
    assert_eq!(age.missing, [1, 0, 1]);
    assert!(age.remark.as_ref().unwrap().contains("one cell is no number"));
    assert!(one(&t, "OS").remark.as_ref().unwrap().contains("only from follow-up"));
    let Summary::Counted(levels) = &one(&t, "ER").summary else { panic!("ER is counted") };
    assert_eq!(levels[0].level, "0 (Negative)");
    assert_eq!(levels[0].n, [3, 1, 2]);
    assert_eq!(levels[0].text(1), "1 (33.3 %)");
    assert_eq!(t.skipped, ["'M1' is empty."]);
}

#[test]
fn exports_have_every_line_and_survive_awkward_names() {
    let text = SMALL.replace("note", "\"note \"\"x\"\" | y\"");
    let table = table(&text);
    let t = table_one(&table, &Groups::by_outcome(&table).unwrap(), Style::Mean);
    let csv = t.csv();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), t.printed().len());
    assert!(rows.iter().any(|r| r[0].contains("note \"x\" | y")));
    let markdown = t.markdown();
    assert!(markdown.contains("note \"x\" \\| y") && markdown.contains("One patient without 'Metastasis'"));
    let widths: Vec<usize> = markdown
        .lines()
        .take_while(|l| l.starts_with('|'))
        .map(|l| l.replace("\\|", "").matches('|').count())
        .collect();
    assert!(widths.iter().all(|w| *w == 10), "{widths:?}");
}

#[test]
fn groups_that_share_no_level_have_a_test_but_no_finite_difference() {
    let text = "ID,grade,metastasis\n1,a,0\n2,a,0\n3,a,0\n4,b,1\n5,b,1\n6,b,1\n";
    let table = table(text);
    let t = table_one(&table, &Groups::by_outcome(&table).unwrap(), Style::Median);
    let grade = one(&t, "grade");
    // fisher.test(matrix(c(3, 0, 0, 3), 2))$p.value
    near(grade.p, 0.1);
    assert_eq!(grade.smd, None);
}

#[test]
fn whole_numbers_are_printed_without_decimals() {
    let centre =
        |m: f64, low: f64, high: f64| Centre { n: 9, middle: Some(m), low: Some(low), high: Some(high) };
    let printed = |c: [Centre; 3]| c[0].text(Style::Median, decimals(&c));
    let whole = centre(50.0, 45.0, 56.0);
    assert_eq!(printed([whole; 3]), "50 (45–56)");
    assert_eq!(printed([whole, centre(50.5, 45.0, 56.0), whole]), "50.0 (45.0–56.0)");
    assert_eq!(printed([centre(2.2, 1.6, 3.875); 3]), "2.20 (1.60–3.88)");
    assert_eq!(printed([centre(1875.25, 1200.5, 2400.75); 3]), "1875 (1200–2401)");
}
