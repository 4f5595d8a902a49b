//! What one file says about its pictures: identity, place in the patient, why it can or can't be part of a CT volume.

use dicom_dictionary_std::tags;

use super::dataset::{Dataset, Values};
use super::geometry::{Vector, directions};
use super::person::Person;
use super::pixels::{PixelReader, has_decoder, transfer_syntax_name};
use super::source::Location;
use super::unmeasured::{RescaleFault, RescaleTag};

const CT_IMAGE: &str = "1.2.840.10008.5.1.4.1.1.2";
/// Prefix of the secondary capture SOP classes (PS3.4 B.5).
const SECONDARY_CAPTURE: &str = "1.2.840.10008.5.1.4.1.1.7";
/// Name of the trait that [`Instance::kernel`] gives.
const KERNEL: &str = "ConvolutionKernel";
/// How many traits an instance carries.
const TRAITS: usize = 9;
/// Slopes and intercepts (either sign) beyond these are written by no scanner.
const SLOPES: std::ops::RangeInclusive<f64> = 0.01..=64.0;
const LARGEST_INTERCEPT: f64 = 40_000.0;
const MEDIA_STORAGE_DIRECTORY: &str = "1.2.840.10008.1.3.10";

/// One frame's place and scale.
#[derive(Debug, Clone)]
pub(crate) struct FrameHeader {
    pub origin_mm: Option<Vector>,
    pub directions: Option<[Vector; 2]>,
    /// Between rows, between columns.
    pub pixel_spacing_mm: Option<[f64; 2]>,
    pub thickness_mm: Option<f64>,
    /// Slope and intercept, where stated; 1 and 0 for the one that is not.
    pub rescale: Option<[f64; 2]>,
    /// Why they can't be trusted; never where a look-up table stands in their place.
    pub rescale_fault: Option<RescaleFault>,
}

