//! `thoracast audit`: what is wrong with a cohort before anyone trusts a figure made from it.

use super::folder::FolderArgs;
use super::{Stages, print_json, print_line, warn};
use thoracast_core::audit::{self, Finding, Report, Severity};

/// Looks for what makes a cohort's figures untrustworthy.
#[derive(Debug, clap::Args)]
pub struct AuditArgs {
    #[command(flatten)]
    folder: FolderArgs,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Audits and prints; findings are no error.
pub fn run(args: AuditArgs) -> anyhow::Result<()> {
    let folder = args.folder.open()?;
    warn(&folder.warnings);
    let report = audit::run(&folder, &Stages)?;
    if args.json { print_json(&report) } else { tell(&report) }
}

fn tell(report: &Report) -> anyhow::Result<()> {
    print_line(&format!("{} patients, {} with metastasis", report.patients, report.events))?;
    if report.findings.is_empty() {
        return print_line("Nothing was found that makes figures of this cohort untrustworthy.");
    }
    report.findings.iter().try_for_each(tell_one)
}

fn tell_one(finding: &Finding) -> anyhow::Result<()> {
    let severity = match finding.severity {
        Severity::High => "HIGH",
        Severity::Medium => "MEDIUM",
        Severity::Low => "LOW",
    };
    print_line("")?;
    print_line(&format!("{severity}  {}", finding.code.title()))?;
    print_line(&format!("  {}", finding.message))?;
    if let Some(effect) = finding.effect {
        print_line(&format!(
            "  Area under the ROC curve of the clinical model: {:.3} as it is, {:.3} without.",
            effect.auc_with, effect.auc_without
        ))?;
    }
    Ok(())
}
