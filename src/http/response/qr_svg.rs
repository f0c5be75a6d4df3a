//! QR code as an SVG picture.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code (ISO/IEC 18004 section 9.1).
const QUIET_ZONE: usize = 4;

/// Draws black modules on white in every theme, since cameras read nothing else reliably. `None` if `text`
/// fits no code, which has at most 2,331 bytes at this level.
pub(crate) fn qr_svg(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let (width, modules) = (code.width(), code.to_colors());
    let side = width + 2 * QUIET_ZONE;
    let mut path = String::new();
    for (y, row) in modules.chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run[0] == Color::Dark {
                // Writing to a string never fails.
                let _ =
                    write!(path, "M{} {}h{}v1h-{}z", x + QUIET_ZONE, y + QUIET_ZONE, run.len(), run.len());
            }
            x += run.len();
        }
    }
    Some(format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{side}v{side}H0z"/><path d="{path}"/></svg>"##
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_modules_are_those_of_the_code() {
        let text = "https://pichat.local/chat#invitacion=0123456789abcdef0123456789abcdef";
        let svg = qr_svg(text).expect("fits");
        // Version 5 (37 modules) and 4 modules of quiet zone on each side.
        assert!(svg.contains(r#"viewBox="0 0 45 45""#), "{svg}");
        let code = QrCode::with_error_correction_level(text, EcLevel::M).expect("fits");
        let path = svg.rsplit_once("d=\"").expect("a path").1;
        let mut drawn = vec![Color::Light; 37 * 37];
        for run in path.split('M').skip(1) {
            let numbers: Vec<usize> =
                run.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
            let at = (numbers[1] - QUIET_ZONE) * 37 + numbers[0] - QUIET_ZONE;
            drawn[at..at + numbers[2]].fill(Color::Dark);
        }
        assert!(drawn == code.to_colors());
    }

    #[test]
    fn text_that_fits_no_code_has_no_picture() {
        assert!(qr_svg(&"x".repeat(3000)).is_none());
    }
}
