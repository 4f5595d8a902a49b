//! `thoracast weights`: what a weights file is, and other containers into safetensors.

use std::path::PathBuf;

use crate::nn::weights::{self, Info};

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
        println!("{}", serde_json::to_string(info)?);
        return Ok(());
    }
    println!("{}", info.path.display());
    println!("  format        {}, {} bytes", info.format, info.bytes);
    println!("  SHA-256       {}", info.sha256);
    let types: Vec<String> = info.dtypes.iter().map(|(name, n)| format!("{n} × {name}")).collect();
    println!("  tensors       {} ({}), {} values", info.tensors, types.join(", "), info.values);
    println!("  architecture  {}", info.arch.map_or("not recognised", |a| a.name()));
    match &info.problem {
        None => println!("  usable        yes"),
        Some(problem) => println!("  usable        no: {problem}"),
    }
    match &info.card {
        None => println!("  card          none"),
        Some(card) => {
            println!(
                "  card          {} ({})",
                card.name,
                if card.trained { "trained" } else { "untrained" }
            );
            println!("                {}", card.description);
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
