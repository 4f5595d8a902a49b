use super::*;
use crate::stats::design::Recode;
use crate::tables::Table;
use crate::testing::shared;

/// Follow-up of the published patients by risk group 0, 1.
fn published(time: &str, event: &str) -> Option<[Vec<FollowUp>; 2]> {
    let mut table = Table::read(&shared("cohort")?.join("nomogram_test.csv")).unwrap();
    // R's reading of the 0/1/2 coding: 0 unknown, 1 alive, 2 dead.
    "dead:0=,1=0,2=1".parse::<Recode>().unwrap().apply(&mut table).unwrap();
    let column = |name: &str| table.require(name).unwrap();
    let (time, event, group) = (column(time), column(event), column("group"));
    let mut groups = [Vec::new(), Vec::new()];
    for r in 0..table.rows.len() {
        let Some(event) = table.number(r, event).unwrap() else { continue };
        let time = table.number(r, time).unwrap().unwrap();
        groups[table.number(r, group).unwrap().unwrap() as usize]
            .push(FollowUp { time, event: event == 1.0 });
    }
    Some(groups)
}

fn close(what: &str, a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-9 * b.abs().max(1e-3), "{what}: {a} is not {b}");
}

#[test]
fn the_published_curves_are_those_of_r() {
    let Some(folder) = shared("reference") else { return };
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("r/km.json")).unwrap()).unwrap();
    for (key, time, event, interval) in [
        ("dmfs", "DMFS", "metastasis", Interval::Log),
        ("os", "OS", "dead", Interval::Log),
        ("dmfs_loglog", "DMFS", "metastasis", Interval::LogLog),
        ("dmfs_plain", "DMFS", "metastasis", Interval::Plain),
    ] {
        let (groups, theirs) = (published(time, event).unwrap(), &json[key]);
        let curves = groups.each_ref().map(|g| curve(g, interval).unwrap());
        let steps: Vec<&Step> = curves.iter().flat_map(|c| &c.steps).filter(|s| s.n_event > 0).collect();
        assert_eq!(steps.len(), theirs["time"].as_array().unwrap().len());
        for (i, step) in steps.iter().enumerate() {
            let of = |name: &str| theirs[name][i].as_f64().unwrap();
            assert_eq!(
                (step.time, step.n_risk as f64, step.n_event as f64),
                (of("time"), of("n_risk"), of("n_event"))
            );
            close("survival", step.survival, of("surv"));
            close("std_err", step.std_err.unwrap(), of("std_err"));
            close("low", step.low.unwrap(), of("lower"));
            close("high", step.high.unwrap(), of("upper"));
        }
        for (g, curve) in curves.iter().enumerate() {
            let row = &theirs["table"][g];
            assert_eq!(
                (curve.n as u64, curve.events as u64),
                (row["records"].as_u64().unwrap(), row["events"].as_u64().unwrap())
            );
            assert_eq!(curve.median, row["median"].as_f64());
            assert_eq!(curve.median_low, row["0.95LCL"].as_f64());
            assert_eq!(curve.median_high, row["0.95UCL"].as_f64());
            let times: Vec<f64> = (0..7).map(|i| 300.0 * f64::from(i)).collect();
            let counts = &theirs["at_risk"][format!("group={g}")];
            for (i, time) in times.iter().enumerate() {
                let n = curve.at_risk(*time) as u64;
                assert_eq!(n, counts[i].as_u64().unwrap(), "{key} group {g} at {time}");
            }
        }
        if let Some(test) = theirs.get("logrank") {
            let ours = log_rank(&groups).unwrap();
            close("chisq", ours.test.chisq, test["chisq"].as_f64().unwrap());
            assert!((ours.test.p / test["p"].as_f64().unwrap() - 1.0).abs() < 1e-6);
            for g in 0..2 {
                close("observed", ours.observed[g], test["observed"][g].as_f64().unwrap());
                close("expected", ours.expected[g], test["expected"][g].as_f64().unwrap());
            }
        }
    }
}

fn patients(list: &[(f64, bool)]) -> Vec<FollowUp> {
    list.iter().map(|(time, event)| FollowUp { time: *time, event: *event }).collect()
}

#[test]
fn a_rest_at_one_half_has_its_middle_as_median() {
    let c =
        curve(&patients(&[(1.0, true), (2.0, true), (5.0, false), (6.0, true), (9.0, true)]), Interval::Log)
            .unwrap();
    // 0.8, 0.6, then (after one left) 0.3.
    assert_eq!(c.median, Some(6.0));
    let c = curve(&patients(&[(1.0, true), (2.0, true), (6.0, true), (9.0, true)]), Interval::Log).unwrap();
    assert_eq!(c.median, Some(4.0));
    let last = c.steps[3];
    assert_eq!((last.survival, last.std_err, last.low, last.high), (0.0, None, None, None));
}

#[test]
fn all_censored_is_a_flat_line_and_no_test() {
    // R gives limits of 1 on the scales that have them, none on log(−log S).
    for (interval, limit) in
        [(Interval::Log, Some(1.0)), (Interval::Plain, Some(1.0)), (Interval::LogLog, None)]
    {
        let c = curve(&patients(&[(1.0, false), (3.0, false)]), interval).unwrap();
        assert!(c.steps.iter().all(|s| s.survival == 1.0 && s.low == limit && s.high == limit));
        assert!(c.median.is_none());
    }
    let groups = [patients(&[(1.0, false)]), patients(&[(2.0, false)])];
    assert!(log_rank(&groups).unwrap_err().to_string().contains("needs events"));
    assert!(log_rank(&groups[..1]).is_err());
    assert!(
        curve(&patients(&[(-1.0, true)]), Interval::Log)
            .unwrap_err()
            .to_string()
            .contains("-1 is impossible")
    );
    assert!(curve(&[], Interval::Log).is_err());
}

#[test]
fn three_groups_are_compared_whatever_their_order() {
    let group = |shift: usize| -> Vec<FollowUp> {
        (0..30)
            .map(|i| FollowUp {
                time: ((i * 17 + shift * 5) % 23 + shift * 4) as f64,
                event: i % 3 != shift % 3,
            })
            .collect()
    };
    let [a, b, c] = [group(0), group(1), group(2)];
    let forward = log_rank(&[a.clone(), b.clone(), c.clone()]).unwrap();
    let backward = log_rank(&[c, b, a]).unwrap();
    assert!((forward.test.chisq - backward.test.chisq).abs() < 1e-9 && forward.test.df == 2.0);
    assert!((forward.observed.iter().sum::<f64>() - forward.expected.iter().sum::<f64>()).abs() < 1e-9);
}