/// One file's header, reduced to what series are built from.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub location: Location,
    pub file_length: u64,
    pub sop_instance_uid: String,
    pub series_uid: String,
    pub study_uid: String,
    pub person: Person,
    /// FrameOfReferenceUID (0020,0052); empty if absent.
    pub frame_of_reference: String,
    /// TableHeight (0018,1130), mm.
    pub table_height_mm: Option<f64>,
    /// What tells repeats of one region apart, by name; empty where not stated.
    pub traits: [(&'static str, String); TRAITS],
    /// AcquisitionTime (0008,0032); empty if absent.
    pub acquisition_time: String,
    /// Why it is no plane of a CT volume unless it lies in a regular axial stack: derived from other slices.
    pub derived: Option<String>,
    pub study_date: String,
    pub study_description: String,
    pub description: String,
    pub modality: String,
    pub series_number: Option<i32>,
    pub acquisition_number: Option<i32>,
    pub instance_number: Option<i32>,
    pub height_cm: Option<f64>,
    pub transfer_syntax: String,
    pub rows: usize,
    pub columns: usize,
    pub windows: Vec<[f64; 2]>,
    pub frame_count: usize,
    /// One per frame; empty when the file is not usable.
    pub frames: Vec<FrameHeader>,
    pub unusable: Option<String>,
    /// Its frames can be shown as grey pictures.
    pub viewable: bool,
    /// MONOCHROME1: the lowest value is white.
    pub inverted: bool,
    /// See [`super::Series::unit`].
    pub unit: String,
    /// PixelPaddingValue (0028,0120) as stored; not told where a look-up table stands between it and the values.
    pub padding: Option<i32>,
    pub remarks: Vec<String>,
}

/// What a DICOM file is.
#[derive(Debug)]
pub(crate) enum Content {
    Instance(Box<Instance>),
    /// A DICOMDIR: the files it refers to, each as the parts of a path.
    Directory(Vec<Vec<String>>),
}

impl Content {
    /// Interprets a header.
    ///
    /// # Errors
    /// One sentence without the path when the file is broken.
    pub fn of(dataset: &Dataset, location: &Location) -> Result<Self, String> {
        let records = dataset.values.items(tags::DIRECTORY_RECORD_SEQUENCE);
        let states_nothing = dataset.values.text(tags::SOP_CLASS_UID).is_empty()
            && dataset.values.text(tags::SERIES_INSTANCE_UID).is_empty()
            && dataset.values.text(tags::MODALITY).is_empty();
        if dataset.media_class == MEDIA_STORAGE_DIRECTORY || !records.is_empty() && states_nothing {
            return Ok(Self::Directory(records.iter().filter_map(referenced_file).collect()));
        }
        Instance::of(dataset, location).map(|instance| Self::Instance(Box::new(instance)))
    }
}

fn referenced_file(record: &Values) -> Option<Vec<String>> {
    let parts: Vec<String> = record
        .text(tags::REFERENCED_FILE_ID)
        .split('\\')
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    (!parts.is_empty()).then_some(parts)
}

impl Instance {
    /// ConvolutionKernel (0018,1210); empty if absent.
    pub fn kernel(&self) -> &str {
        self.traits.iter().find(|(name, _)| *name == KERNEL).map_or("", |(_, value)| value)
    }

    fn of(dataset: &Dataset, location: &Location) -> Result<Self, String> {
        let values = &dataset.values;
        let sop_class = values.text(tags::SOP_CLASS_UID);
        let series_uid = values.text(tags::SERIES_INSTANCE_UID);
        let mut modality = values.text(tags::MODALITY);
        if sop_class.is_empty() && series_uid.is_empty() && modality.is_empty() && dataset.pixels.is_none() {
            return Err("it states neither SOP class nor series and holds no picture".to_owned());
        }
        if modality.is_empty() && sop_class == CT_IMAGE {
            modality = "CT".to_owned();
        }
        let mut instance = Self {
            location: location.clone(),
            file_length: dataset.bytes.len(),
            sop_instance_uid: values.text(tags::SOP_INSTANCE_UID),
            series_uid,
            study_uid: values.text(tags::STUDY_INSTANCE_UID),
            person: Person {
                id: values.text(tags::PATIENT_ID),
                issuer: values.text(tags::ISSUER_OF_PATIENT_ID),
                name: values.text(tags::PATIENT_NAME),
                birth_date: values.text(tags::PATIENT_BIRTH_DATE),
            },
            frame_of_reference: values.text(tags::FRAME_OF_REFERENCE_UID),
            table_height_mm: values.number(tags::TABLE_HEIGHT),
            traits: traits(values),
            acquisition_time: values.text(tags::ACQUISITION_TIME),
            derived: None,
            study_date: values.text(tags::STUDY_DATE),
            study_description: values.text(tags::STUDY_DESCRIPTION),
            description: values.text(tags::SERIES_DESCRIPTION),
            modality,
            series_number: values.integer(tags::SERIES_NUMBER),
            acquisition_number: values.integer(tags::ACQUISITION_NUMBER),
            instance_number: values.integer(tags::INSTANCE_NUMBER),
            height_cm: values.number(tags::PATIENT_SIZE).filter(|&m| m > 0.0).map(|m| m * 100.0),
            transfer_syntax: dataset.transfer_syntax.clone(),
            rows: values.integer(tags::ROWS).unwrap_or(0),
            columns: values.integer(tags::COLUMNS).unwrap_or(0),
            windows: windows(values),
            frame_count: values.integer(tags::NUMBER_OF_FRAMES).unwrap_or(1).max(1),
            frames: Vec::new(),
            unusable: None,
            viewable: false,
            inverted: false,
            unit: unit(values),
            padding: padding(values),
            remarks: dataset.remarks.clone(),
        };
        instance.unusable = instance.not_a_ct_picture(values, &sop_class, dataset.pixels.is_some());
        if instance.unusable.is_none() {
            instance.read_frames(dataset)?;
            instance.viewable = instance.unusable.is_none();
        }
        // Shown but never part of a volume.
        if instance.unusable.is_some()
            && dataset.pixels.is_some()
            && let Err(why) = instance.read_pictures(dataset)
            && let Some(reason) = &mut instance.unusable
            && !reason.contains(&why)
        {
            *reason = format!("{reason}; it is not shown either: {why}");
        }
        Ok(instance)
    }

    /// Why this object is no plane of a CT volume, judged by what it is.
    fn not_a_ct_picture(&self, values: &Values, sop_class: &str, has_pixels: bool) -> Option<String> {
        if self.modality.is_empty() {
            return Some("it states no modality (0008,0060), so it is not known to be CT".to_owned());
        }
        if self.modality != "CT" {
            let meaning = modality_meaning(&self.modality).map(|m| format!(" ({m})")).unwrap_or_default();
            return Some(format!("modality {}{meaning} is not CT", self.modality));
        }
        if !has_pixels {
            return Some("it holds no pixel data".to_owned());
        }
        if sop_class.starts_with(SECONDARY_CAPTURE) {
            return Some("it is a secondary capture (a picture of pictures), not CT slices".to_owned());
        }
        let image_type = values.text(tags::IMAGE_TYPE).to_uppercase();
        image_type_problem(&image_type)
    }

    /// Frames of an object that is no CT volume, where they can be shown as grey pictures; else why not.
    fn read_pictures(&mut self, dataset: &Dataset) -> Result<(), String> {
        let reader = PixelReader::new(dataset)?;
        if let Some(reason) = reader.format.unsuitable() {
            return Err(reason);
        }
        undecodable(dataset).map_or(Ok(()), Err)?;
        self.viewable = true;
        self.inverted = reader.format.photometric == "MONOCHROME1";
        self.frame_count = reader.format.frames;
        self.frames = frame_headers(&dataset.values, self.frame_count);
        if self.windows.is_empty() {
            self.windows = frame_windows(&dataset.values);
        }
        Ok(())
    }

    fn read_frames(&mut self, dataset: &Dataset) -> Result<(), String> {
        let values = &dataset.values;
        // Also checks that every frame's bytes are in the file, before anything of the claimed size is allocated.
        let reader = PixelReader::new(dataset)?;
        self.unusable = undecodable(dataset).or_else(|| reader.format.unsuitable());
        if reader.format.photometric == "MONOCHROME1" {
            self.remarks.push(
                "MONOCHROME1: the file asks for an inverted display; HU values are not inverted".to_owned(),
            );
        }
        let image_type = values.text(tags::IMAGE_TYPE).to_uppercase();
        if is_derived(&image_type) {
            self.remarks.push("ImageType (0008,0008) says these slices are derived from others".to_owned());
            // Compressing and de-identifying tools write it on plain axial slices too; with AXIAL they say so.
            self.derived = (!image_type.split('\\').any(|part| part.trim() == "AXIAL")).then(|| {
                format!("it is derived from other slices (ImageType {})", image_type.replace('\\', " "))
            });
        }
        self.frame_count = reader.format.frames;
        self.frames = frame_headers(values, self.frame_count);
        if self.windows.is_empty() {
            self.windows = frame_windows(values);
        }
        if !has_table(values) && self.frames.iter().any(|f| f.rescale.is_none()) {
            self.remarks.push(
                "RescaleSlope and RescaleIntercept (0028,1053 and 0028,1052) are missing: stored values are shown"
                    .to_owned(),
            );
        }
        if let Some(unit) = foreign_unit(values) {
            self.unusable = Some(format!("its values are in {unit}, not HU"));
        }
        Ok(())
    }
}

/// Why compressed pixel data can't be decoded, if so.
fn undecodable(dataset: &Dataset) -> Option<String> {
    let compressed = dataset.pixels.is_some_and(|p| p.length.is_none());
    (compressed && !has_decoder(&dataset.transfer_syntax)).then(|| {
        let name = transfer_syntax_name(&dataset.transfer_syntax);
        format!("its pixel data are in {name}, which can't be decoded")
    })
}

/// What a modality's code stands for (PS3.3 C.7.3.1.1.1), for those that stand beside CT in an archive.
fn modality_meaning(code: &str) -> Option<&'static str> {
    Some(match code {
        "MR" => "magnetic resonance",
        "PT" => "positron emission tomography",
        "NM" => "nuclear medicine",
        "US" => "ultrasound",
        "CR" | "DX" => "radiograph",
        "MG" => "mammogram",
        "XA" | "RF" => "angiography or fluoroscopy",
        "SC" | "OT" => "other pictures",
        "SEG" => "segmentation",
        "SR" => "structured report",
        "PR" => "presentation state",
        "KO" => "key object selection",
        "REG" => "registration",
        "ANN" => "annotations",
        "DOC" => "document",
        "SM" => "slide microscopy",
        "ECG" => "electrocardiogram",
        "RTSTRUCT" => "radiotherapy structures",
        "RTPLAN" => "radiotherapy plan",
        "RTDOSE" => "radiotherapy dose",
        "RTIMAGE" => "radiotherapy picture",
        _ => return None,
    })
}

