//! What several subcommands are given alike: a cohort folder, and the models.

use std::path::PathBuf;

use super::Stages;
use thoracast_core::assess::{self, Models};
use thoracast_core::cohort::{CohortFolder, Mapping};
use thoracast_core::nn::DeviceChoice;

#[derive(Debug, Clone, clap::Args)]
pub(super) struct FolderArgs {
    /// Folder with the cohort's tables and pictures
    #[arg(long, value_name = "DIR")]
    pub(super) cohort: PathBuf,
    /// Which file and column is what, where names, units or codes differ from ours, as the import dialog writes it
    #[arg(long, value_name = "FILE.json")]
    pub(super) mapping: Option<PathBuf>,
}

impl FolderArgs {
    pub(super) fn open(&self) -> anyhow::Result<CohortFolder> {
        let mapping = self.mapping.as_deref().map(Mapping::read).transpose()?;
        Ok(CohortFolder::open(&self.cohort, mapping.as_ref())?)
    }
}

#[derive(Debug, Clone, clap::Args)]
pub(super) struct ModelArgs {
    /// Where the networks run
    #[arg(long, value_parser = super::choices::device(), default_value = "auto")]
    device: DeviceChoice,
    /// Folder with the models
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
}

impl ModelArgs {
    pub(super) fn load(&self) -> anyhow::Result<Models> {
        Ok(Models::load(&assess::Places::find(self.models.as_deref())?, self.device, &Stages)?)
    }
}
