//! The bundled typeface: Inter with tabular digits (SIL Open Font License, see `assets/fonts/OFL.txt`).
//!
//! Bundled so that a figure has the same widths on screen, in a PNG and in a PDF on every machine.

use std::sync::{Arc, OnceLock};

use resvg::usvg::fontdb;
use rustybuzz::Face;

use super::Weight;

/// The family's name inside the font files.
pub const FAMILY: &str = "Inter Tabular";
/// OpenType file, weight 400.
pub const REGULAR: &[u8] = include_bytes!("../../../assets/fonts/InterTabular-Regular.otf");
/// OpenType file, weight 600.
pub const SEMIBOLD: &[u8] = include_bytes!("../../../assets/fonts/InterTabular-SemiBold.otf");

/// The font file of a weight.
pub fn bytes(weight: Weight) -> &'static [u8] {
    match weight {
        Weight::Regular => REGULAR,
        Weight::SemiBold => SEMIBOLD,
    }
}

/// Shaper faces, parsed once; None only if the bundled file were damaged.
pub(super) fn face(weight: Weight) -> Option<&'static Face<'static>> {
    static REGULAR_FACE: OnceLock<Option<Face<'static>>> = OnceLock::new();
    static SEMIBOLD_FACE: OnceLock<Option<Face<'static>>> = OnceLock::new();
    let cell = match weight {
        Weight::Regular => &REGULAR_FACE,
        Weight::SemiBold => &SEMIBOLD_FACE,
    };
    cell.get_or_init(|| Face::from_slice(bytes(weight), 0)).as_ref()
}

/// The bundled fonts, and no others, for resvg.
pub(super) fn database() -> Arc<fontdb::Database> {
    static DATABASE: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    let make = || {
        let mut database = fontdb::Database::new();
        database.load_font_data(REGULAR.to_vec());
        database.load_font_data(SEMIBOLD.to_vec());
        database.set_sans_serif_family(FAMILY);
        Arc::new(database)
    };
    DATABASE.get_or_init(make).clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::width;

    #[test]
    fn digits_are_tabular_in_both_weights() {
        for weight in [Weight::Regular, Weight::SemiBold] {
            let zero = width("0", 100.0, weight);
            assert!(zero > 50.0);
            for digit in "123456789".chars() {
                assert_eq!(width(&digit.to_string(), 100.0, weight), zero, "{digit}");
            }
        }
    }

    #[test]
    fn symbols_of_the_interface_are_covered() {
        for weight in [Weight::Regular, Weight::SemiBold] {
            let face = face(weight).unwrap();
            for c in "≥≤²×–−—′±°µαβκ→←↑↓•…▲▼●○⚠éüłőñ".chars() {
                assert!(face.glyph_index(c).is_some(), "{c} is missing from {weight:?}");
            }
        }
    }

    #[test]
    fn both_weights_answer_to_the_family_name() {
        let database = database();
        for weight in [400, 600] {
            let query = fontdb::Query {
                families: &[fontdb::Family::Name(FAMILY)],
                weight: fontdb::Weight(weight),
                ..Default::default()
            };
            let id = database.query(&query).unwrap();
            assert_eq!(database.face(id).unwrap().weight.0, weight);
        }
    }
}