/// PixelPaddingValue in the stored values' own sign, whichever VR it was written with.
fn padding(values: &Values) -> Option<i32> {
    if values.item(tags::MODALITY_LUT_SEQUENCE).is_some() {
        return None;
    }
    let signed = values.integer::<u16>(tags::PIXEL_REPRESENTATION) == Some(1);
    let value: i32 = values.integer(tags::PIXEL_PADDING_VALUE)?;
    Some(if signed { i32::from(value as u16 as i16) } else { i32::from(value as u16) })
}

/// Unit of the rescaled values. A CT slice that names none is in HU (PS3.3 C.8.2.1.1.2), a localizer or a picture of
/// another modality is not known to be.
fn unit(values: &Values) -> String {
    if let Some(unit) = foreign_unit(values) {
        return unit;
    }
    let stated = rescale_type(values);
    let image_type = values.text(tags::IMAGE_TYPE).to_uppercase();
    let plain_ct = values.text(tags::MODALITY) == "CT" && image_type_problem(&image_type).is_none();
    let unit = if stated.starts_with("HU") || plain_ct && stated.is_empty() { "HU" } else { "stored value" };
    unit.to_owned()
}

fn image_type_problem(image_type: &str) -> Option<String> {
    let parts: Vec<&str> = image_type.split('\\').map(str::trim).collect();
    let has = |words: &[&str]| parts.iter().any(|part| words.iter().any(|word| part.contains(word)));
    let is = |words: &[&str]| parts.iter().any(|part| words.contains(part));
    if has(&["LOCALIZER", "SCOUT", "SURVIEW", "TOPOGRAM"]) {
        return Some("it is a localizer (scout), not CT slices".to_owned());
    }
    if has(&["SCREEN SAVE", "DOSE"])
        || is(&["MIP", "MINIP", "VRT", "SSD", "3D", "PROJECTION IMAGE", "PERFUSION"])
    {
        return Some(format!("it is a derived picture (ImageType {}), not CT slices", parts.join(" ")));
    }
    if is_derived(image_type) && has(&["REFORMAT", "MPR", "CURVED", "SUBTRACT", "FUSED"]) {
        return Some(format!("it is derived from other slices (ImageType {})", parts.join(" ")));
    }
    None
}

