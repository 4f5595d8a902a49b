//! Why a CT volume is looked at only: nothing is predicted from it or measured on it in HU or cm².

use std::fmt;

use serde::Serialize;

/// Why values or sizes of a CT volume can't be trusted. `Display` is one sentence's part that follows "…: ".
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Unmeasured {
    /// A slice does not say how its stored values become HU.
    Rescale { fault: RescaleFault, file: String, files: usize, of: usize },
    /// Between rows, between columns, between slices; mm.
    Spacing([f64; 3]),
    /// Rows × columns of this many mm.
    Field([f64; 2]),
    /// Slices lie beside one another: how many places there are across the stack's direction.
    Scattered { places: usize },
    /// The values are no Hounsfield units.
    Values(ValueFault),
    /// Values of one slice (from 0) do not fit those of the others.
    SlicesDisagree { slice: usize, how: SliceFault },
}

/// What is wrong with RescaleSlope or RescaleIntercept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub enum RescaleFault {
    Absent(RescaleTag),
    Empty(RescaleTag),
    NotANumber(RescaleTag),
    /// A number that no scanner writes.
    Implausible(RescaleTag, f64),
}

/// The two numbers between stored values and HU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum RescaleTag {
    Slope,
    Intercept,
}

/// Where values lie that can't be Hounsfield units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub enum ValueFault {
    /// Share of pixels between −200 and 200 HU.
    NoSoftTissue { share: f64 },
    /// Most soft tissue stands at this value.
    TissueAt { hu: f64 },
    /// Share of pixels beyond what a scanner stores.
    OutOfRange { share: f64 },
    /// Median of the values darker than −700 HU.
    AirAt { hu: f64 },
    /// The darkest value is no air and fills this share of the picture: values were cut off, as for a screen.
    CutOff { hu: f64, share: f64 },
}

/// How a slice differs from those beside it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub enum SliceFault {
    /// All its values are this much higher than in the slice before, HU.
    Shifted {
        hu: f64,
    },
    /// Other slope or intercept than the slice before, and the darkest tenth this much higher, HU.
    Rescaled {
        hu: f64,
    },
    Values(ValueFault),
}

impl fmt::Display for RescaleTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Slope => "RescaleSlope (0028,1053)",
            Self::Intercept => "RescaleIntercept (0028,1052)",
        })
    }
}

impl fmt::Display for RescaleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(tag) => write!(f, "{tag} is missing"),
            Self::Empty(tag) => write!(f, "{tag} is empty"),
            Self::NotANumber(tag) => write!(f, "{tag} is not a number"),
            // Hundreds of digits help nobody.
            Self::Implausible(tag, value) if value.abs() >= 1e6 => {
                write!(f, "{tag} is {value:e}, which no scanner writes")
            }
            Self::Implausible(tag, value) => write!(f, "{tag} is {value}, which no scanner writes"),
        }
    }
}

impl fmt::Display for ValueFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: &f64| format!("{:.1} %", share * 100.0);
        match self {
            Self::NoSoftTissue { share } => {
                write!(f, "{} of the pixels lie where soft tissue does (−200 to 200 HU)", percent(share))
            }
            Self::TissueAt { hu } => write!(f, "most soft tissue would stand at {}", minus(*hu)),
            Self::OutOfRange { share } => {
                write!(f, "{} of the pixels lie beyond what a scanner stores", percent(share))
            }
            Self::AirAt { hu } => write!(f, "air would stand at {}", minus(*hu)),
            Self::CutOff { hu, share } => write!(
                f,
                "the darkest value, {}, is no air and fills {} of the pictures",
                minus(*hu),
                percent(share)
            ),
        }
    }
}

/// A whole number with a real minus sign.
fn minus(value: f64) -> String {
    format!("{value:.0}").replace('-', "−")
}

impl fmt::Display for Unmeasured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rescale { fault, file, files, of } => {
                let place = match (files, of) {
                    (1, 1) => format!("in {file}"),
                    (files, of) if files == of => format!("in all {of} slices"),
                    (files, of) => format!("in {files} of {of} slices, first {file}"),
                };
                write!(f, "{fault} {place}, so its values are not known to be Hounsfield units")
            }
            Self::Spacing([row, column, slice]) => write!(
                f,
                "its spacing is {row} × {column} × {slice} mm (rows, columns, slices), which no scanner has"
            ),
            Self::Field([height, width]) => {
                write!(
                    f,
                    "its pictures are {height:.0} × {width:.0} mm, which is larger than any scanner's field"
                )
            }
            Self::Scattered { places } => {
                write!(f, "its slices lie at {places} different places beside one another")
            }
            Self::Values(fault) => write!(f, "its values can't be Hounsfield units: {fault}"),
            Self::SlicesDisagree { slice, how } => {
                write!(f, "slice {slice} does not fit the others: ")?;
                match how {
                    SliceFault::Shifted { hu } => {
                        write!(f, "its values lie {} HU from those of the slice before", minus(*hu))
                    }
                    SliceFault::Rescaled { hu } => write!(
                        f,
                        "it has another slope or intercept than the slice before, and air stands {} HU from there",
                        minus(*hu)
                    ),
                    SliceFault::Values(fault) => write!(f, "{fault}"),
                }
            }
        }
    }
}
