//! Reads from the Fetch Metadata headers how a browser came to send a request.
//!
//! A start page on loopback forwards the user's browser to an address with secrets. No other web page
//! may cause this. Browsers set these headers, and scripts cannot change them
//! (<https://www.w3.org/TR/fetch-metadata/>). Other clients do not send them.

/// A request's Fetch Metadata headers.
#[derive(Debug, Clone, Copy, Default)]
pub struct FetchMetadata<'a> {
    /// `Sec-Fetch-Site`.
    pub site: Option<&'a str>,
    /// `Sec-Fetch-Mode`.
    pub mode: Option<&'a str>,
    /// `Sec-Fetch-Dest`.
    pub dest: Option<&'a str>,
    /// The first of [`PURPOSES`].
    pub purpose: Option<&'a str>,
}

/// The headers by which browsers mark a request that is sent before the user opens the page. Any web
/// page can ask for one by speculation rules, and Chromium sends it with `Sec-Fetch-Site: none`.
pub const PURPOSES: [&str; 4] = ["sec-purpose", "purpose", "x-purpose", "x-moz"];

/// How a page was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Navigation {
    /// By the user, by a program, or by a link on a page of the same origin.
    Direct,
    /// By a page of another origin, which may be hostile. Other ports of localhost are among them.
    OtherOrigin,
    /// Not as a page: by a script, as a resource, in a frame, or ahead of time.
    None,
}

impl FetchMetadata<'_> {
    /// Decides how the page was opened.
    pub fn navigation(&self) -> Navigation {
        let is_page = self.purpose.is_none()
            && self.mode.is_none_or(|mode| mode == "navigate")
            && self.dest.is_none_or(|dest| dest == "document");
        match self.site {
            _ if !is_page => Navigation::None,
            None | Some("none" | "same-origin") => Navigation::Direct,
            Some(_) => Navigation::OtherOrigin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_user_a_program_and_the_same_origin_open_a_page_directly() {
        for (site, mode, dest, expected) in [
            (None, None, None, Navigation::Direct),
            (
                Some("none"),
                Some("navigate"),
                Some("document"),
                Navigation::Direct,
            ),
            (
                Some("same-origin"),
                Some("navigate"),
                Some("document"),
                Navigation::Direct,
            ),
            (
                Some("cross-site"),
                Some("navigate"),
                Some("document"),
                Navigation::OtherOrigin,
            ),
            (
                Some("same-site"),
                Some("navigate"),
                Some("document"),
                Navigation::OtherOrigin,
            ),
            (
                Some("unknown"),
                Some("navigate"),
                Some("document"),
                Navigation::OtherOrigin,
            ),
            (
                Some("none"),
                Some("navigate"),
                Some("iframe"),
                Navigation::None,
            ),
            (
                Some("cross-site"),
                Some("no-cors"),
                Some("image"),
                Navigation::None,
            ),
            (
                Some("same-origin"),
                Some("cors"),
                Some("empty"),
                Navigation::None,
            ),
            (None, Some("websocket"), None, Navigation::None),
        ] {
            let metadata = FetchMetadata {
                site,
                mode,
                dest,
                purpose: None,
            };
            assert_eq!(metadata.navigation(), expected, "{metadata:?}");
            let ahead = FetchMetadata {
                purpose: Some("prefetch"),
                ..metadata
            };
            assert_eq!(ahead.navigation(), Navigation::None, "{ahead:?}");
        }
    }
}
