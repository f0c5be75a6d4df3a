//! A QR code in characters.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// Draws half blocks: two modules above one another in a character, with a quiet zone of four modules. Light
/// modules are drawn, for light text on a dark console. Empty if `text` fits no code.
pub(super) fn lines(text: &str) -> Vec<String> {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::L) else { return Vec::new() };
    let drawn = code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .quiet_zone(true)
        .build();
    drawn.lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qr_code_of_an_address_fits_the_console() {
        // Version 2 (25 modules) and 4 modules of quiet zone on each side.
        let lines = lines("http://192.168.100.200/activar");
        assert_eq!(lines.len(), 17);
        assert!(lines.iter().all(|line| line.chars().count() == 33));
        // The quiet zone is lit.
        assert!(lines[..2].iter().all(|line| line.chars().all(|c| c == '█')));
        assert!(lines[2].starts_with("████ ▄▄▄▄▄ "), "{}", lines[2]);
    }
}
