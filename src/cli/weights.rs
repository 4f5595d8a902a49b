//! `thoracast weights`: what a weights file is, and other containers into safetensors.

use std::path::PathBuf;

use super::{print_json_line, print_line};
use thoracast_core::nn::weights::{self, Info};

/// Looks into weights files and converts them.
#[derive(Debug, clap::Args)]
pub struct WeightsArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say what a weights file holds (safetensors or .pth; no code in it is run)
    Info {
        file: PathBuf,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Write the tensors of a weights file as safetensors under torchvision's present names
    Convert {
        from: PathBuf,
        /// The safetensors file to write; a card beside the source is copied along.
        to: PathBuf,
        /// Narrow floating-point values to 16 bits.
        #[arg(long)]
        half: bool,
        /// Print what was written as one JSON document.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the subcommand.
pub fn run(args: WeightsArgs) -> anyhow::Result<()> {
    match args.command {
        Command::Info { file, json } => print(&weights::info(&file)?, json),
        Command::Convert { from, to, half, json } => {
            if to.extension().is_none_or(|e| e != "safetensors") {
                anyhow::bail!(
                    "{}: only safetensors files are written; give a name that ends in .safetensors",
                    to.display()
                );
            }
            weights::convert(&from, &to, half)?;
            print(&weights::info(&to)?, json)
        }
    }
}

fn print(info: &Info, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json_line(info);
    }
    print_line(&info.path.display().to_string())?;
    print_line(&format!("  format        {}, {} bytes", info.format, info.bytes))?;
    print_line(&format!("  SHA-256       {}", info.sha256))?;
    let types: Vec<String> = info.dtypes.iter().map(|(name, n)| format!("{n} × {name}")).collect();
    print_line(&format!("  tensors       {} ({}), {} values", info.tensors, types.join(", "), info.values))?;
    print_line(&format!("  architecture  {}", info.arch.map_or("not recognised", |a| a.name())))?;
    match &info.problem {
        None => print_line("  usable        yes")?,
        Some(problem) => print_line(&format!("  usable        no: {problem}"))?,
    }
    let Some(card) = &info.card else { return print_line("  card          none") };
    let trained = if card.trained { "trained" } else { "untrained" };
    print_line(&format!("  card          {} ({trained})", card.name))?;
    print_line(&format!("                {}", card.description))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converting_into_another_container_is_refused_before_anything_is_read() {
        let command =
            Command::Convert { from: "none.pth".into(), to: "out.pth".into(), half: false, json: true };
        let message = run(WeightsArgs { command }).unwrap_err().to_string();
        assert!(message.contains("out.pth") && message.contains(".safetensors"), "{message}");
    }
}
