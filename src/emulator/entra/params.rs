//! The parameters of an OAuth request.
//!
//! In comes a query or a form body, out go its values by name. A name that comes twice makes the
//! whole request malformed (RFC 6749, section 3.1); what a value means is not looked at.

use std::collections::BTreeMap;

use super::Refusal;

/// Parameters by name.
#[derive(Debug, Default)]
pub(super) struct Params(BTreeMap<String, String>);

impl Params {
    pub(super) fn parse(encoded: &[u8]) -> Result<Params, Refusal> {
        let mut params = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(encoded) {
            if params.contains_key(&*name) {
                return Err(Refusal::new(
                    "invalid_request",
                    9_000_411,
                    format!(
                        "The request is not properly formatted. The parameter '{name}' is \
                         duplicated."
                    ),
                ));
            }
            params.insert(name.into_owned(), value.into_owned());
        }
        Ok(Params(params))
    }

    /// A value; one that is empty counts as absent (RFC 6749, section 3.1).
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A value without which the request cannot be understood.
    pub(super) fn need(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| {
            Refusal::new(
                "invalid_request",
                900_144,
                format!("The request body must contain the following parameter: '{name}'."),
            )
        })
    }

    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    pub(super) fn into_pairs(self) -> Vec<(String, String)> {
        self.0.into_iter().collect()
    }
}
