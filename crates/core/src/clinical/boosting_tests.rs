use super::super::smote::{self, SmoteSettings};
use super::super::{scaler::Scaler, tree::Node};
use super::*;
use crate::tables::Table;
use crate::testing::shared;

/// The study's 19 columns and the outcome of a published table.
fn published(name: &str) -> Option<(Vec<Vec<f64>>, Vec<bool>)> {
    let table = Table::read(&shared("cohort")?.join(name)).unwrap();
    let rows = (0..table.rows.len()).map(|r| (1..20).map(|c| table.number(r, c).unwrap().unwrap()).collect());
    let outcome = (0..table.rows.len()).map(|r| table.number(r, 21).unwrap() == Some(1.0));
    Some((rows.collect(), outcome.collect()))
}

fn reference() -> Option<serde_json::Value> {
    let path = shared("reference")?.join("sklearn/gradient_boosting.json");
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

fn numbers(value: &serde_json::Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn auc(outcome: &[bool], p: &[f64]) -> f64 {
    crate::stats::roc::auc(outcome, p).unwrap()
}

#[test]
fn training_on_the_published_table_follows_scikit_learn() {
    let (Some((x, y)), Some(reference)) = (published("clinical_train.csv"), reference()) else { return };
    let started = std::time::Instant::now();
    let fitted = fit(&x, &y, &BoostingSettings::default()).unwrap();
    println!("300 trees in {:?}", started.elapsed());
    let plain = &reference["plain"];
    assert!((fitted.model.prior_log_odds - plain["prior_log_odds"].as_f64().unwrap()).abs() < 1e-14);
    // In the second tree two different splits are equally good; scikit-learn happens to draw the one we do not take,
    // and from the seventh tree on that shows in the loss.
    for (t, (ours, theirs)) in fitted.train_loss.iter().zip(numbers(&plain["train_loss"])).enumerate() {
        let difference = (ours - theirs).abs();
        assert!(t >= 6 || difference < 1e-6, "tree {t}: {ours} is not {theirs}");
    }
    // Later the loss is small and falls at our own rate; on the scale it began with the curves stay together.
    let theirs = numbers(&plain["train_loss"]);
    let gap = fitted.train_loss.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(gap < 0.02 * theirs[0], "the loss leaves scikit-learn's by {gap}");
    let (xt, yt) = published("clinical_test.csv").unwrap();
    let p: Vec<f64> = xt.iter().map(|r| fitted.model.probability(r)).collect();
    let aucs = numbers(&plain["auc_over_seeds"]);
    let (low, high) = (aucs.iter().copied().fold(1.0, f64::min), aucs.iter().copied().fold(0.0, f64::max));
    let ours = auc(&yt, &p);
    println!("test AUC {ours}, scikit-learn over seeds {low}…{high}");
    assert!(ours > low - 0.005 && ours < high + 0.005, "{ours} is outside {low}…{high}");
}

/// Friedman's improvement of a split, from its definition.
fn improvement(x: &[Vec<f64>], rows: &[usize], residual: &[f64], feature: usize, threshold: f64) -> f64 {
    let goes_left = |i: &&usize| f64::from(x[**i][feature] as f32) <= threshold;
    let (left, right): (Vec<&usize>, Vec<&usize>) = rows.iter().partition(goes_left);
    let mean = |part: &[&usize]| part.iter().map(|i| residual[**i]).sum::<f64>() / part.len() as f64;
    let (l, r) = (left.len() as f64, right.len() as f64);
    l * r / (l + r) * (mean(&left) - mean(&right)).powi(2)
}

/// Walks scikit-learn's first trees: at every node its split must be one of those that we find best (it draws among
/// equal ones, we take the first), and its leaves must have our Newton steps.
#[test]
fn the_first_trees_are_scikit_learns_but_for_ties() {
    let (Some((x, y)), Some(reference)) = (published("clinical_train.csv"), reference()) else { return };
    let y01: Vec<f64> = y.iter().map(|y| f64::from(u8::from(*y))).collect();
    let mut log_odds = vec![reference["plain"]["prior_log_odds"].as_f64().unwrap(); x.len()];
    let mut same_split = 0;
    for theirs in reference["plain"]["first_trees"].as_array().unwrap() {
        let list = |name: &str| numbers(&theirs[name]);
        let (feature, threshold, value) = (list("feature"), list("threshold"), list("value"));
        let (left, right) = (list("left"), list("right"));
        let residual: Vec<f64> = y01.iter().zip(&log_odds).map(|(y, f)| y - logistic(*f)).collect();
        let mut nodes: Vec<(usize, Vec<usize>)> = vec![(0, (0..x.len()).collect())];
        while let Some((node, rows)) = nodes.pop() {
            let indices: Vec<u32> = rows.iter().map(|i| *i as u32).collect();
            if feature[node] < 0.0 {
                assert!((newton_step(&indices, &residual, &y01) - value[node]).abs() < 1e-9);
                rows.iter().for_each(|i| log_odds[*i] += 0.1 * value[node]);
                continue;
            }
            let (f, at) = (feature[node] as usize, threshold[node]);
            let part: Vec<Vec<f64>> = rows.iter().map(|i| x[*i].clone()).collect();
            let target: Vec<f64> = rows.iter().map(|i| residual[*i]).collect();
            let stump = BoostingSettings { max_depth: 1, ..BoostingSettings::default() }.limits();
            let ours = grow(&Sorted::new(&part), &target, None, stump, |_| 0.0).tree;
            let Node::Split { feature: our_f, threshold: our_at, .. } = ours.nodes[0] else {
                panic!("no split")
            };
            let of = |f, at| improvement(&x, &rows, &residual, f, at);
            assert!((of(our_f, our_at) - of(f, at)).abs() < 1e-12, "node {node}: ours is better or worse");
            same_split += usize::from(our_f == f && our_at == at);
            let (l, r) = rows.iter().partition(|i| f64::from(x[**i][f] as f32) <= at);
            nodes.push((left[node] as usize, l));
            nodes.push((right[node] as usize, r));
        }
    }
    assert!(same_split >= 10, "only {same_split} of 12 splits are the very same");
}

#[test]
fn borderline_smote_finds_imbalanced_learns_danger_set_and_count() {
    let (Some((x, y)), Some(reference)) = (published("clinical_train.csv"), reference()) else { return };
    let recipe = &reference["published_recipe"];
    let resampled = smote::borderline(&x, &y, &SmoteSettings::default()).unwrap();
    let danger: Vec<f64> = resampled.danger.iter().map(|i| *i as f64).collect();
    assert_eq!(danger, numbers(&recipe["danger_rows"]));
    assert_eq!(resampled.rows.len() as u64, recipe["n_after"].as_u64().unwrap());
    assert_eq!(resampled.synthetic as u64, recipe["n_synthetic"].as_u64().unwrap());
    assert_eq!(resampled.outcome.iter().filter(|y| **y).count() * 2, resampled.rows.len());
    for new in &resampled.rows[x.len()..] {
        let inside = |j: usize| {
            let column = x.iter().map(|r| r[j]);
            column.clone().fold(f64::INFINITY, f64::min) <= new[j]
                && new[j] <= column.fold(f64::NEG_INFINITY, f64::max)
        };
        assert!((0..19).all(inside), "a synthetic patient lies outside the data");
    }
    assert_eq!(smote::borderline(&x, &y, &SmoteSettings::default()).unwrap(), resampled);
    assert_ne!(
        smote::borderline(&x, &y, &SmoteSettings { seed: 1, ..Default::default() }).unwrap(),
        resampled
    );
}

#[test]
fn scaling_and_boosting_after_the_given_resample_follow_scikit_learn() {
    let (Some(root), Some(reference)) = (shared("reference"), reference()) else { return };
    let recipe = &reference["published_recipe"];
    let table = Table::read(&root.join("sklearn/borderline_smote_seed0.csv")).unwrap();
    let all: Vec<Vec<f64>> = (0..table.rows.len())
        .map(|r| (0..20).map(|c| table.number(r, c).unwrap().unwrap()).collect())
        .collect();
    let rows: Vec<Vec<f64>> = all.iter().map(|r| r[..19].to_vec()).collect();
    let outcome: Vec<bool> = all.iter().map(|r| r[19] == 1.0).collect();
    let scaler = Scaler::fit(&rows);
    for (ours, theirs) in [(&scaler.mean, "scaler_mean"), (&scaler.scale, "scaler_scale")] {
        for (a, b) in ours.iter().zip(numbers(&recipe[theirs])) {
            assert!((a - b).abs() <= 1e-12 * b.abs(), "{theirs}: {a} is not {b}");
        }
    }
    let scaled: Vec<Vec<f64>> = rows.iter().map(|r| scaler.transform(r)).collect();
    let model = fit(&scaled, &outcome, &BoostingSettings::default()).unwrap().model;
    let (xt, yt) = published("clinical_test.csv").unwrap();
    let p: Vec<f64> = xt.iter().map(|r| model.probability(&scaler.transform(r))).collect();
    let theirs = numbers(&recipe["probability_on_the_given_resample"]);
    let worst = p.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let (ours, wanted) = (auc(&yt, &p), recipe["auc_on_the_given_resample"].as_f64().unwrap());
    println!("AUC {ours} (scikit-learn {wanted}), largest difference of a probability {worst}");
    assert!((ours - wanted).abs() < 0.01, "{ours} is not {wanted}");
    assert!(worst <= reference["plain"]["tie_spread_max"].as_f64().unwrap());
}

#[test]
fn without_ties_a_tree_is_the_one_worked_out_by_hand() {
    // Outcome 1 for x > 3: prior log-odds 0, residuals ±½, one split at 3.5, Newton steps ±½/¼.
    let rows: Vec<Vec<f64>> = (1..=6).map(|v| vec![f64::from(v)]).collect();
    let outcome = [false, false, false, true, true, true];
    let fitted = fit(&rows, &outcome, &BoostingSettings { trees: 1, ..Default::default() }).unwrap();
    let leaf = |value| Node::Leaf { value, n: 3 };
    let split = Node::Split { feature: 0, threshold: 3.5, left: 1, right: 2, n: 6, missing_left: false };
    assert_eq!(fitted.model.trees[0].nodes, [split, leaf(-2.0), leaf(2.0)]);
    assert!((fitted.model.probability(&[6.0]) - 1.0 / (1.0 + (-0.2f64).exp())).abs() < 1e-15);
    assert!((fitted.train_loss[0] - 2.0 * (-0.2f64).exp().ln_1p()).abs() < 1e-15);
}

#[test]
fn equal_features_are_told_apart_by_their_place() {
    let rows: Vec<Vec<f64>> =
        (0..40).map(|i| vec![f64::from(i % 2), f64::from(i), f64::from(i) * 3.0]).collect();
    let outcome: Vec<bool> = (0..40).map(|i| i > 25 || i % 7 == 0).collect();
    let model = fit(&rows, &outcome, &BoostingSettings { trees: 20, ..Default::default() }).unwrap().model;
    let used_third =
        model.trees.iter().flat_map(|t| &t.nodes).any(|n| matches!(n, Node::Split { feature: 2, .. }));
    assert!(!used_third, "the third column only repeats the second");
}

#[test]
fn unusable_training_data_are_refused() {
    let settings = BoostingSettings::default();
    assert_eq!(fit(&[], &[], &settings), Err(BoostingError::Shape));
    assert_eq!(fit(&[vec![1.0], vec![2.0]], &[true, true], &settings), Err(BoostingError::OneClass));
    let nan = fit(&[vec![1.0, 2.0], vec![f64::NAN, 1.0]], &[true, false], &settings);
    assert_eq!(nan, Err(BoostingError::NotFinite { row: 1, column: 0 }));
    let few = smote::borderline(&vec![vec![0.0]; 8], &[true; 8].map(|_| false), &SmoteSettings::default());
    assert!(few.unwrap_err().to_string().contains("there are 0"));
}

/// Values that are all different, by a formula that other programs can repeat: fractions of multiples of square roots.
fn without_ties(n: usize) -> (Vec<Vec<f64>>, Vec<bool>) {
    let fraction = |i: usize, root: f64| (i as f64 * root.sqrt()).fract();
    let rows: Vec<Vec<f64>> =
        (1..=n).map(|i| [2.0, 3.0, 5.0, 7.0].map(|root| fraction(i, root)).to_vec()).collect();
    let event = |(k, x): (usize, &Vec<f64>)| x[0] + x[1] * x[3] + 0.8 * fraction(k + 1, 17.0) > 1.05;
    let outcome = rows.iter().enumerate().map(event).collect();
    (rows, outcome)
}

/// scikit-learn 1.9.1 on the same numbers as float32, the same for every `random_state`:
/// `GradientBoostingClassifier(**settings).fit(x, y).predict_proba(x)[:6, 1]` and the last of `train_score_`.
#[test]
fn without_ties_probabilities_are_scikit_learns() {
    let (x, y) = without_ties(120);
    assert_eq!(y.iter().filter(|y| **y).count(), 69);
    let published = BoostingSettings::published();
    let cases: [(BoostingSettings, [f64; 6], f64); 5] = [
        (
            BoostingSettings { trees: 50, ..published.clone() },
            [
                0.2925076602063749,
                0.9768727988395036,
                0.043921146053972474,
                0.9726638223731001,
                0.07216259994185677,
                0.962256274290193,
            ],
            0.17701213930339021,
        ),
        (
            BoostingSettings { trees: 20, learning_rate: 0.3, max_depth: 2, ..published.clone() },
            [
                0.4597481506178348,
                0.9539327155149038,
                0.06420225570119861,
                0.9737651532864426,
                0.13545850998280068,
                0.9336429646455765,
            ],
            0.3165924295527928,
        ),
        (
            BoostingSettings {
                trees: 30,
                learning_rate: 0.05,
                max_depth: 2,
                min_samples_leaf: 9,
                ..published.clone()
            },
            [
                0.5261590548784462,
                0.8565355029665906,
                0.1908915847206188,
                0.8165039493623418,
                0.39965844788808114,
                0.744569512241688,
            ],
            0.7888477721472846,
        ),
        (
            BoostingSettings { trees: 40, max_depth: 1, ..published.clone() },
            [
                0.5408170556742846,
                0.8826890640789289,
                0.17820963417784894,
                0.8212422943613107,
                0.3983978963968275,
                0.7417984989390226,
            ],
            0.7725094367280729,
        ),
        (
            BoostingSettings {
                trees: 25,
                learning_rate: 0.2,
                max_depth: 4,
                min_samples_split: 30,
                ..published.clone()
            },
            [
                0.2041725603318061,
                0.9842382241062799,
                0.052403449187056354,
                0.9537201304101885,
                0.09875698662888126,
                0.9691218915483792,
            ],
            0.2063205689303613,
        ),
    ];
    for (settings, probabilities, loss) in cases {
        let fitted = fit(&x, &y, &settings).unwrap();
        for (row, want) in x.iter().zip(probabilities) {
            let got = fitted.model.probability(row);
            assert!((got - want).abs() < 1e-9, "{settings:?}: {got} is not {want}");
        }
        let last = fitted.train_loss.last().unwrap();
        assert!((last - loss).abs() < 1e-9, "{settings:?}: loss {last} is not {loss}");
    }
}

/// Every fifth row held back, `n_iter_no_change=5, tol=1e-4`: scikit-learn's rule stops after 15 trees, at a deviance of
/// 0.9122493297077948 of the rows held back.
#[test]
fn early_stopping_stops_where_scikit_learn_does() {
    let (x, y) = without_ties(120);
    let part = |held: bool| -> (Vec<Vec<f64>>, Vec<bool>) {
        (0..120).filter(|i| (i % 5 == 0) == held).map(|i| (x[i].clone(), y[i])).unzip()
    };
    let ((rows, outcome), (held, held_outcome)) = (part(false), part(true));
    let stop = EarlyStopping { rounds: 5, ..EarlyStopping::default() };
    let settings = BoostingSettings {
        trees: 200,
        learning_rate: 0.2,
        early_stopping: Some(stop),
        ..BoostingSettings::published()
    };
    let held_back = HeldBack { rows: &held, outcome: &held_outcome };
    let fitted = fit_watching(&rows, &outcome, &settings, Some(held_back)).unwrap();
    assert_eq!([fitted.model.trees.len(), fitted.held_back_loss.len()], [15, 15]);
    assert!((fitted.held_back_loss[14] - 0.9122493297077948).abs() < 1e-9, "{:?}", fitted.held_back_loss);
}

#[test]
fn a_subsample_is_drawn_by_its_seed_and_learns_all_the_same() {
    let (x, y) = without_ties(120);
    let settings = BoostingSettings { trees: 60, subsample: 0.5, ..BoostingSettings::published() };
    let fitted = fit(&x, &y, &settings).unwrap();
    assert_eq!(fitted, fit(&x, &y, &settings).unwrap());
    assert_ne!(fitted.model, fit(&x, &y, &BoostingSettings { seed: 1, ..settings.clone() }).unwrap().model);
    for tree in &fitted.model.trees {
        let root = match tree.nodes[0] {
            Node::Split { n, .. } | Node::Leaf { n, .. } => n,
        };
        assert_eq!(root, 60, "each tree sees half of the rows");
    }
    let p: Vec<f64> = x.iter().map(|r| fitted.model.probability(r)).collect();
    assert!(auc(&y, &p) > 0.95);
}

#[test]
fn a_missing_value_goes_where_its_outcomes_are() {
    // The first column tells the outcome where it is known, and is missing for events only beyond row 60.
    let rows: Vec<Vec<f64>> = (0..80)
        .map(|i| vec![if i >= 60 { f64::NAN } else { f64::from(i) }, f64::from(i * 37 % 80)])
        .collect();
    let outcome: Vec<bool> = (0..80).map(|i| i >= 40).collect();
    let settings = BoostingSettings { trees: 30, missing_branch: true, ..BoostingSettings::published() };
    let model = fit(&rows, &outcome, &settings).unwrap().model;
    assert!(model.probability(&[f64::NAN, 3.0]) > 0.9);
    assert!(model.probability(&[50.0, 3.0]) > 0.9 && model.probability(&[5.0, 3.0]) < 0.1);
    // Only that a value is missing tells the outcome: the known ones are all alike.
    let alike: Vec<Vec<f64>> = (0..40).map(|i| vec![if i % 4 == 0 { f64::NAN } else { 1.0 }]).collect();
    let lacking: Vec<bool> = (0..40).map(|i| i % 4 == 0).collect();
    let model = fit(&alike, &lacking, &settings).unwrap().model;
    assert!(model.probability(&[f64::NAN]) > 0.9 && model.probability(&[1.0]) < 0.1);
    assert!(model.trees.iter().all(|t| t.check(1)), "its file can be read back");
    // Without the branch a missing value is no number.
    assert!(fit(&alike, &lacking, &BoostingSettings::published()).is_err());
}

#[test]
fn settings_that_cannot_be_used_are_named() {
    let published = BoostingSettings::published;
    for (settings, says) in [
        (BoostingSettings { trees: 0, ..published() }, "0 trees"),
        (BoostingSettings { learning_rate: 1.5, ..published() }, "1.5 is no learning rate"),
        (BoostingSettings { max_depth: 99, ..published() }, "99 is no depth"),
        (BoostingSettings { subsample: 0.0, ..published() }, "0 is no share"),
        (BoostingSettings { min_samples_leaf: 0, ..published() }, "at least one row"),
        (
            BoostingSettings {
                early_stopping: Some(EarlyStopping { share: 1.0, ..EarlyStopping::default() }),
                ..published()
            },
            "early stopping",
        ),
    ] {
        let said = settings.check().unwrap_err();
        assert!(said.contains(says), "{said}");
    }
    assert!(published().check().is_ok());
}
