use clap::Args;
#[derive(Args)]
pub struct TrainArgs {}
pub fn run(_a: TrainArgs) -> anyhow::Result<()> {
    Ok(())
}
