//! `--plot FILE`: the figure of a command, beside its numbers.

use std::path::PathBuf;

use anyhow::{anyhow, bail};

use super::note;
use thoracast_core::chart::export::{self, Format};
use thoracast_core::chart::{Chart, Theme};
use thoracast_files as files;

/// Logical points of a figure's width; the nomogram has more to say.
pub const WIDTH: f32 = 680.0;
pub const NOMOGRAM_WIDTH: f32 = 940.0;

#[derive(Debug, clap::Args)]
pub struct PlotArgs {
    /// Also draw the figure into this file: .svg, .png or .pdf
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Resolution of a PNG figure, dots per inch
    #[arg(long, value_name = "DPI", default_value_t = 300.0, requires = "plot")]
    dpi: f32,
}

impl PlotArgs {
    pub fn wanted(&self) -> bool {
        self.plot.is_some()
    }

    /// Refuses what cannot be written, before anything is computed.
    pub fn check(&self) -> anyhow::Result<()> {
        if !(10.0..=2400.0).contains(&self.dpi) {
            bail!("--dpi {} is no resolution; write a number from 10 to 2400, such as 300", self.dpi);
        }
        self.plot.as_ref().map_or(Ok(()), |path| match Format::of(path) {
            Some(_) => Ok(()),
            None => Err(anyhow!(
                "--plot {} has no ending that says what to draw; end it in .svg, .png or .pdf",
                path.display()
            )),
        })
    }

    /// Draws on white and writes the file whole, where one was asked for.
    pub fn write(&self, draw: impl FnOnce() -> Chart) -> anyhow::Result<()> {
        let Some(path) = &self.plot else { return Ok(()) };
        self.check()?;
        let format = Format::of(path).ok_or_else(|| anyhow!("--plot {} has no ending", path.display()))?;
        let bytes = export::bytes(&draw(), &Theme::light(), format, self.dpi)?;
        files::write_atomic(path, &bytes)?;
        note(&format!("figure written to {}", path.display()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(file: &str, dpi: f32) -> PlotArgs {
        PlotArgs { plot: Some(file.into()), dpi }
    }

    #[test]
    fn another_ending_and_no_resolution_are_sentences() {
        let refused = |a: PlotArgs| a.check().unwrap_err().to_string();
        assert!(refused(args("figure.docx", 300.0)).contains("end it in .svg, .png or .pdf"));
        assert!(refused(args("figure", 300.0)).contains("--plot figure"));
        assert!(refused(args("figure.png", 0.0)).contains("--dpi 0"));
        assert!(args("a/figure.PDF", 300.0).check().is_ok());
    }

    #[test]
    fn the_file_is_what_its_ending_says() {
        let folder = tempfile::tempdir().unwrap();
        for (name, begins) in [("a.svg", &b"<svg"[..]), ("a.png", b"\x89PNG"), ("a.pdf", b"%PDF")] {
            let path = folder.path().join(name);
            let plot = PlotArgs { plot: Some(path.clone()), dpi: 96.0 };
            plot.write(|| Chart::new(200.0, 20.0, "empty")).unwrap();
            assert!(std::fs::read(path).unwrap().starts_with(begins), "{name}");
        }
    }
}
