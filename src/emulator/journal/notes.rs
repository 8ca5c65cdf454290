//! The part of an entry that only a handler knows.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::decoded::Kept;
use super::text::clean;
use crate::emulator::verify::is_guid;
use crate::emulator::verify::mistakes::Diagnosis;

const UUID_BYTES: usize = 16;

/// The id that joins the requests of one sign-in. Access tokens carry it in their unique id, so that
/// an exchange finds it in the token's own claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flow(Uuid);

impl Flow {
    pub(crate) fn new() -> Flow {
        Flow(Uuid::new_v4())
    }

    /// Reads a flow's text; `None` if it is another text.
    pub(crate) fn parse(text: &str) -> Option<Flow> {
        let flow = Uuid::try_parse(text).ok()?;
        is_guid(text).then_some(Flow(flow))
    }

    /// Returns a new unique id for a token of this flow.
    pub(crate) fn token_id(self) -> String {
        let bytes = [self.0.into_bytes(), Uuid::new_v4().into_bytes()].concat();
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Returns the flow of a token's unique id, if it has one.
    pub(crate) fn of_token(id: &str) -> Option<Flow> {
        let bytes = URL_SAFE_NO_PAD.decode(id).ok()?;
        let is_own = bytes.len() == 2 * UUID_BYTES;
        let flow = Uuid::from_slice(bytes.get(..UUID_BYTES)?).ok()?;
        (is_own && flow.get_version_num() == 4).then_some(Flow(flow))
    }
}

impl std::fmt::Display for Flow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The notes of a request's handler.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) flow: Option<Flow>,
    pub(crate) grant: Option<&'static str>,
    pub(crate) client: Option<String>,
    pub(crate) user: Option<String>,
    /// The audience of the token, or the resource.
    pub(crate) resource: Option<String>,
    pub(crate) scopes: Option<String>,
    /// Each proof of the caller that was accepted.
    pub(crate) authenticated: Option<Cow<'static, str>>,
    pub(crate) received: Vec<Kept>,
    pub(crate) issued: Vec<Kept>,
    /// The explanation of a wrong signature.
    pub(crate) diagnosis: Option<Box<Diagnosis>>,
    /// The client has to repeat the request later, as a poll for a device code that no user has
    /// approved yet.
    pub(crate) is_pending: bool,
}

impl Notes {
    /// Notes the client. An id that is not a GUID is not shown, because it may be a secret in the
    /// wrong parameter.
    pub(crate) fn client(&mut self, id: &str) {
        self.client = Some(match is_guid(id) {
            true => id.to_owned(),
            false => "not a GUID".to_owned(),
        });
    }

    pub(crate) fn user(&mut self, name: &str) {
        self.user = Some(clean(name));
    }

    /// Adds a proof of the caller that was accepted.
    pub(crate) fn authenticated(&mut self, by: impl Into<Cow<'static, str>>) {
        let by = by.into();
        self.authenticated = Some(match self.authenticated.take() {
            Some(before) => format!("{before}, {by}").into(),
            None => by,
        });
    }

    /// Keeps the readable parts of a token that was received.
    pub(crate) fn received(&mut self, kind: &'static str, token: &str) {
        self.received.push(Kept::jwt(kind, token));
    }

    /// Keeps the readable parts of a token that was issued.
    pub(crate) fn issued(&mut self, kind: &'static str, token: &str) {
        self.issued.push(Kept::jwt(kind, token));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_id_names_its_flow() {
        let flow = Flow::new();
        let id = flow.token_id();
        assert_eq!(Flow::of_token(&id), Some(flow));
        assert_ne!(flow.token_id(), id);
        for other in ["", "AAAA", &"A".repeat(43), &id[1..]] {
            assert_eq!(Flow::of_token(other), None, "{other}");
        }
    }
}
