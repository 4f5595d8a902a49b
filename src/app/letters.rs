//! Letters that the bundled typeface lacks (Chinese headings and names above all), from a typeface of this system.

use egui::{Context, FontData};
use resvg::usvg::fontdb::{Database, Style, Weight};
use rustybuzz::ttf_parser::Face;

use super::theme;

/// A letter that tells a typeface with Chinese.
const TELLING: char = '年';
/// Plain typefaces, the best first; else any that has the letter.
const WELL_KNOWN: [&str; 8] = [
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Microsoft YaHei",
    "PingFang SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
];

/// Looks through the system's typefaces beside the window's start and takes one up where there is one.
pub fn complete(ctx: &Context) {
    let ctx = ctx.clone();
    std::thread::spawn(move || {
        if let Some(face) = of_system() {
            ctx.set_fonts(theme::fonts(Some(face)));
            ctx.request_repaint();
        }
    });
}

fn of_system() -> Option<FontData> {
    let mut database = Database::new();
    database.load_system_fonts();
    let rank = |families: &[(String, _)]| {
        let known = |name: &&str| families.iter().any(|(family, _)| family == name);
        WELL_KNOWN.iter().position(known).unwrap_or(WELL_KNOWN.len())
    };
    let mut faces: Vec<_> =
        database.faces().filter(|f| f.style == Style::Normal && f.weight == Weight::NORMAL).collect();
    faces.sort_by_key(|face| rank(&face.families));
    faces.into_iter().find_map(|face| {
        database.with_face_data(face.id, |data, index| {
            let has = Face::parse(data, index).is_ok_and(|f| f.glyph_index(TELLING).is_some());
            has.then(|| FontData { index, ..FontData::from_owned(data.to_vec()) })
        })?
    })
}
