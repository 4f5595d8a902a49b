//! `thoracast weights`: what a weights file is, and other containers into safetensors.

use std::io::Write;
use std::path::PathBuf;

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
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(info)?)?;
        return Ok(());
    }
    writeln!(out, "{}", info.path.display())?;
    writeln!(out, "  format        {}, {} bytes", info.format, info.bytes)?;
    writeln!(out, "  SHA-256       {}", info.sha256)?;
    let types: Vec<String> = info.dtypes.iter().map(|(name, n)| format!("{n} × {name}")).collect();
    writeln!(out, "  tensors       {} ({}), {} values", info.tensors, types.join(", "), info.values)?;
    writeln!(out, "  architecture  {}", info.arch.map_or("not recognised", |a| a.name()))?;
    match &info.problem {
        None => writeln!(out, "  usable        yes")?,
        Some(problem) => writeln!(out, "  usable        no: {problem}")?,
    }
    match &info.card {
        None => writeln!(out, "  card          none")?,
        Some(card) => {
            writeln!(
                out,
                "  card          {} ({})",
                card.name,
                if card.trained { "trained" } else { "untrained" }
            )?;
            writeln!(out, "                {}", card.description)?;
        }
    }
    Ok(())
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
