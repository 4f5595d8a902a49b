//! Writing CT images as DICOM files: CT Image Storage, explicit VR little endian, signed 16 bit.

use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use sha2::{Digest, Sha256};

/// What all images of a series share.
#[derive(Debug, Clone)]
pub struct CtSeries {
    pub study_uid: String,
    pub series_uid: String,
    pub frame_of_reference_uid: String,
    /// `Family^Given`.
    pub patient_name: String,
    pub patient_id: String,
    /// `F`, `M` or `O`.
    pub patient_sex: String,
    pub age_years: u32,
    pub height_cm: f64,
    pub weight_kg: f64,
    /// YYYYMMDD.
    pub date: String,
    /// HHMMSS.
    pub time: String,
    pub study_id: String,
    pub study_description: String,
    pub series_description: String,
    pub series_number: i32,
    pub body_part: String,
    pub manufacturer: String,
    pub model: String,
    pub software: String,
    pub kvp: f64,
    pub kernel: String,
    pub contrast_agent: Option<String>,
    /// Whether the picture is computed rather than acquired.
    pub synthetic: bool,
    pub rows: usize,
    pub columns: usize,
    /// Between rows, between columns, mm.
    pub pixel_spacing_mm: [f64; 2],
    pub slice_thickness_mm: f64,
}

/// One axial image, head first supine.
#[derive(Debug, Clone)]
pub struct CtImage<'a> {
    pub sop_instance_uid: String,
    /// From 1.
    pub instance_number: i32,
    /// Centre of the first pixel, mm.
    pub position_mm: [f64; 3],
    /// Row-major Hounsfield units, `rows * columns`.
    pub hu: &'a [i16],
}

/// Why a CT image could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    #[error("CT image {number}: {got} pixels given for {rows} × {columns}; give exactly one value a pixel")]
    Size { number: i32, got: usize, rows: usize, columns: usize },
    #[error("CT image {number} could not be encoded as DICOM: {reason}")]
    Encode { number: i32, reason: String },
}

/// A UID below 2.25 made from text: the same text gives the same UID (a version-8 UUID from its SHA-256).
pub fn uid_from(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    format!("2.25.{}", u128::from_be_bytes(bytes))
}

/// Decimal string of at most 16 characters, as VR DS wants it.
fn decimal(value: f64) -> String {
    let short = format!("{value}");
    if short.len() <= 16 {
        return short;
    }
    (0..=12)
        .rev()
        .map(|digits| format!("{value:.digits$}"))
        .find(|s| s.len() <= 16)
        .unwrap_or_else(|| format!("{value:.8e}"))
}

fn decimals(values: &[f64]) -> Vec<String> {
    values.iter().copied().map(decimal).collect()
}

struct Builder(InMemDicomObject);

impl Builder {
    fn text(&mut self, tag: Tag, vr: VR, value: impl Into<String>) {
        self.0.put(DataElement::new(tag, vr, PrimitiveValue::from(value.into())));
    }

    fn texts(&mut self, tag: Tag, vr: VR, values: Vec<String>) {
        self.0.put(DataElement::new(tag, vr, PrimitiveValue::Strs(values.into())));
    }

    fn empty(&mut self, tag: Tag, vr: VR) {
        self.0.put(DataElement::new(tag, vr, PrimitiveValue::Empty));
    }

    fn number(&mut self, tag: Tag, value: u16) {
        self.0.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
    }
}

