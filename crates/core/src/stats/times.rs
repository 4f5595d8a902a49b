//! Which follow-up times are one: times that differ by rounding only, as R's `survival` joins them (`aeqSurv`).

use super::kaplan_meier::FollowUp;

/// √ε of a double: R's tolerance, absolutely and relative to the mean time.
const TOLERANCE: f64 = 1.490_116_119_384_765_6e-8;

/// The times that stand for themselves and for those just above them; empty where no two are that close.
struct Cuts(Vec<f64>);

impl Cuts {
    fn new(times: impl Iterator<Item = f64>) -> Self {
        let mut unique: Vec<f64> = times.filter(|t| t.is_finite()).collect();
        unique.sort_by(f64::total_cmp);
        unique.dedup();
        let mean = unique.iter().map(|t| t.abs()).sum::<f64>() / unique.len() as f64;
        let tied = |a: f64, b: f64| b - a <= TOLERANCE || (b - a) / mean <= TOLERANCE;
        if unique.windows(2).all(|w| !tied(w[0], w[1])) {
            return Self(Vec::new());
        }
        // A chain of neighbours is one time, its first.
        let own = |i: &usize| *i == 0 || !tied(unique[*i - 1], unique[*i]);
        Self((0..unique.len()).filter(own).map(|i| unique[i]).collect())
    }

    fn apply(&self, patient: &FollowUp) -> FollowUp {
        let at = self.0.partition_point(|cut| *cut <= patient.time);
        let time = if at == 0 { patient.time } else { self.0[at - 1] };
        FollowUp { time, ..*patient }
    }
}

/// The patients with times that differ by rounding only made equal.
pub(super) fn join_close(patients: &[FollowUp]) -> Vec<FollowUp> {
    let cuts = Cuts::new(patients.iter().map(|p| p.time));
    patients.iter().map(|p| cuts.apply(p)).collect()
}

/// [`join_close`] over all groups together.
pub(super) fn join_close_groups(groups: &[Vec<FollowUp>]) -> Vec<Vec<FollowUp>> {
    let cuts = Cuts::new(groups.iter().flatten().map(|p| p.time));
    groups.iter().map(|group| group.iter().map(|p| cuts.apply(p)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::cox::{self, Ties};
    use crate::stats::kaplan_meier::{Interval, curve, curves, log_rank};

    /// i <- 0:39; days <- (i*37) %% 23 * 30 + 60; event <- (i*7) %% 5 < 3
    /// time <- ifelse(i %% 2 == 0, days/30.4375, days/365.25*12)
    fn months() -> Vec<FollowUp> {
        let patient = |i: u32| {
            let days = f64::from((i * 37) % 23 * 30 + 60);
            let time = if i.is_multiple_of(2) { days / 30.4375 } else { days / 365.25 * 12.0 };
            FollowUp { time, event: (i * 7) % 5 < 3 }
        };
        (0..40).map(patient).collect()
    }

    fn close(got: f64, want: f64) {
        assert!((got - want).abs() <= 1e-9 * want.abs(), "{got} is not {want}");
    }

    /// Months computed in two ways were 26 times here and 23 in R (survival 3.5-3), and all figures differed.
    #[test]
    fn months_computed_two_ways_are_one_time_as_in_r() {
        let patients = months();
        let all = curve(&patients, Interval::Log).unwrap();
        assert_eq!(all.steps.len(), 23);
        assert_eq!([0.0, 5.0, 10.0, 1e9].map(|t| all.at_risk(t)), [40, 32, 24, 0]);

        // x <- (i*13) %% 11; coxph(Surv(time, event) ~ x); cox.zph(.)
        let rows: Vec<Vec<f64>> = (0..40).map(|i| vec![f64::from((i * 13) % 11)]).collect();
        let (names, groups) = (["x".to_owned()], [("x".to_owned(), 1)]);
        let fit = cox::fit(&rows, &patients, &names, &groups, Ties::Efron).unwrap();
        close(fit.coef[0], 0.03247852025667891);
        close(fit.vcov[0][0].sqrt(), 0.07894660411766626);
        close(fit.loglik[1], -63.044521870967316);
        close(fit.concordance.c, 0.5181623931623931);
        close(fit.concordance.se, 0.08759780595669293);
        close(fit.zph[0].test.chisq, 3.479488346285202);
        let fit = cox::fit(&rows, &patients, &names, &groups, Ties::Breslow).unwrap();
        close(fit.coef[0], 0.02708214766303029);

        // survdiff(Surv(time, event) ~ i %% 2)
        let side = |side: usize| patients.iter().copied().skip(side).step_by(2).collect::<Vec<_>>();
        let test = log_rank(&[side(0), side(1)]).unwrap();
        close(test.test.chisq, 0.24385102930434788);
        close(test.expected[0], 13.124301546103549);
    }

    /// R: survfit(Surv(c(0.1+0.2, 0.3, 0.5), c(1, 1, 0)) ~ c(1, 2, 1))$time is 0.3 0.5 0.3.
    #[test]
    fn one_time_holds_across_groups_and_chains() {
        let at = |time: f64, event| FollowUp { time, event };
        let groups = [vec![at(0.1 + 0.2, true), at(0.5, false)], vec![at(0.3, true)]];
        let both = curves(&groups, Interval::Log).unwrap();
        assert_eq!((both[0].steps[0].time, both[1].steps[0].time), (0.3, 0.3));
        let chain: Vec<FollowUp> = (0..4).map(|i| at(1.0 + f64::from(i) * 1e-8, true)).collect();
        assert!(join_close(&chain).iter().all(|p| p.time == 1.0));
        let apart = [at(1.0, true), at(1.0 + 1e-7, true)];
        assert_eq!(join_close(&apart), apart);
    }
}