/// DERIVED\SECONDARY: made from other pictures.
fn is_derived(image_type: &str) -> bool {
    let mut parts = image_type.split('\\').map(str::trim);
    parts.next() == Some("DERIVED") && parts.next() == Some("SECONDARY")
}

/// A modality look-up table stands in the place of slope and intercept.
fn has_table(values: &Values) -> bool {
    values.item(tags::MODALITY_LUT_SEQUENCE).is_some()
}

fn traits(values: &Values) -> [(&'static str, String); TRAITS] {
    let named = [
        ("AcquisitionNumber", tags::ACQUISITION_NUMBER),
        (KERNEL, tags::CONVOLUTION_KERNEL),
        ("TemporalPositionIdentifier", tags::TEMPORAL_POSITION_IDENTIFIER),
        ("NominalPercentageOfCardiacPhase", tags::NOMINAL_PERCENTAGE_OF_CARDIAC_PHASE),
        ("ContrastBolusAgent", tags::CONTRAST_BOLUS_AGENT),
        ("KVP", tags::KVP),
        ("FilterType", tags::FILTER_TYPE),
        ("ReconstructionDiameter", tags::RECONSTRUCTION_DIAMETER),
        ("SeriesDescription", tags::SERIES_DESCRIPTION),
    ];
    named.map(|(name, tag)| (name, values.text(tag)))
}

/// A RescaleType other than Hounsfield units; "US" means unspecified (PS3.3 C.11.1.1.2).
fn foreign_unit(values: &Values) -> Option<String> {
    let unit = rescale_type(values);
    (!matches!(unit.as_str(), "" | "HU" | "US")).then_some(unit)
}

/// RescaleType (0028,1054), at the top level or in the functional groups, or the look-up table's ModalityLUTType
/// (0028,3004); empty where not stated.
fn rescale_type(values: &Values) -> String {
    if let Some(table) = values.item(tags::MODALITY_LUT_SEQUENCE) {
        return table.text(tags::MODALITY_LUT_TYPE);
    }
    let enhanced = values
        .item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)
        .and_then(|g| g.item(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE))
        .or_else(|| first_frame(values)?.item(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE));
    enhanced.map_or_else(|| values.text(tags::RESCALE_TYPE), |group| group.text(tags::RESCALE_TYPE))
}

fn first_frame(values: &Values) -> Option<Values> {
    values.item(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE)
}

/// Place and scale of each frame: per-frame groups first, then shared groups, then the top level (enhanced and plain objects alike).
pub(crate) fn frame_headers(values: &Values, count: usize) -> Vec<FrameHeader> {
    let shared = values.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
    let per_frame = values.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    let single = count == 1;
    (0..count).map(|frame| frame_header(values, shared.as_ref(), per_frame.get(frame), single)).collect()
}