/// Encodes one image as a complete DICOM file (preamble, meta group, data set).
///
/// # Errors
/// `Size` when the pixels don't fill the matrix, `Encode` when the encoder refuses a value.
pub fn ct_image(series: &CtSeries, image: &CtImage) -> Result<Vec<u8>, WriteError> {
    let encode = |reason: String| WriteError::Encode { number: image.instance_number, reason };
    let matrix =
        |n: usize| u16::try_from(n).map_err(|_| encode(format!("a side of {n} pixels exceeds 65535")));
    let (rows, columns) = (matrix(series.rows)?, matrix(series.columns)?);
    if image.hu.len() != series.rows * series.columns {
        return Err(WriteError::Size {
            number: image.instance_number,
            got: image.hu.len(),
            rows: series.rows,
            columns: series.columns,
        });
    }
    let mut b = Builder(InMemDicomObject::new_empty());
    identification(&mut b, series, image);
    geometry(&mut b, series, image);
    b.number(tags::SAMPLES_PER_PIXEL, 1);
    b.text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
    b.number(tags::ROWS, rows);
    b.number(tags::COLUMNS, columns);
    b.number(tags::BITS_ALLOCATED, 16);
    b.number(tags::BITS_STORED, 16);
    b.number(tags::HIGH_BIT, 15);
    b.number(tags::PIXEL_REPRESENTATION, 1);
    b.text(tags::BURNED_IN_ANNOTATION, VR::CS, "NO");
    b.text(tags::RESCALE_INTERCEPT, VR::DS, "0");
    b.text(tags::RESCALE_SLOPE, VR::DS, "1");
    b.text(tags::RESCALE_TYPE, VR::LO, "HU");
    b.text(tags::WINDOW_CENTER, VR::DS, "40");
    b.text(tags::WINDOW_WIDTH, VR::DS, "400");
    let words: Vec<u16> = image.hu.iter().map(|v| v.cast_unsigned()).collect();
    b.0.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(words.into())));
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
        .media_storage_sop_class_uid(uids::CT_IMAGE_STORAGE)
        .media_storage_sop_instance_uid(image.sop_instance_uid.as_str());
    let object = b.0.with_meta(meta).map_err(|e| encode(e.to_string()))?;
    let mut file = Vec::with_capacity(image.hu.len() * 2 + 4096);
    object.write_all(&mut file).map_err(|e| encode(e.to_string()))?;
    Ok(file)
}

/// Patient, study, series, equipment.
fn identification(b: &mut Builder, s: &CtSeries, image: &CtImage) {
    b.text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
    let kind = if s.synthetic { "DERIVED" } else { "ORIGINAL" };
    b.texts(tags::IMAGE_TYPE, VR::CS, [kind, "PRIMARY", "AXIAL"].map(String::from).to_vec());
    b.text(tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE);
    b.text(tags::SOP_INSTANCE_UID, VR::UI, image.sop_instance_uid.as_str());
    for tag in [tags::STUDY_DATE, tags::SERIES_DATE, tags::ACQUISITION_DATE, tags::CONTENT_DATE] {
        b.text(tag, VR::DA, s.date.as_str());
    }
    for tag in [tags::STUDY_TIME, tags::SERIES_TIME, tags::ACQUISITION_TIME, tags::CONTENT_TIME] {
        b.text(tag, VR::TM, s.time.as_str());
    }
    b.empty(tags::ACCESSION_NUMBER, VR::SH);
    b.text(tags::MODALITY, VR::CS, "CT");
    b.text(tags::MANUFACTURER, VR::LO, s.manufacturer.as_str());
    b.text(tags::MANUFACTURER_MODEL_NAME, VR::LO, s.model.as_str());
    b.text(tags::SOFTWARE_VERSIONS, VR::LO, s.software.as_str());
    b.empty(tags::REFERRING_PHYSICIAN_NAME, VR::PN);
    b.text(tags::STUDY_DESCRIPTION, VR::LO, s.study_description.as_str());
    b.text(tags::SERIES_DESCRIPTION, VR::LO, s.series_description.as_str());
    b.text(tags::PATIENT_NAME, VR::PN, s.patient_name.as_str());
    b.text(tags::PATIENT_ID, VR::LO, s.patient_id.as_str());
    b.empty(tags::PATIENT_BIRTH_DATE, VR::DA);
    b.text(tags::PATIENT_SEX, VR::CS, s.patient_sex.as_str());
    b.text(tags::PATIENT_AGE, VR::AS, format!("{:03}Y", s.age_years.min(999)));
    b.text(tags::PATIENT_SIZE, VR::DS, decimal(s.height_cm / 100.0));
    b.text(tags::PATIENT_WEIGHT, VR::DS, decimal(s.weight_kg));
    if let Some(agent) = &s.contrast_agent {
        b.text(tags::CONTRAST_BOLUS_AGENT, VR::LO, agent.as_str());
    }
    b.text(tags::BODY_PART_EXAMINED, VR::CS, s.body_part.as_str());
    b.text(tags::KVP, VR::DS, decimal(s.kvp));
    b.text(tags::CONVOLUTION_KERNEL, VR::SH, s.kernel.as_str());
    b.text(tags::PATIENT_POSITION, VR::CS, "HFS");
    b.text(tags::STUDY_INSTANCE_UID, VR::UI, s.study_uid.as_str());
    b.text(tags::SERIES_INSTANCE_UID, VR::UI, s.series_uid.as_str());
    b.text(tags::STUDY_ID, VR::SH, s.study_id.as_str());
    b.text(tags::SERIES_NUMBER, VR::IS, s.series_number.to_string());
    b.text(tags::ACQUISITION_NUMBER, VR::IS, "1");
    b.text(tags::INSTANCE_NUMBER, VR::IS, image.instance_number.to_string());
}

