//! Checks a device code and its page before they are shown (RFC 8628, section 3.3).

use url::Url;

use crate::loopback;
use crate::secret::DeviceCode;
use crate::wire::entra::DeviceAuthorization;

const LONGEST_CODE: usize = 64;
const LONGEST_PAGE: usize = 256;

/// A device code and its page, which are safe to show.
pub(super) struct DevicePrompt {
    pub(super) device_code: DeviceCode,
    pub(super) user_code: String,
    /// The parsed address, so that the shown address is the checked one.
    pub(super) page: Url,
    pub(super) expires_in: u64,
    pub(super) interval: u64,
}

impl DevicePrompt {
    /// Checks the code and its page, which may be on any host. The error names the fault.
    pub(super) fn check(code: DeviceAuthorization) -> Result<Self, &'static str> {
        let is_code = !code.user_code.is_empty()
            && code.user_code.len() <= LONGEST_CODE
            && code.user_code.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_code {
            return Err("a device code that cannot be entered");
        }
        Ok(DevicePrompt {
            device_code: code.device_code,
            user_code: code.user_code,
            page: page(&code.verification_uri)?,
            expires_in: code.expires_in,
            interval: code.interval,
        })
    }

    /// Returns the host of the page, with its port if that is not the default one.
    pub(super) fn host(&self) -> String {
        let host = self.page.host_str().unwrap_or_default();
        match self.page.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

/// Parses the page of a device code. Rejects user info before an `@`, because it looks like the
/// host.
fn page(text: &str) -> Result<Url, &'static str> {
    let unsafe_page = "a device code with a page that is not safe to open";
    if text.len() > LONGEST_PAGE || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(unsafe_page);
    }
    let url = Url::parse(text).map_err(|_| unsafe_page)?;
    let is_safe = match url.scheme() {
        "https" => true,
        "http" => url.host_str().is_some_and(loopback::is_loopback_host),
        _ => false,
    };
    // The parser drops an empty user name, so the text is checked too.
    let after_scheme = text.split_once(':').map_or(text, |(_, rest)| rest);
    let after_slashes = after_scheme.trim_start_matches(['/', '\\']);
    let authority = after_slashes.split(['/', '\\', '?', '#']).next();
    let has_user = !url.username().is_empty() || url.password().is_some();
    match (
        is_safe,
        has_user || authority.unwrap_or_default().contains('@'),
    ) {
        (true, false) => Ok(url),
        (true, true) => Err("a device code with user info in the address of its page"),
        (false, _) => Err(unsafe_page),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(user_code: &str, page: &str) -> Result<DevicePrompt, &'static str> {
        let json = serde_json::json!({
            "device_code": "d", "user_code": user_code, "verification_uri": page,
        });
        DevicePrompt::check(serde_json::from_value(json).expect("the shape"))
    }

    #[test]
    fn only_a_page_that_is_safe_to_open_is_shown() {
        for page in ["https://microsoft.com/devicelogin", "http://localhost:1/x"] {
            assert!(checked("ABC-123", page).is_ok(), "{page}");
        }
        for (user_code, page) in [
            ("A\u{1b}[2J", "https://microsoft.com/devicelogin"),
            ("ABC", "http://microsoft.com/devicelogin"),
            ("ABC", "javascript:alert(1)"),
            ("ABC", "file:///etc/passwd"),
            ("ABC", "ms-settings:network"),
            ("ABC", "data:text/html,x"),
            ("ABC", "https://microsoft.com/\n"),
        ] {
            assert!(checked(user_code, page).is_err(), "{page:?}");
        }
        let defaults = checked("A", "https://a.test").expect("a code");
        assert_eq!((defaults.expires_in, defaults.interval), (900, 5));
    }

    #[test]
    fn a_page_with_user_info_in_its_address_is_refused() {
        for page in [
            "https://microsoft.com@evil.test/devicelogin",
            "https://microsoft.com:443@evil.test/devicelogin",
            "https://microsoft.com%2fdevicelogin@evil.test",
            "https://@evil.test/",
            "https://:@evil.test/",
            "https:\\\\microsoft.com@evil.test\\",
            "https:microsoft.com@evil.test",
            "http://localhost@127.0.0.1:9/",
        ] {
            let what = checked("ABC", page).err().expect(page);
            assert!(what.contains("user info"), "{page}: {what}");
        }
        let later = "https://login.test/x?mail=a@b.test#c@d";
        assert!(checked("ABC", later).is_ok());
    }

    #[test]
    fn the_host_that_is_named_is_the_one_that_a_browser_opens() {
        for (page, host) in [
            ("https://microsoft.com/devicelogin", "microsoft.com"),
            ("https:\\\\evil.test\\microsoft.com", "evil.test"),
            (
                "https://MICROSOFT.com.evil.test/microsoft.com",
                "microsoft.com.evil.test",
            ),
            ("http://localhost:8080/x", "localhost:8080"),
            ("https://[::1]:1/", "[::1]:1"),
        ] {
            let code = checked("ABC", page).expect(page);
            assert_eq!(code.host(), host);
            assert!(
                code.page.as_str().contains(&format!("://{host}/")),
                "{}",
                code.page
            );
        }
    }
}
