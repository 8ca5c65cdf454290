//! A QR code made of half blocks, two rows of it a line of text.

use qrcode::{Color, EcLevel, QrCode};

/// Narrower terminals are spared.
const FEWEST_COLUMNS: usize = 30;
/// The margin that scanners need, in modules; the norm's four would take too much of a screen.
const MARGIN: usize = 2;

/// The code's lines. `dark_ink` where dark text on a light ground will be printed; without, the
/// terminal is taken to be a dark one. `None` where it does not fit.
pub(in crate::cli) fn picture(text: &str, columns: usize, dark_ink: bool) -> Option<Vec<String>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let width = code.width();
    let side = width + 2 * MARGIN;
    if columns < FEWEST_COLUMNS || columns < side {
        return None;
    }
    let is_ink = |x: usize, y: usize| {
        let inside = (MARGIN..MARGIN + width).contains(&x) && (MARGIN..MARGIN + width).contains(&y);
        let is_dark = inside && code[(x - MARGIN, y - MARGIN)] == Color::Dark;
        y < side && is_dark == dark_ink
    };
    let block = |x, y| match (is_ink(x, y), is_ink(x, y + 1)) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    };
    let line = |y| (0..side).map(|x| block(x, y)).collect();
    Some((0..side).step_by(2).map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_as_wide_as_it_says_and_left_out_where_it_does_not_fit() {
        let lines = picture("https://microsoft.com/devicelogin", 80, true).expect("it fits");
        let widths: Vec<usize> = lines.iter().map(|line| line.chars().count()).collect();
        assert_eq!(widths, vec![widths[0]; widths.len()]);
        assert!(widths[0] <= 40, "{widths:?}");
        assert_eq!(lines.len(), widths[0].div_ceil(2));
        assert!(lines[0].chars().all(|c| c == ' '), "the margin is light");
        assert!(picture("https://microsoft.com/devicelogin", 29, true).is_none());
        let inverted = picture("https://microsoft.com/devicelogin", 80, false).expect("it fits");
        assert!(inverted[0].chars().all(|c| c == '█'), "the margin is light");
    }
}
