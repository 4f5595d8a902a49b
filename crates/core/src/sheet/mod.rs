//! Reporting sheets: the questions of TRIPOD+AI and CLEAR, answered as far as the program knows, the rest marked open.
//!
//! A sheet is data; [`markdown`] and [`pages`] write it down. Nothing is invented: what a program cannot know (ethics,
//! funding, the setting) stays open with a word on what belongs there.

mod clear;
mod facts;
mod markdown;
mod pages;
mod tripod;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::chart::ChartError;
use crate::chart::text::capitalised;
use crate::report::flow::made;
use thoracast_files::{self as files, FileError};

pub use facts::Facts;
pub use markdown::markdown;
pub use pages::{pages, pdf};

/// Which sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Collins and others, BMJ 2024;385:e078378.
    Tripod,
    /// Kocak and others, Insights into Imaging 2023;14:75.
    Clear,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Tripod, Self::Clear];

    /// As its authors call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tripod => "TRIPOD+AI",
            Self::Clear => "CLEAR",
        }
    }

    /// For a file's name.
    pub fn stem(self) -> &'static str {
        match self {
            Self::Tripod => "tripod-ai",
            Self::Clear => "clear",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Tripod => {
                "Items after Collins GS et al., TRIPOD+AI statement, BMJ 2024;385:e078378, in short words"
            }
            Self::Clear => {
                "Items after Kocak B et al., CheckList for EvaluAtion of Radiomics research, Insights into Imaging 2023;14:75, in short words"
            }
        }
    }
}

/// What a sheet is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Markdown,
    Pdf,
}

impl Format {
    /// By the file's ending.
    ///
    /// # Errors
    /// Another ending, or none.
    pub fn of(path: &Path) -> Result<Self, SheetError> {
        match path.extension().map(|e| e.to_string_lossy().to_lowercase()).as_deref() {
            Some("md") => Ok(Self::Markdown),
            Some("pdf") => Ok(Self::Pdf),
            _ => Err(SheetError::Ending { path: path.to_owned() }),
        }
    }
}

/// Why a sheet is not written; one sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SheetError {
    #[error("{path}: write a name that ends in .pdf or .md", path = path.display())]
    Ending { path: PathBuf },
    #[error(transparent)]
    Pages(#[from] ChartError),
    #[error(transparent)]
    File(#[from] FileError),
}

/// What is known of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "state")]
pub enum Answer {
    /// All that is asked.
    Filled { text: String },
    /// Some of it, and what a person has to add.
    Partly { text: String, open: String },
    /// Nothing; what belongs there.
    Open { open: String },
}

impl Answer {
    fn filled(text: impl Into<String>) -> Self {
        Self::Filled { text: capitalised(&text.into()) }
    }

    fn partly(text: impl Into<String>, open: impl Into<String>) -> Self {
        Self::Partly { text: capitalised(&text.into()), open: open.into() }
    }

    fn open(open: impl Into<String>) -> Self {
        Self::Open { open: open.into() }
    }

    /// Known text with what is still open, or open alone where nothing is known.
    fn known(text: Option<String>, open: &str) -> Self {
        match text {
            Some(text) => Self::partly(text, open),
            None => Self::open(open),
        }
    }

    /// Known text that says all, or what is open where nothing is known.
    fn all_or(text: Option<String>, open: &str) -> Self {
        text.map_or_else(|| Self::open(open), Self::filled)
    }

    /// In one word.
    pub fn state(&self) -> &'static str {
        match self {
            Self::Filled { .. } => "filled",
            Self::Partly { .. } => "partly",
            Self::Open { .. } => "open",
        }
    }

    /// What is known.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Filled { text } | Self::Partly { text, .. } => Some(text),
            Self::Open { .. } => None,
        }
    }

    /// What a person has to write.
    pub fn todo(&self) -> Option<&str> {
        match self {
            Self::Partly { open, .. } | Self::Open { open } => Some(open),
            Self::Filled { .. } => None,
        }
    }
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// As the checklist numbers it.
    pub number: &'static str,
    /// What is asked, in short.
    pub asks: &'static str,
    pub answer: Answer,
}

/// Questions under one heading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    pub name: &'static str,
    pub items: Vec<Item>,
}

/// A whole sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sheet {
    pub kind: Kind,
    pub title: String,
    /// The checklist's paper.
    pub source: &'static str,
    /// Program, data set and time.
    pub made: String,
    pub sections: Vec<Section>,
}

impl Sheet {
    /// Fills a sheet with what is known.
    pub fn fill(kind: Kind, facts: &Facts<'_>) -> Self {
        let sections = match kind {
            Kind::Tripod => tripod::sections(facts),
            Kind::Clear => clear::sections(facts),
        };
        let simulated = if facts.simulated() { " (simulated patients)" } else { "" };
        Self {
            kind,
            title: format!("{}: {}{simulated}", kind.name(), facts.cohort_name()),
            source: kind.source(),
            made: made(&facts.created),
            sections,
        }
    }

    /// Writes the sheet as its file's ending says.
    ///
    /// # Errors
    /// Another ending than `.md` and `.pdf`, pages that cannot be made, a file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), SheetError> {
        let bytes = match Format::of(path)? {
            Format::Markdown => markdown(self).into_bytes(),
            Format::Pdf => pdf(self)?,
        };
        Ok(files::write_atomic(path, &bytes)?)
    }

    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.sections.iter().flat_map(|s| &s.items)
    }

    /// Items that are filled, partly filled and open.
    pub fn counts(&self) -> [usize; 3] {
        let of = |state: &str| self.items().filter(|i| i.answer.state() == state).count();
        [of("filled"), of("partly"), of("open")]
    }
}

fn item(number: &'static str, asks: &'static str, answer: Answer) -> Item {
    Item { number, asks, answer }
}

#[cfg(test)]
mod tests;
