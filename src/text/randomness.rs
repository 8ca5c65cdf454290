//! Recognizes random text, such as Base64 of a key.

/// The shortest random text that counts as a key: 15 bytes in Base64.
pub(super) const MIN_KEY_LENGTH: usize = 20;
/// The longest segment between slashes that Base64 of a key has at least.
const MIN_SEGMENT_LENGTH: usize = 12;

/// Returns whether the character is in the alphabets of Base64 and Base64url, or padding.
pub(super) fn is_base64_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_' | '-')
}

/// Returns whether lower case, upper case and digits alternate in a long text as in random text: in
/// random Base64 at 6 of 10 places, in camel case at 3 to 4. Base64 has slashes as paths have, so a
/// whole path must alternate more often.
pub(super) fn is_random(run: &str) -> bool {
    values(run).any(is_random_value)
}

/// Splits `name=value` at each `=` that is not padding at the end.
fn values(run: &str) -> impl Iterator<Item = &str> {
    let body = run.trim_end_matches('=').len();
    let last = run[..body].rfind('=').map_or(0, |at| at + 1);
    run[..last].split('=').chain([&run[last..]])
}

fn is_random_value(run: &str) -> bool {
    let longest = run.split('/').map(str::len).max().unwrap_or_default();
    let may_be_base64 = !run.starts_with('/') && longest >= MIN_SEGMENT_LENGTH;
    is_padded_base64(run)
        || parts(run).any(|part| part.is_random())
        || (may_be_base64 && Mix::of(run).is_evenly_random())
}

/// The folders of a path, or the whole of another text.
fn parts(run: &str) -> impl Iterator<Item = Mix> {
    let is_path = run.contains('/') && !run.contains(['+', '=']);
    run.split(move |c| is_path && c == '/').map(Mix::of)
}

/// Returns whether the text is Base64 with padding.
fn is_padded_base64(run: &str) -> bool {
    let text = run.trim_end_matches('=');
    text.len() < run.len()
        && text.len() >= MIN_KEY_LENGTH
        && run.len().is_multiple_of(4)
        && !text.contains(['=', '-', '_'])
        && Mix::of(text).is_long_mixed_case()
}

/// Returns whether the text may be random: a weaker test than [`is_random`].
pub(super) fn is_mixed(run: &str) -> bool {
    let mut parts = values(run).flat_map(parts);
    parts.any(|part| part.is_long_mixed_case() && part.changes * 10 >= part.length * 4)
}

/// The alternation of letters and digits in a text.
#[derive(Default)]
struct Mix {
    length: usize,
    changes: usize,
    has_lower: bool,
    has_upper: bool,
    digit_groups: usize,
}

impl Mix {
    fn is_random(&self) -> bool {
        let has_digits = self.digit_groups >= 3 && self.changes * 10 >= self.length * 3;
        let is_longer = self.length >= 40 && self.changes * 20 >= self.length * 7;
        self.is_evenly_random() || (self.is_long_mixed_case() && (has_digits || is_longer))
    }

    fn is_evenly_random(&self) -> bool {
        self.is_long_mixed_case() && self.changes * 2 >= self.length
    }

    fn is_long_mixed_case(&self) -> bool {
        self.length >= MIN_KEY_LENGTH && self.has_lower && self.has_upper
    }

    fn of(run: &str) -> Mix {
        let mut mix = Mix::default();
        let mut last = None;
        for byte in run.bytes().filter(u8::is_ascii_alphanumeric) {
            let class = (byte.is_ascii_lowercase(), byte.is_ascii_uppercase());
            mix.has_lower |= class.0;
            mix.has_upper |= class.1;
            let changes = last != Some(class);
            mix.digit_groups += usize::from(changes && byte.is_ascii_digit());
            mix.changes += usize::from(changes && last.is_some());
            mix.length += 1;
            last = Some(class);
        }
        mix
    }
}
