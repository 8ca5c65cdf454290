//! The emulator's pages, which state that they are not Microsoft's.
//!
//! A page is self-contained HTML. Its headers allow only its style, its icon and, on some pages, one
//! known script. No page sets a cookie.

#![expect(
    unused_qualifications,
    reason = "askama's derive for enums qualifies names"
)]

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;

use crate::emulator::front::Front;
use crate::emulator::http::{Reply, Request};
use crate::emulator::scopes::Scopes;
use crate::emulator::state::sign_ins::SignIn;
use crate::emulator::world::World;
use crate::emulator::world::application::Application;
use crate::emulator::world::tenant::TenantPath;
use crate::emulator::world::user::User;

const STYLE: &str = include_str!("../../assets/emulator/style.css");
/// Submits the form of a response to the client; without scripts the user clicks its button.
const SUBMIT: &str = "document.forms[0].submit()";
/// Copies the values of the front page; without scripts its buttons are hidden.
const COPY: &str = include_str!("../../assets/emulator/copy.js");

/// Shows the journal and updates it.
const JOURNAL: &str = include_str!("../../assets/emulator/journal.js");

/// The button of a user on the sign-in page; its value is the user's name.
pub(crate) const USER_FIELD: &str = "emulator_user";
/// The button that cancels a sign-in.
pub(crate) const CANCEL_FIELD: &str = "emulator_cancel";
/// The button that confirms the app of a device code.
pub(crate) const CONFIRM_FIELD: &str = "emulator_confirm";
/// The field of the sign-in's id in the journal.
pub(crate) const FLOW_FIELD: &str = "emulator_flow";
/// The field of the second factor's code.
pub(crate) const CODE_FIELD: &str = "emulator_code";
/// The only valid code, which the page shows.
pub(crate) const RIGHT_CODE: &str = "123456";

/// Hidden fields of a form: name and value.
pub(crate) type Fields = Vec<(String, String)>;

/// A page. Most of them are forms, which send their hidden fields back.
#[derive(Template)]
pub(crate) enum Page<'a> {
    /// `/`: the emulator's addresses, its users, and the settings of clients.
    #[template(path = "emulator/front.html")]
    Front { front: &'a Front, world: &'a World },
    /// `/_emulator/`: the requests, read from the control API.
    #[template(path = "emulator/journal.html")]
    Journal,
    /// Choose a user of `tenant` for an application. `unknown` is a hint that names no user.
    #[template(path = "emulator/sign_in.html")]
    SignIn {
        world: &'a World,
        application: &'a Application,
        unknown: Option<&'a str>,
        tenant: &'a TenantPath,
        fields: Fields,
    },
    /// A response to the client as a form that submits itself.
    #[template(path = "emulator/form_post.html")]
    FormPost {
        action: &'a str,
        fields: &'a [(&'static str, String)],
    },
    /// Enter a device's code. `problem` describes the error of the last one.
    #[template(path = "emulator/device_code.html")]
    EnterCode { problem: Option<&'a str> },
    /// Confirm the app of a device's code (RFC 8628, section 5.4).
    #[template(path = "emulator/confirm_app.html")]
    ConfirmApp {
        application: &'a Application,
        user: &'a User,
        fields: Fields,
    },
    /// Consent to the app's scopes.
    #[template(path = "emulator/consent.html")]
    Consent { sign_in: &'a SignIn, fields: Fields },
    /// Only an admin may consent to the app's scopes.
    #[template(path = "emulator/admin_consent.html")]
    AdminConsent {
        request: &'a Request,
        sign_in: &'a SignIn,
        fields: Fields,
    },
    /// Enter the code of the second factor. `wrong` states that the last one was not accepted.
    #[template(path = "emulator/second_factor.html")]
    SecondFactor {
        user: &'a User,
        wrong: bool,
        fields: Fields,
    },
    /// A title and a text, without a form.
    #[template(path = "emulator/notice.html")]
    Notice {
        title: &'a str,
        text: &'a str,
        details: &'a [(&'static str, &'a str)],
    },
}

impl Page<'_> {
    /// Renders the page.
    pub(crate) fn reply(&self, status: u16) -> Reply {
        let script = match self {
            Page::FormPost { .. } => format!("script-src {}; ", hash(SUBMIT)),
            Page::Front { .. } => format!("script-src {}; ", hash(COPY)),
            Page::Journal => format!("script-src {}; connect-src 'self'; ", hash(JOURNAL)),
            _ => String::new(),
        };
        // form-action has to allow the client's redirect URI: browsers apply it to each redirect
        // after a form as well, and with 'self' alone they would stop the sign-in.
        let client = self.redirect_uri().and_then(source).unwrap_or_default();
        let policy = format!(
            "default-src 'none'; style-src {}; {script}img-src data:; base-uri 'none'; \
             frame-ancestors 'none'; form-action 'self' http://localhost:* http://127.0.0.1:*{client}",
            hash(STYLE)
        );
        // Rendering into a string cannot fail; an empty page would fail every test.
        Reply::new(status, self.render().unwrap_or_default())
            .with("content-type", "text/html; charset=utf-8")
            .with("content-security-policy", &policy)
            .with("x-frame-options", "DENY")
            .not_stored()
            .with("referrer-policy", "no-referrer")
    }

    /// Returns the client's redirect URI, to which the page leads.
    fn redirect_uri(&self) -> Option<&str> {
        let fields = match self {
            Page::FormPost { action, .. } => return Some(action),
            Page::SignIn { fields, .. }
            | Page::ConfirmApp { fields, .. }
            | Page::Consent { fields, .. }
            | Page::AdminConsent { fields, .. }
            | Page::SecondFactor { fields, .. } => fields,
            Page::Front { .. } | Page::Journal | Page::EnterCode { .. } | Page::Notice { .. } => {
                return None;
            }
        };
        let uri = fields.iter().find(|(name, _)| name == "redirect_uri");
        uri.map(|(_, uri)| uri.as_str())
    }
}

