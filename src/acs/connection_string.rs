//! A resource's connection string and access key, parsed strictly and never shown.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use zeroize::Zeroizing;

use super::endpoint::Endpoint;
use crate::error::{Error, Kind, Result};
use crate::input;
use crate::secret::AccessKey;

/// An endpoint and its access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionString {
    /// The resource.
    pub endpoint: Endpoint,
    /// Its access key.
    pub access_key: AccessKey,
}

impl ConnectionString {
    /// Reads `endpoint=https://…/;accesskey=…`: keys in any case and order, spaces around them
    /// and a trailing semicolon allowed, unknown keys left alone (as the .NET and Python SDKs do).
    /// Quotes, an assignment or JSON around it are removed, see [`input::connection_string`].
    ///
    /// # Errors
    /// [`Kind::Usage`]; nothing of the string is in the error.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            Error::new(
                Kind::Usage,
                format!("the connection string {what}"),
                "copy it from the portal, under Keys: endpoint=https://…/;accesskey=…",
            )
        };
        let text = input::connection_string(text);
        if text.is_empty() {
            return Err(wrong("is empty"));
        }
        let (mut endpoint, mut access_key) = (None, None);
        for part in text.split(';') {
            if part.trim().is_empty() {
                continue;
            }
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| wrong("has a part without `=`"))?;
            let slot = match key.trim().to_ascii_lowercase().as_str() {
                "endpoint" => &mut endpoint,
                "accesskey" => &mut access_key,
                _ => continue,
            };
            if slot.replace(value.trim()).is_some() {
                return Err(wrong("names a key twice"));
            }
        }
        let endpoint = endpoint.ok_or_else(|| wrong("has no endpoint"))?;
        let access_key = access_key.ok_or_else(|| wrong("has no accesskey"))?;
        Ok(ConnectionString {
            endpoint: Endpoint::parse(endpoint)?,
            access_key: check_access_key(access_key)?,
        })
    }
}

/// Takes an access key, which is Base64 as the portal shows it.
///
/// # Errors
/// [`Kind::Usage`] if it is not; nothing of it is in the error.
pub fn check_access_key(text: &str) -> Result<AccessKey> {
    // A terminal may have broken it into lines.
    let key: Zeroizing<String> = Zeroizing::new(input::bare(text).split_whitespace().collect());
    match STANDARD.decode(key.as_bytes()) {
        Ok(bytes) if !bytes.is_empty() => Ok(AccessKey::new(key.as_str())),
        _ => Err(Error::new(
            Kind::Usage,
            "the access key of the ACS resource is not Base64",
            "copy it whole from the portal, under Keys",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "c2VjcmV0LW1hcmtlcg==";

    #[test]
    fn connection_string_is_parsed_in_common_forms() {
        for text in [
            format!("endpoint=https://c.communication.azure.com/;accesskey={KEY}"),
            format!("endpoint=https://c.communication.azure.com;accesskey={KEY};"),
            format!("AccessKey={KEY};Endpoint=https://C.communication.azure.com//"),
            format!(" endpoint = https://c.communication.azure.com ; accesskey = {KEY} ;extra=1"),
            format!("endpoint=c.communication.azure.com;accesskey={KEY}"),
            format!("\u{feff}\"endpoint=https://c.communication.azure.com/;accesskey={KEY}\"\r\n"),
            format!(
                "endpoint=https://c.communication.azure.com/;\r\naccesskey={}\r\n{}",
                &KEY[..9],
                &KEY[9..]
            ),
        ] {
            let read = ConnectionString::parse(&text).expect(&text);
            assert_eq!(read.endpoint.as_str(), "https://c.communication.azure.com");
            assert_eq!(read.access_key.expose(), KEY);
        }
    }

    #[test]
    fn malformed_text_is_refused_and_not_shown() {
        for text in [
            String::new(),
            KEY.to_owned(),
            format!("accesskey={KEY}"),
            "endpoint=https://c.communication.azure.com/".to_owned(),
            format!("endpoint=https://c.communication.azure.com/x;accesskey={KEY}"),
            format!("endpoint=https://c.communication.azure.com/?q={KEY};accesskey={KEY}"),
            format!("endpoint=http://c.communication.azure.com;accesskey={KEY}"),
            format!("endpoint=ftp://localhost;accesskey={KEY}"),
            format!("endpoint=localhost:8485;accesskey={KEY}"),
            format!("endpoint=https://u:{KEY}@localhost;accesskey={KEY}"),
            format!("endpoint=https://a.b;accesskey={KEY};accesskey={KEY}"),
            format!("endpoint=https://a.b;endpoint=https://c.d;accesskey={KEY}"),
            "endpoint=https://a.b;accesskey=not base64!".to_owned(),
            "endpoint=https://a.b;accesskey=".to_owned(),
        ] {
            let error = ConnectionString::parse(&text).expect_err(&text);
            assert_eq!(error.kind(), Kind::Usage, "{text}");
            assert!(!format!("{error:?}").contains(KEY), "{text}");
        }
    }
}
