//! The `claims` parameter: what a client says it can do, and which challenge it answers.
//!
//! In comes its text, out comes what the emulator's tokens and obstacles depend on. Everything
//! else in it is accepted and means nothing here.

use serde_json::Value;

use super::Refusal;
use super::params::Params;

/// The policy that the emulator's challenges name.
const POLICY: &str = "ac5ba55e-ca90-4000-8000-000000000001";
/// The challenge of the token endpoint: JSON, which the error carries in a string.
pub(super) const CHALLENGE: &str = r#"{"access_token":{"capolids":{"essential":true,"values":["ac5ba55e-ca90-4000-8000-000000000001"]}}}"#;

/// What a request asks for by claims.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Requested {
    /// What the client can do (`xms_cc`), for instance `cp1`.
    pub(super) capabilities: Vec<String>,
    /// Whether it answers [`CHALLENGE`].
    pub(super) answers_challenge: bool,
}

impl Requested {
    /// What the sign-in asked for holds for the token, beside what its own request asks for.
    pub(super) fn merged_with(&self, own: Requested) -> Requested {
        match own.capabilities.is_empty() {
            true => self.clone(),
            false => own,
        }
    }

    /// Reads the parameter; nothing is requested where it is absent.
    pub(super) fn read(params: &Params) -> Result<Requested, Refusal> {
        let Some(text) = params.get("claims") else {
            return Ok(Requested::default());
        };
        let claims: Value = serde_json::from_str(text)
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| {
                Refusal::new(
                    "invalid_request",
                    9_002_313,
                    "Invalid request. The 'claims' are not a JSON object.",
                )
            })?;
        let values = |name: &str| -> Vec<String> {
            let list = claims["access_token"][name]["values"].as_array();
            let words = list.into_iter().flatten().filter_map(Value::as_str);
            words.map(str::to_owned).collect()
        };
        Ok(Requested {
            capabilities: values("xms_cc"),
            answers_challenge: values("capolids").iter().any(|id| id == POLICY),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_answered_by_itself_and_by_what_it_is_merged_into() {
        let read = |text: &str| {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("claims", text)
                .finish();
            Requested::read(&Params::parse(query.as_bytes()).expect("parameters"))
        };
        assert!(read(CHALLENGE).expect("claims").answers_challenge);
        let merged = CHALLENGE.replacen(
            r#"{"capolids""#,
            r#"{"xms_cc":{"values":["cp1"]},"capolids""#,
            1,
        );
        let merged = read(&merged).expect("claims");
        assert!(merged.answers_challenge);
        assert_eq!(merged.capabilities, ["cp1"]);
        assert_eq!(read("{}"), Ok(Requested::default()));
        for bad in ["[]", "{", "7"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
