//! The `claims` parameter: the client's capabilities and the challenge that it answers.
//!
//! All other claims are accepted and ignored.

use serde_json::Value;

use super::aadsts;
use super::error::EntraError;
use super::params::Params;
use crate::emulator::state::codes::Requested;

/// The policy that the emulator's challenges name.
const POLICY: &str = "ac5ba55e-ca90-4000-8000-000000000001";
/// The challenge of the token endpoint: JSON, which the error contains as a string.
pub(crate) const CHALLENGE: &str = r#"{"access_token":{"capolids":{"essential":true,"values":["ac5ba55e-ca90-4000-8000-000000000001"]}}}"#;

/// Reads the parameter, if it is present.
pub(crate) fn requested(params: &Params) -> Result<Requested, EntraError> {
    let Some(text) = params.get("claims") else {
        return Ok(Requested::default());
    };
    let claims: Value = serde_json::from_str(text)
        .ok()
        .filter(Value::is_object)
        .ok_or(aadsts::INVALID_CLAIMS)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_and_a_merged_challenge_are_recognised() {
        let read = |text: &str| {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("claims", text)
                .finish();
            requested(&Params::parse(query.as_bytes()).expect("parameters"))
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