fn frame_header(values: &Values, shared: Option<&Values>, own: Option<&Values>, single: bool) -> FrameHeader {
    let group = |tag| own.and_then(|g| g.item(tag)).or_else(|| shared.and_then(|g| g.item(tag)));
    let positive = |spacing: [f64; 2]| spacing.iter().all(|&s| s > 0.0).then_some(spacing);
    let position = group(tags::PLANE_POSITION_SEQUENCE);
    // One position at the top level places one frame, not many.
    let origin_mm = match &position {
        Some(group) => group.array(tags::IMAGE_POSITION_PATIENT),
        None if single => values.array(tags::IMAGE_POSITION_PATIENT),
        None => None,
    };
    let orientation = group(tags::PLANE_ORIENTATION_SEQUENCE);
    let measures = group(tags::PIXEL_MEASURES_SEQUENCE);
    let (orientation, measures) =
        (orientation.as_ref().unwrap_or(values), measures.as_ref().unwrap_or(values));
    let transformation = group(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE);
    FrameHeader {
        origin_mm,
        directions: orientation.array(tags::IMAGE_ORIENTATION_PATIENT).and_then(directions),
        pixel_spacing_mm: measures.array(tags::PIXEL_SPACING).and_then(positive),
        thickness_mm: measures.number(tags::SLICE_THICKNESS).filter(|&t| t > 0.0),
        rescale: rescale(transformation.as_ref().unwrap_or(values)),
        rescale_fault: rescale_fault(transformation.as_ref().unwrap_or(values))
            .filter(|_| !has_table(values)),
    }
}

fn rescale(values: &Values) -> Option<[f64; 2]> {
    let slope = values.number(tags::RESCALE_SLOPE).filter(|&s| s != 0.0);
    let intercept = values.number(tags::RESCALE_INTERCEPT);
    match (slope, intercept) {
        (None, None) => None,
        (slope, intercept) => Some([slope.unwrap_or(1.0), intercept.unwrap_or(0.0)]),
    }
}

/// What is wrong with slope or intercept, the worse first.
fn rescale_fault(values: &Values) -> Option<RescaleFault> {
    let fault = |tag, what: RescaleTag, plausible: &dyn Fn(f64) -> bool| match values.numbers(tag)[..] {
        [number] if plausible(number) => None,
        [number] => Some(RescaleFault::Implausible(what, number)),
        _ if !values.has(tag) => Some(RescaleFault::Absent(what)),
        _ if values.text(tag).is_empty() => Some(RescaleFault::Empty(what)),
        _ => Some(RescaleFault::NotANumber(what)),
    };
    fault(tags::RESCALE_INTERCEPT, RescaleTag::Intercept, &|n| n.abs() <= LARGEST_INTERCEPT)
        .or_else(|| fault(tags::RESCALE_SLOPE, RescaleTag::Slope, &|n| SLOPES.contains(&n)))
}

fn windows(values: &Values) -> Vec<[f64; 2]> {
    let centres = values.numbers(tags::WINDOW_CENTER);
    let widths = values.numbers(tags::WINDOW_WIDTH);
    let mut windows: Vec<[f64; 2]> = Vec::new();
    for (&centre, &width) in centres.iter().zip(&widths) {
        if width >= 1.0 && !windows.contains(&[centre, width]) {
            windows.push([centre, width]);
        }
    }
    windows
}

fn frame_windows(values: &Values) -> Vec<[f64; 2]> {
    let shared = values
        .item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)
        .and_then(|g| g.item(tags::FRAME_VOILUT_SEQUENCE));
    let group = shared.or_else(|| first_frame(values)?.item(tags::FRAME_VOILUT_SEQUENCE));
    group.map(|g| windows(&g)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localizers_and_derived_pictures_are_told_from_slices() {
        assert!(image_type_problem("ORIGINAL\\PRIMARY\\LOCALIZER").unwrap().contains("localizer"));
        assert!(image_type_problem("DERIVED\\SECONDARY\\REF_SURVIEW").unwrap().contains("localizer"));
        assert!(image_type_problem("DERIVED\\SECONDARY\\REFORMATTED").unwrap().contains("derived"));
        assert!(image_type_problem("DERIVED\\PRIMARY\\MIP").unwrap().contains("derived"));
        assert!(image_type_problem("DERIVED\\SECONDARY\\MPR").unwrap().contains("derived"));
        assert_eq!(image_type_problem("DERIVED\\SECONDARY\\AXIAL"), None);
        assert_eq!(image_type_problem("DERIVED\\SECONDARY\\PROCESSED"), None);
        assert_eq!(image_type_problem("ORIGINAL\\PRIMARY\\AXIAL\\HELIX"), None);
        assert_eq!(image_type_problem(""), None);
    }
}
