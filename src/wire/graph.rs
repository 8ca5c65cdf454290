//! Microsoft Graph's JSON (v1.0).

use serde::Deserialize;

use super::Members;

/// A user, with the selected properties.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Members")]
pub(crate) struct UserEntry {
    /// The object id.
    pub(crate) id: String,
    /// The user principal name.
    pub(crate) user_principal_name: String,
}

impl TryFrom<Members> for UserEntry {
    type Error = &'static str;

    fn try_from(mut members: Members) -> Result<Self, Self::Error> {
        Ok(UserEntry {
            id: members.text("id").ok_or("no id")?,
            user_principal_name: members
                .text("userPrincipalName")
                .ok_or("no userPrincipalName")?,
        })
    }
}

/// A page of users. A user that cannot be read makes the page unreadable: a candidate must not be
/// missing.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Members")]
pub(crate) struct UserPage {
    /// The users.
    pub(crate) value: Vec<UserEntry>,
}

impl TryFrom<Members> for UserPage {
    type Error = &'static str;

    fn try_from(mut members: Members) -> Result<Self, Self::Error> {
        let users = members.objects("value").ok_or("no value")?.into_iter();
        Ok(UserPage {
            value: users.map(UserEntry::try_from).collect::<Result<_, _>>()?,
        })
    }
}

/// An error.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Members")]
pub(crate) struct GraphError {
    /// The code, such as `Authorization_RequestDenied`.
    pub(crate) code: String,
    /// The message.
    pub(crate) message: String,
}

impl TryFrom<Members> for GraphError {
    type Error = &'static str;

    fn try_from(mut body: Members) -> Result<Self, Self::Error> {
        let mut error = body.object("error").ok_or("no error")?;
        Ok(GraphError {
            code: error.text("code").unwrap_or_default(),
            message: error.text("message").unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_whole_or_not_at_all() {
        let good =
            r#"{"@odata.context":"x","value":[{"id":"1","userPrincipalName":"a","x":null}]}"#;
        let page: UserPage = crate::wire::read(good.as_bytes()).expect("a page");
        assert_eq!(page.value[0].user_principal_name, "a");
        for bad in [r#"{"value":[{"id":"1"}]}"#, r#"{"value":{}}"#, "[]"] {
            assert!(
                crate::wire::read::<UserPage>(bad.as_bytes()).is_none(),
                "{bad}"
            );
        }
    }
}
