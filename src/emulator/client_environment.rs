//! The environment variables that lead clients to an emulator: the one list for `emulator env`,
//! `--env-file`, `emulator exec` and the front page.

use std::path::Path;

use serde_json::Value;

/// The variables by which programs find the emulator's certificate authority: Node, Python's requests,
/// OpenSSL, and curl, which ignores `SSL_CERT_FILE` if `SSL_CERT_DIR` is set too.
const TRUST: [&str; 4] = [
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
];

/// The addresses and ids of an emulator.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    pub(crate) http_url: String,
    /// The https URL if there is one.
    pub(crate) authority_url: String,
    pub(crate) tenant_id: String,
    pub(crate) client_id: String,
    /// With the https URL if there is one.
    pub(crate) connection_string: String,
}

impl Addresses {
    /// Reads a response of `GET info`.
    pub(crate) fn of_info(info: &Value) -> Option<Addresses> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let http_url = text(&info["httpUrl"])?;
        let resource = &info["resources"][0];
        let connection_string = text(&resource["connectionString"]);
        Some(Addresses {
            authority_url: text(&info["httpsUrl"]).unwrap_or_else(|| http_url.clone()),
            http_url,
            tenant_id: text(&info["tenants"][0]["id"])?,
            client_id: text(&info["applications"][0]["clientId"])?,
            connection_string: connection_string
                .or_else(|| text(&resource["httpConnectionString"]))?,
        })
    }
}

/// Environment variables that lead acspass and other clients to an emulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientEnvironment {
    variables: Vec<(&'static str, String)>,
}

impl ClientEnvironment {
    /// Lists the variables. `bundle` has the system's certificates and the emulator's.
    pub(crate) fn new(emulator: Addresses, bundle: Option<&Path>) -> ClientEnvironment {
        let mut variables = vec![
            ("ACSPASS_EMULATOR_URL", emulator.http_url),
            ("AZURE_AUTHORITY_HOST", emulator.authority_url),
            ("ACSPASS_TENANT_ID", emulator.tenant_id),
            ("ACSPASS_CLIENT_ID", emulator.client_id),
            (
                "COMMUNICATION_SERVICES_CONNECTION_STRING",
                emulator.connection_string,
            ),
        ];
        if let Some(bundle) = bundle {
            let path = bundle.display().to_string();
            variables.extend(TRUST.map(|name| (name, path.clone())));
        }
        ClientEnvironment { variables }
    }

    /// Returns names and values.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = self.variables.iter();
        all.map(|(name, value)| (*name, value.as_str()))
    }

    /// Adds a variable.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.variables.push((name, value.to_owned()));
    }

    /// Removes a variable.
    pub(crate) fn remove(&mut self, name: &str) {
        self.variables.retain(|(other, _)| *other != name);
    }

    /// Returns lines for a shell, which export the variables.
    pub fn shell(&self) -> String {
        let lines = self.variables().map(|(name, value)| {
            let value = shell_words::quote(value);
            format!("export {name}={value}\n")
        });
        lines.collect()
    }

    /// Returns lines for a `.env` file. Only values that need quotes have them, because some readers
    /// keep the quotes (`docker run --env-file`).
    pub fn dotenv(&self) -> String {
        let is_plain = |value: &str| {
            let is_special = |c: char| c.is_whitespace() || "\"'`#$\\".contains(c);
            !value.contains(is_special)
        };
        let lines = self.variables().map(|(name, value)| match is_plain(value) {
            true => format!("{name}={value}\n"),
            false => format!("{name}={}\n", quoted(value)),
        });
        lines.collect()
    }
}

/// Returns the value in quotes in which readers change nothing, if it has none of these quotes.
fn quoted(value: &str) -> String {
    match value.contains('\'') {
        false => format!("'{value}'"),
        true => format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(bundle: &str) -> ClientEnvironment {
        let emulator = Addresses {
            http_url: "http://localhost:1".to_owned(),
            authority_url: "https://localhost:2".to_owned(),
            tenant_id: "t".to_owned(),
            client_id: "c".to_owned(),
            connection_string: "endpoint=https://localhost:2/;accesskey=a+b/c==".to_owned(),
        };
        ClientEnvironment::new(emulator, Some(Path::new(bundle)))
    }

    #[test]
    fn each_value_is_one_word_of_a_shell() {
        let text = environment("/it's/ca.pem").shell();
        let words = shell_words::split(&text).expect("lines of a shell");
        assert!(
            words.contains(&"SSL_CERT_FILE=/it's/ca.pem".to_owned()),
            "{text}"
        );
        let connection = "COMMUNICATION_SERVICES_CONNECTION_STRING=endpoint=https://localhost:2/;";
        assert!(
            words.iter().any(|word| word.starts_with(connection)),
            "{text}"
        );
        assert_eq!(words.iter().filter(|word| *word == "export").count(), 9);
    }

    #[test]
    fn only_a_value_with_special_characters_is_quoted_in_a_file() {
        let text = environment("/a folder/ca.pem").dotenv();
        let line = "COMMUNICATION_SERVICES_CONNECTION_STRING=endpoint=https://localhost:2/;accesskey=a+b/c==";
        assert!(text.lines().any(|found| found == line), "{text}");
        assert!(
            text.ends_with("CURL_CA_BUNDLE='/a folder/ca.pem'\n"),
            "{text}"
        );
        let text = environment("/it's/ca.pem").dotenv();
        assert!(
            text.ends_with("CURL_CA_BUNDLE=\"/it's/ca.pem\"\n"),
            "{text}"
        );
    }
}
