//! A file's header values as dicom-rs reads them, restricted to what this program asks for.

use dicom_core::{DataDictionary, Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_encoding::transfer_syntax::TransferSyntaxIndex;
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

use super::encoding::{Encoding, Outline, OutlineError, PixelPlace, outline};
use super::sound::is_sound;
use super::source::{Bytes, Location};

/// The top-level elements this program reads; the rest of a header is stepped over, which makes scanning fast.
const WANTED: [Tag; 62] = [
    tags::SPECIFIC_CHARACTER_SET,
    tags::IMAGE_TYPE,
    tags::SOP_CLASS_UID,
    tags::SOP_INSTANCE_UID,
    tags::STUDY_DATE,
    tags::MODALITY,
    tags::STUDY_DESCRIPTION,
    tags::SERIES_DESCRIPTION,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::ISSUER_OF_PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::CONTRAST_BOLUS_AGENT,
    tags::FRAME_OF_REFERENCE_UID,
    tags::TABLE_HEIGHT,
    tags::CONVOLUTION_KERNEL,
    tags::ACQUISITION_TIME,
    tags::KVP,
    tags::FILTER_TYPE,
    tags::TEMPORAL_POSITION_IDENTIFIER,
    tags::NOMINAL_PERCENTAGE_OF_CARDIAC_PHASE,
    tags::RECONSTRUCTION_DIAMETER,
    tags::MODALITY_LUT_TYPE,
    tags::PATIENT_SIZE,
    tags::DIRECTORY_RECORD_SEQUENCE,
    tags::SLICE_THICKNESS,
    tags::STUDY_INSTANCE_UID,
    tags::SERIES_INSTANCE_UID,
    tags::SERIES_NUMBER,
    tags::ACQUISITION_NUMBER,
    tags::INSTANCE_NUMBER,
    tags::IMAGE_POSITION_PATIENT,
    tags::IMAGE_ORIENTATION_PATIENT,
    tags::SAMPLES_PER_PIXEL,
    tags::PHOTOMETRIC_INTERPRETATION,
    tags::PLANAR_CONFIGURATION,
    tags::NUMBER_OF_FRAMES,
    tags::ROWS,
    tags::COLUMNS,
    tags::PIXEL_SPACING,
    tags::BITS_ALLOCATED,
    tags::BITS_STORED,
    tags::HIGH_BIT,
    tags::PIXEL_REPRESENTATION,
    tags::PIXEL_PADDING_VALUE,
    tags::WINDOW_CENTER,
    tags::WINDOW_WIDTH,
    tags::RESCALE_INTERCEPT,
    tags::RESCALE_SLOPE,
    tags::RESCALE_TYPE,
    tags::MODALITY_LUT_SEQUENCE,
    tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
    tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
    tags::PLANE_POSITION_SEQUENCE,
    tags::PLANE_ORIENTATION_SEQUENCE,
    tags::PIXEL_MEASURES_SEQUENCE,
    tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
    tags::FRAME_VOILUT_SEQUENCE,
    tags::FRAME_TYPE,
    tags::EXTENDED_OFFSET_TABLE,
    tags::EXTENDED_OFFSET_TABLE_LENGTHS,
    tags::BURNED_IN_ANNOTATION,
];

/// One file's header values and where its pixels are.
#[derive(Debug)]
pub(crate) struct Dataset {
    pub values: Values,
    /// UID; of the recognised encoding where the file does not state one.
    pub transfer_syntax: String,
    /// Media storage SOP class; empty if not stated.
    pub media_class: String,
    pub big_endian: bool,
    pub bytes: Bytes,
    pub pixels: Option<PixelPlace>,
    pub remarks: Vec<String>,
}

impl Dataset {
    /// Reads a file's header.
    ///
    /// # Errors
    /// See [`OutlineError`]; reasons don't name the file.
    pub fn read(location: &Location) -> Result<Self, OutlineError> {
        let outline = outline(location.open().map_err(OutlineError::Broken)?)?;
        let values = Values(values_of(&outline, Select::Wanted));
        // A UID that means nothing tells nothing about uncompressed pixels, but names what compressed ones would need.
        let claimed = outline.transfer_syntax;
        let compressed = outline.pixels.is_some_and(|p| p.length.is_none());
        let meaningful =
            !claimed.is_empty() && (compressed || TransferSyntaxRegistry.get(&claimed).is_some());
        let transfer_syntax =
            if meaningful { claimed } else { outline.encoding.transfer_syntax().to_owned() };
        Ok(Self {
            values,
            transfer_syntax,
            media_class: outline.media_class,
            big_endian: outline.encoding.big_endian,
            bytes: outline.bytes,
            pixels: outline.pixels,
            remarks: outline.remarks,
        })
    }
}

/// Which top-level elements are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Select {
    Wanted,
    All,
}

