use clap::Args;
#[derive(Args)]
pub struct StatsArgs {}
pub fn run(_a: StatsArgs) -> anyhow::Result<()> {
    Ok(())
}