/// Returns a redirect URI as a source of a content security policy, after a space: its origin, or the
/// scheme of an app.
fn source(uri: &str) -> Option<String> {
    let uri = url::Url::parse(uri).ok()?;
    Some(match uri.scheme() {
        "http" | "https" => format!(" {}", uri.origin().ascii_serialization()),
        scheme => format!(" {scheme}:"),
    })
}

/// Renders a title and a text.
pub(crate) fn notice(title: &str, text: &str) -> Reply {
    let details = &[];
    let page = Page::Notice {
        title,
        text,
        details,
    };
    page.reply(200)
}

/// Returns each scope as its resource with a slash, and its short name: a line may break there.
fn split(scopes: &Scopes) -> Vec<(String, String)> {
    let split = |scope: &str| {
        let (resource, name) = scope.split_at(scope.rfind('/').map_or(0, |slash| slash + 1));
        (resource.to_owned(), name.to_owned())
    };
    scopes.to_text().split(' ').map(split).collect()
}

fn hash(inline: &str) -> String {
    let digest = digest::digest(&digest::SHA256, inline.as_bytes());
    format!("'sha256-{}'", STANDARD.encode(digest))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Enter in a text field clicks the form's first submit button (HTML, "implicit submission").
    #[test]
    fn enter_in_a_form_continues_and_does_not_cancel() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/emulator");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).expect("the pages' folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|extension| extension != "html") {
                continue;
            }
            let page = std::fs::read_to_string(&path).expect("a page");
            let Some((_, form)) = page.split_once("<form") else {
                continue;
            };
            seen += 1;
            let (_, button) = form.split_once("<button").expect("a form has a button");
            let (button, _) = button.split_once('>').expect("a whole tag");
            let continues = button.contains("\"main\"") || button.contains("\"emulator_user\"");
            assert!(continues, "{}: <button{button}>", path.display());
        }
        assert_eq!(seen, 7, "every page with a form was checked");
    }
}