/// Reads elements in one go; where that fails, one by one, leaving out those that can't be read.
pub(crate) fn values_of(outline: &Outline, select: Select) -> InMemDicomObject {
    let chosen = |tag: (u16, u16)| select == Select::All || WANTED.contains(&Tag(tag.0, tag.1));
    let slices: Vec<&[u8]> = outline
        .elements
        .iter()
        .filter(|e| chosen(e.tag))
        .filter_map(|e| outline.header.get(e.start..e.end))
        .filter(|bytes| is_sound(bytes, outline.encoding))
        .collect();
    parse(&slices.concat(), outline.encoding).unwrap_or_else(|| {
        // Every element is read behind the character set, which the text values need.
        let charset = slices.iter().find(|s| is_charset(s, outline.encoding)).copied().unwrap_or_default();
        let mut values = InMemDicomObject::new_empty();
        for slice in &slices {
            if let Some(part) =
                parse(&[charset, slice].concat(), outline.encoding).or_else(|| parse(slice, outline.encoding))
            {
                for element in part {
                    values.put(element);
                }
            }
        }
        values
    })
}

fn is_charset(element: &[u8], encoding: Encoding) -> bool {
    let tag = if encoding.big_endian { [0, 8, 0, 5] } else { [8, 0, 5, 0] };
    element.starts_with(&tag)
}

fn parse(bytes: &[u8], encoding: Encoding) -> Option<InMemDicomObject> {
    let syntax = TransferSyntaxRegistry.get(encoding.transfer_syntax())?;
    InMemDicomObject::read_dataset_with_ts(bytes, syntax).ok()
}

/// Header values, read tolerantly: an absent, empty or unreadable value is simply not there.
#[derive(Debug, Clone)]
pub(crate) struct Values(pub InMemDicomObject);

impl Values {
    fn element(&self, tag: Tag) -> Option<&InMemElement> {
        self.0.get(tag)
    }

    /// Text without padding; several values stand between backslashes; empty if absent.
    pub fn text(&self, tag: Tag) -> String {
        let Some(element) = self.element(tag) else { return String::new() };
        let text = match element.vr() {
            VR::UN | VR::OB => {
                element.to_bytes().map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
            }
            _ => element.to_str().map(|s| s.into_owned()).unwrap_or_default(),
        };
        text.trim_matches(['\0', ' ']).to_owned()
    }

    /// Finite numbers of a DS, IS, FD, US … element.
    pub fn numbers(&self, tag: Tag) -> Vec<f64> {
        let Some(element) = self.element(tag) else { return Vec::new() };
        let is_text = matches!(element.vr(), VR::DS | VR::IS | VR::LO | VR::SH)
            || element.vr() == VR::UN && dictionary_vr(tag).is_none_or(|vr| vr != VR::US);
        let numbers: Vec<f64> = if is_text {
            self.text(tag).split('\\').map_while(|part| part.trim_matches(['\0', ' ']).parse().ok()).collect()
        } else if element.vr() == VR::UN {
            // Unknown VR: the bytes are little endian (PS3.5 6.2.2), the meaning is the dictionary's.
            let bytes = element.to_bytes().unwrap_or_default();
            bytes.chunks_exact(2).map(|b| f64::from(u16::from_le_bytes([b[0], b[1]]))).collect()
        } else {
            element.to_multi_float64().unwrap_or_default()
        };
        if numbers.iter().all(|n| n.is_finite()) { numbers } else { Vec::new() }
    }

    pub fn number(&self, tag: Tag) -> Option<f64> {
        self.numbers(tag).first().copied()
    }

    /// A whole number in the range of `T`.
    pub fn integer<T: TryFrom<i64>>(&self, tag: Tag) -> Option<T> {
        let number = self.number(tag)?;
        // f64 holds every DICOM integer of up to 32 bits exactly.
        (number.fract() == 0.0 && number.abs() < 9e15).then(|| T::try_from(number as i64).ok()).flatten()
    }

    /// Whether the element is there, with a value or without.
    pub fn has(&self, tag: Tag) -> bool {
        self.element(tag).is_some()
    }

    /// Exactly `N` numbers.
    pub fn array<const N: usize>(&self, tag: Tag) -> Option<[f64; N]> {
        self.numbers(tag).try_into().ok()
    }

    /// Unsigned 64-bit values of an OV element.
    pub fn offsets(&self, tag: Tag) -> Vec<u64> {
        let bytes = self.element(tag).and_then(|e| e.to_bytes().ok()).unwrap_or_default();
        bytes
            .chunks_exact(8)
            .map(|b| u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]))
            .collect()
    }

    /// The 16-bit words of a LUT (US, SS or OW).
    pub fn words(&self, tag: Tag) -> Vec<u16> {
        let Some(element) = self.element(tag) else { return Vec::new() };
        element.to_multi_int::<i32>().map(|v| v.into_iter().map(|n| n as u16).collect()).unwrap_or_default()
    }

    /// The items of a sequence; none if absent.
    pub fn items(&self, tag: Tag) -> Vec<Values> {
        let items = self.element(tag).and_then(|e| e.items()).unwrap_or_default();
        items.iter().map(|item| Values(item.clone())).collect()
    }

    /// The first item of a sequence.
    pub fn item(&self, tag: Tag) -> Option<Values> {
        self.element(tag)
            .and_then(|e| e.items())
            .and_then(|items| items.first())
            .map(|item| Values(item.clone()))
    }
}

fn dictionary_vr(tag: Tag) -> Option<VR> {
    let entry = StandardDataDictionary.by_tag(tag)?;
    Some(dicom_core::dictionary::DataDictionaryEntry::vr(entry).relaxed())
}
