use clap::Args;
#[derive(Args)]
pub struct WeightsArgs {}
pub fn run(_a: WeightsArgs) -> anyhow::Result<()> { Ok(()) }
