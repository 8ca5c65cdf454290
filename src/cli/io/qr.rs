//! Draws a QR code with half blocks, two rows in a line of text.

use qrcode::{Color, EcLevel, QrCode};

/// Narrower terminals get no code.
const MIN_COLUMNS: usize = 30;
/// The margin that scanners need, in modules. The standard's four would take too much of a screen.
const QUIET_ZONE: usize = 2;

/// Returns the code's lines, or `None` if they do not fit. With `dark_ink` they are for dark text on a
/// light ground, else for a dark terminal.
pub(crate) fn picture(text: &str, columns: usize, dark_ink: bool) -> Option<Vec<String>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let width = code.width();
    let side = width + 2 * QUIET_ZONE;
    if columns < MIN_COLUMNS || columns < side {
        return None;
    }
    let is_ink = |x: usize, y: usize| {
        let inside = (QUIET_ZONE..QUIET_ZONE + width).contains(&x)
            && (QUIET_ZONE..QUIET_ZONE + width).contains(&y);
        let is_dark = inside && code[(x - QUIET_ZONE, y - QUIET_ZONE)] == Color::Dark;
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
