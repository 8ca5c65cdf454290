//! Renders templates of `assets`.

use askama::Template;

use crate::error::{Error, Result};

/// Renders a template, with the line break that askama removes from the end of its file.
///
/// # Errors
/// [`Kind::Internal`](crate::Kind::Internal) if the template fails.
pub(crate) fn render(template: &impl Template) -> Result<String> {
    let text = template.render();
    text.map(|text| text + "\n")
        .map_err(|_| Error::internal("a text could not be written"))
}
