//! Checks the fusion rule against a table of branch and fused log-probabilities.

use serde::Serialize;

use super::{Table, TableError};
use crate::fusion::{self, LogProb};

/// How many rows of a table the fusion rule explains.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FusionCheck {
    pub patients: usize,
    /// T4 and T11 vote alike.
    pub agree: usize,
    /// They differ, and the fused figure is T4's: the clinical vote stood with T4.
    pub decided_for_t4: usize,
    /// They differ, and the fused figure is T11's.
    pub decided_for_t11: usize,
    /// Rows whose fused figure the rule gives.
    pub reproduced: usize,
    /// Row numbers in the file that the rule cannot give, whatever the clinical vote.
    pub unexplained_rows: Vec<usize>,
}

/// Compares each row's `fused_logp0/1` with what the rule makes of `t4_logp0/1` and `t11_logp0/1`. Where the branches
/// agree the figure must be T4's whatever the clinical vote; where they differ one vote must give it.
pub fn check_fusion(table: &Table) -> Result<FusionCheck, TableError> {
    let [t4, t11, fused] = [pair(table, "t4")?, pair(table, "t11")?, pair(table, "fused")?];
    let mut check = FusionCheck {
        patients: table.rows.len(),
        agree: 0,
        decided_for_t4: 0,
        decided_for_t11: 0,
        reproduced: 0,
        unexplained_rows: Vec::new(),
    };
    for row in 0..table.rows.len() {
        let [t4, t11, fused] =
            [log_prob(table, row, t4)?, log_prob(table, row, t11)?, log_prob(table, row, fused)?];
        let agree = t4.vote() == t11.vote();
        let explains = |clinical: bool| fusion::fuse(t4, t11, clinical).log_prob == fused;
        let explained =
            if agree { explains(false) && explains(true) } else { explains(false) || explains(true) };
        check.agree += usize::from(agree);
        check.reproduced += usize::from(explained);
        if !explained {
            check.unexplained_rows.push(table.rows[row].number);
        } else if !agree {
            let for_t4 = explains(t4.vote());
            check.decided_for_t4 += usize::from(for_t4);
            check.decided_for_t11 += usize::from(!for_t4);
        }
    }
    Ok(check)
}

fn pair(table: &Table, branch: &str) -> Result<[usize; 2], TableError> {
    Ok([table.require(&format!("{branch}_logp0"))?, table.require(&format!("{branch}_logp1"))?])
}

fn log_prob(table: &Table, row: usize, columns: [usize; 2]) -> Result<LogProb, TableError> {
    let number = |column| table.number(row, column)?.ok_or_else(|| table.cell(row, column, "is missing"));
    Ok(LogProb([number(columns[0])?, number(columns[1])?]))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::testing::shared;

    #[test]
    fn all_published_fusions_are_reproduced() {
        let Some(cohort) = shared("cohort") else { return };
        let table = Table::read(&cohort.join("published_test_predictions.csv")).unwrap();
        let check = check_fusion(&table).unwrap();
        println!("{check:?}");
        assert_eq!((check.patients, check.reproduced), (186, 186));
        assert!(check.decided_for_t4 > 0 && check.decided_for_t11 > 0);
    }

    #[test]
    fn a_figure_from_nowhere_is_not_explained() {
        let text = "t4_logp0,t4_logp1,t11_logp0,t11_logp1,fused_logp0,fused_logp1\n\
            -0.1,-2.4,-0.2,-1.7,-0.2,-1.7\n-0.1,-2.4,-1.7,-0.2,-1.7,-0.2\n-0.1,-2.4,-1.7,-0.2,-0.3,-1.4\n";
        let check = check_fusion(&Table::from_bytes(Path::new("p.csv"), text.as_bytes()).unwrap()).unwrap();
        // T11's figure where both agree; T11's where they differ (fine); a figure of neither branch.
        assert_eq!((check.reproduced, check.decided_for_t11, check.unexplained_rows), (1, 1, vec![2, 4]));
    }
}
