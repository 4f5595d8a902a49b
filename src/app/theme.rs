//! Colours, fonts and spacing: the design tokens of the window.

use egui::{Color32, CornerRadius, FontDefinitions, FontFamily, FontId, Stroke, TextStyle, Theme};

/// The colours that mean something, for one theme.
#[derive(Debug, Clone, Copy)]
pub struct Tokens {
    pub accent: Color32,
    pub muted: Color32,
    pub warning: Color32,
    pub error: Color32,
    pub good: Color32,
    pub t4: Color32,
    pub t11: Color32,
    pub card: Color32,
    pub line: Color32,
}

const DARK: Tokens = Tokens {
    accent: Color32::from_rgb(86, 180, 233),
    muted: Color32::from_rgb(154, 164, 176),
    warning: Color32::from_rgb(240, 190, 90),
    error: Color32::from_rgb(255, 128, 112),
    good: Color32::from_rgb(102, 204, 163),
    t4: Color32::from_rgb(240, 180, 60),
    t11: Color32::from_rgb(86, 190, 233),
    card: Color32::from_rgb(33, 38, 45),
    line: Color32::from_rgb(56, 63, 73),
};

const LIGHT: Tokens = Tokens {
    accent: Color32::from_rgb(0, 96, 160),
    muted: Color32::from_rgb(88, 98, 110),
    warning: Color32::from_rgb(140, 88, 0),
    error: Color32::from_rgb(178, 42, 30),
    good: Color32::from_rgb(0, 112, 80),
    t4: Color32::from_rgb(178, 104, 0),
    t11: Color32::from_rgb(0, 104, 178),
    card: Color32::from_rgb(255, 255, 255),
    line: Color32::from_rgb(208, 214, 222),
};

/// The tokens of the theme in use.
pub fn tokens(ui: &egui::Ui) -> Tokens {
    if ui.visuals().dark_mode { DARK } else { LIGHT }
}

/// The tokens for what lies on a CT picture, which is dark in both themes.
pub const ON_PICTURE: Tokens = DARK;

/// The chart theme that goes with the window's.
pub fn chart_theme(ui: &egui::Ui) -> thoracast_core::chart::Theme {
    if ui.visuals().dark_mode {
        thoracast_core::chart::Theme::dark()
    } else {
        thoracast_core::chart::Theme::light()
    }
}

/// The semibold weight.
pub fn semibold() -> FontFamily {
    FontFamily::Name(thoracast_core::chart::egui::SEMIBOLD_FAMILY.into())
}

/// The bundled typefaces, and last the one of this system that has what they lack.
pub fn fonts(of_system: Option<egui::FontData>) -> FontDefinitions {
    const OF_SYSTEM: &str = "of this system";
    let mut definitions = FontDefinitions::default();
    thoracast_core::chart::egui::install_fonts(&mut definitions);
    if let Some(face) = of_system {
        definitions.font_data.insert(OF_SYSTEM.to_owned(), std::sync::Arc::new(face));
        definitions.families.values_mut().for_each(|names| names.push(OF_SYSTEM.to_owned()));
    }
    definitions
}

/// Installs fonts, text sizes, spacing and both themes.
pub fn install(ctx: &egui::Context) {
    ctx.set_fonts(fonts(None));
    ctx.options_mut(|o| o.zoom_with_keyboard = false);
    ctx.all_styles_mut(|style| {
        style.text_styles = [
            (TextStyle::Heading, FontId::new(16.0, semibold())),
            (TextStyle::Body, FontId::new(13.5, FontFamily::Proportional)),
            (TextStyle::Button, FontId::new(13.5, FontFamily::Proportional)),
            (TextStyle::Monospace, FontId::new(12.5, FontFamily::Monospace)),
            (TextStyle::Small, FontId::new(11.5, FontFamily::Proportional)),
        ]
        .into();
        style.spacing.item_spacing = egui::vec2(8.0, 5.0);
        style.spacing.button_padding = egui::vec2(8.0, 3.0);
        style.spacing.interact_size.y = 22.0;
        style.interaction.tooltip_delay = 0.4;
    });
    ctx.style_mut_of(Theme::Dark, |style| {
        let v = &mut style.visuals;
        v.panel_fill = Color32::from_rgb(24, 28, 33);
        v.window_fill = Color32::from_rgb(33, 38, 45);
        v.extreme_bg_color = Color32::from_rgb(14, 17, 20);
        v.faint_bg_color = Color32::from_rgb(30, 34, 40);
        v.override_text_color = Some(Color32::from_rgb(226, 231, 237));
        shared(v, DARK);
    });
    ctx.style_mut_of(Theme::Light, |style| {
        let v = &mut style.visuals;
        v.panel_fill = Color32::from_rgb(243, 245, 248);
        v.window_fill = Color32::from_rgb(255, 255, 255);
        v.extreme_bg_color = Color32::from_rgb(232, 236, 242);
        v.faint_bg_color = Color32::from_rgb(234, 238, 243);
        v.override_text_color = Some(Color32::from_rgb(24, 30, 38));
        shared(v, LIGHT);
    });
    ctx.set_theme(Theme::Dark);
}

fn shared(v: &mut egui::Visuals, t: Tokens) {
    v.selection.bg_fill = t.accent.gamma_multiply(0.35);
    v.selection.stroke = Stroke::new(1.0, t.accent);
    v.hyperlink_color = t.accent;
    v.warn_fg_color = t.warning;
    v.error_fg_color = t.error;
    v.widgets.noninteractive.bg_stroke = Stroke::new(1.0, t.line);
    v.window_stroke = Stroke::new(1.0, t.line);
    let radius = CornerRadius::same(4);
    for w in [
        &mut v.widgets.noninteractive,
        &mut v.widgets.inactive,
        &mut v.widgets.hovered,
        &mut v.widgets.active,
        &mut v.widgets.open,
    ] {
        w.corner_radius = radius;
    }
}

/// The program's icon for the window manager.
pub fn icon() -> egui::IconData {
    let bytes = include_bytes!("../../icons/thoracast-128.png");
    // The bundled picture is checked by a test; without it the window manager's default icon serves.
    image::load_from_memory(bytes).map_or_else(
        |_| egui::IconData::default(),
        |picture| {
            let rgba = picture.into_rgba8();
            egui::IconData { width: rgba.width(), height: rgba.height(), rgba: rgba.into_raw() }
        },
    )
}

/// A card: a quiet frame around one step or one figure.
pub fn card(ui: &egui::Ui) -> egui::Frame {
    let t = tokens(ui);
    egui::Frame::new()
        .fill(t.card)
        .stroke(Stroke::new(1.0, t.line))
        .corner_radius(CornerRadius::same(6))
        .inner_margin(egui::Margin::same(10))
}

/// Text in the semibold weight.
pub fn strong(text: impl Into<String>) -> egui::RichText {
    egui::RichText::new(text).family(semibold())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_bundled_icon_can_be_read() {
        assert_eq!(super::icon().width, 128);
    }
}
