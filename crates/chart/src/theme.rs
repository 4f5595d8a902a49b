//! Roles to colours, light and dark.

use super::Role;

/// A colour, 8 bit sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb(pub [u8; 3]);

/// One colour a role; the fields are public so that a window can fit the paper to its own surfaces.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    pub ink: Rgb,
    pub muted: Rgb,
    pub grid: Rgb,
    pub accent: Rgb,
    pub paper: Rgb,
    pub panel: Rgb,
    pub on_fill: Rgb,
    pub low: Rgb,
    pub high: Rgb,
    pub warning: Rgb,
    pub series: [Rgb; Self::SERIES],
}

const fn rgb(hex: u32) -> Rgb {
    Rgb([(hex >> 16) as u8, (hex >> 8) as u8, hex as u8])
}

impl Theme {
    /// Colours of series before they begin anew.
    pub const SERIES: usize = 7;

    /// For print and light windows; series are the colours of Okabe and Ito without their yellow, which paper swallows.
    pub fn light() -> Self {
        Self {
            ink: rgb(0x1B1F24),
            muted: rgb(0x5A6470),
            grid: rgb(0xD5DBE1),
            accent: rgb(0x0B6E75),
            paper: rgb(0xFFFFFF),
            panel: rgb(0xF3F5F7),
            on_fill: rgb(0xFFFFFF),
            low: rgb(0x0072B2),
            high: rgb(0xB84800),
            warning: rgb(0xB42318),
            series: [
                rgb(0x0072B2),
                rgb(0xD55E00),
                rgb(0x009E73),
                rgb(0xCC79A7),
                rgb(0xE69F00),
                rgb(0x56B4E9),
                rgb(0x1B1F24),
            ],
        }
    }

    /// For reading rooms.
    pub fn dark() -> Self {
        Self {
            ink: rgb(0xE6EAEE),
            muted: rgb(0x9CA7B3),
            grid: rgb(0x3A434D),
            accent: rgb(0x4CC9C0),
            paper: rgb(0x14181D),
            panel: rgb(0x1F252C),
            on_fill: rgb(0x0E1216),
            low: rgb(0x56B4E9),
            high: rgb(0xF58B45),
            warning: rgb(0xFF8F80),
            series: [
                rgb(0x56B4E9),
                rgb(0xF0813A),
                rgb(0x2BC79A),
                rgb(0xE29BC4),
                rgb(0xE6B800),
                rgb(0x7F9BFF),
                rgb(0xE6EAEE),
            ],
        }
    }

    /// The colour of a role.
    pub fn colour(&self, role: Role) -> Rgb {
        match role {
            Role::Ink => self.ink,
            Role::Muted => self.muted,
            Role::Grid => self.grid,
            Role::Accent => self.accent,
            Role::Paper => self.paper,
            Role::Panel => self.panel,
            Role::OnFill => self.on_fill,
            Role::Low => self.low,
            Role::High => self.high,
            Role::Warning => self.warning,
            Role::Series(n) => self.series[usize::from(n) % self.series.len()],
        }
    }
}

impl Rgb {
    /// `#rrggbb`.
    pub fn hex(self) -> String {
        let [r, g, b] = self.0;
        format!("#{r:02x}{g:02x}{b:02x}")
    }

    /// Contrast ratio of WCAG 2, from 1 to 21.
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance() + 0.05, other.luminance() + 0.05);
        a.max(b) / a.min(b)
    }

    fn luminance(self) -> f64 {
        let linear = self.0.map(|c| {
            let c = f64::from(c) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_colours_are_readable_on_paper_and_panel() {
        for theme in [Theme::light(), Theme::dark()] {
            for role in [Role::Ink, Role::Muted, Role::Accent, Role::Low, Role::High, Role::Warning] {
                for ground in [Role::Paper, Role::Panel] {
                    let ratio = theme.colour(role).contrast(theme.colour(ground));
                    assert!(ratio >= 4.5, "{role:?} on {ground:?}: {ratio:.2}");
                }
            }
            for role in [Role::Accent, Role::Low, Role::High, Role::Warning] {
                assert!(theme.colour(Role::OnFill).contrast(theme.colour(role)) >= 4.5, "{role:?}");
            }
        }
    }

    #[test]
    fn series_repeat_instead_of_running_out() {
        assert_eq!(Theme::light().colour(Role::Series(0)), Theme::light().colour(Role::Series(7)));
    }
}