fn geometry(b: &mut Builder, s: &CtSeries, image: &CtImage) {
    b.text(tags::SLICE_THICKNESS, VR::DS, decimal(s.slice_thickness_mm));
    b.texts(tags::IMAGE_POSITION_PATIENT, VR::DS, decimals(&image.position_mm));
    b.texts(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, decimals(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]));
    b.text(tags::FRAME_OF_REFERENCE_UID, VR::UI, s.frame_of_reference_uid.as_str());
    b.empty(tags::POSITION_REFERENCE_INDICATOR, VR::LO);
    b.text(tags::SLICE_LOCATION, VR::DS, decimal(image.position_mm[2]));
    b.texts(tags::PIXEL_SPACING, VR::DS, decimals(&s.pixel_spacing_mm));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series() -> CtSeries {
        CtSeries {
            study_uid: uid_from("study"),
            series_uid: uid_from("series"),
            frame_of_reference_uid: uid_from("frame"),
            patient_name: "Test^Patient".into(),
            patient_id: "T-1".into(),
            patient_sex: "F".into(),
            age_years: 51,
            height_cm: 162.5,
            weight_kg: 60.0,
            date: "20240102".into(),
            time: "101500".into(),
            study_id: "1".into(),
            study_description: "Synthetic".into(),
            series_description: "Synthetic chest".into(),
            series_number: 2,
            body_part: "CHEST".into(),
            manufacturer: "None".into(),
            model: "None".into(),
            software: "0".into(),
            kvp: 120.0,
            kernel: "STANDARD".into(),
            contrast_agent: None,
            synthetic: true,
            rows: 2,
            columns: 3,
            pixel_spacing_mm: [0.7, 0.8],
            slice_thickness_mm: 2.0,
        }
    }

    #[test]
    fn an_image_reads_back_with_its_values_and_place() {
        let hu = [-1024, -1000, 0, 40, 300, 3071];
        let image = CtImage {
            sop_instance_uid: uid_from("1"),
            instance_number: 7,
            position_mm: [-1.25, 2.5, 1.0 / 3.0],
            hu: &hu,
        };
        let bytes = ct_image(&series(), &image).unwrap();
        let read = dicom_object::from_reader(&bytes[..]).unwrap();
        assert_eq!(read.meta().transfer_syntax(), uids::EXPLICIT_VR_LITTLE_ENDIAN);
        let pixels: Vec<i16> = read
            .element(tags::PIXEL_DATA)
            .unwrap()
            .to_bytes()
            .unwrap()
            .chunks(2)
            .map(|c| i16::from_le_bytes([c[0], c[1]]))
            .collect();
        assert_eq!(pixels, hu);
        let position = read.element(tags::IMAGE_POSITION_PATIENT).unwrap().to_multi_float64().unwrap();
        assert_eq!(position[..2], [-1.25, 2.5]);
        assert!((position[2] - 1.0 / 3.0).abs() < 1e-10);
        assert_eq!(read.element(tags::PIXEL_SPACING).unwrap().to_multi_float64().unwrap(), [0.7, 0.8]);
        assert_eq!(read.element(tags::PATIENT_AGE).unwrap().to_str().unwrap(), "051Y");
        assert_eq!(read.element(tags::PATIENT_SIZE).unwrap().to_float64().unwrap(), 1.625);
    }

    #[test]
    fn a_short_pixel_list_is_refused_by_number() {
        let image = CtImage {
            sop_instance_uid: uid_from("1"),
            instance_number: 7,
            position_mm: [0.0; 3],
            hu: &[0; 5],
        };
        let message = ct_image(&series(), &image).unwrap_err().to_string();
        assert!(message.contains("image 7") && message.contains("5 pixels"), "{message}");
    }

    #[test]
    fn decimal_strings_fit_their_vr() {
        for value in [1.0 / 3.0, -180.676_543_219_876, 1.0e-9, 123_456_789.123_456_78, -0.7] {
            let text = decimal(value);
            assert!(text.len() <= 16, "{text}");
            assert!((text.parse::<f64>().unwrap() - value).abs() < 1e-6, "{text}");
        }
    }

    #[test]
    fn uids_are_valid_and_repeatable() {
        let uid = uid_from("phantom 1");
        assert_eq!(uid, uid_from("phantom 1"));
        assert_ne!(uid, uid_from("phantom 2"));
        assert!(uid.len() <= 64 && uid.starts_with("2.25.") && !uid[5..].starts_with('0'));
    }
}
