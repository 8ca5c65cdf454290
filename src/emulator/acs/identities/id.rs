//! Identity ids as paths carry them.
//!
//! In comes a path with an id in it, colons percent-encoded or not, out comes whose identity it is.
//! It is decoded exactly once (RFC 3986, section 2.4); whether the identity exists is not asked.

use super::super::super::directory::RESOURCE_ID;
use super::super::super::verify::is_guid;
use super::super::Refusal;

/// Whose identity an id names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// This resource's; what follows the resource in the id.
    Us(String),
    /// Another resource's, or a user of another kind.
    Another,
}

/// The id in a path below `/identities/`.
pub(super) fn in_path(path: &str) -> Result<Owner, Refusal> {
    let segment = path
        .strip_prefix("/identities/")
        .and_then(|rest| rest.split('/').next())
        .unwrap_or_default();
    decode(segment)
        .as_deref()
        .and_then(owner_of)
        .ok_or_else(|| Refusal::invalid("id", "The identity is not valid."))
}

/// Other kinds of users have ids as well, but never belong to a resource.
const STRANGERS: [&str; 7] = [
    "8:gcch-acs:",
    "8:dod-acs:",
    "8:spool:",
    "8:orgid:",
    "8:gcch:",
    "8:dod:",
    "8:teamsvisitor:",
];

fn owner_of(id: &str) -> Option<Owner> {
    if STRANGERS
        .iter()
        .any(|start| id.strip_prefix(start).is_some_and(|rest| !rest.is_empty()))
    {
        return Some(Owner::Another);
    }
    let (resource, name) = id.strip_prefix("8:acs:")?.split_once('_')?;
    let name_is_formed = name
        .strip_prefix("wf_")
        .unwrap_or(name)
        .split('_')
        .all(is_guid);
    if !is_guid(resource) || !name_is_formed {
        return None;
    }
    Some(match resource == RESOURCE_ID {
        true => Owner::Us(name.to_owned()),
        false => Owner::Another,
    })
}

fn decode(segment: &str) -> Option<String> {
    let mut bytes = segment.bytes();
    let mut decoded = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let value = digit()? * 16 + digit()?;
        decoded.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "00000007-0464-274b-b274-5a3a0d000101";

    #[test]
    fn an_id_is_decoded_exactly_once() {
        for colon in [":", "%3A", "%3a"] {
            let path = format!("/identities/8{colon}acs{colon}{RESOURCE_ID}_{NAME}/:x");
            let owner = in_path(&path).expect("well formed");
            assert_eq!(owner, Owner::Us(NAME.to_owned()), "{colon}");
        }
        for segment in [
            format!("8%253Aacs%253A{RESOURCE_ID}_{NAME}"),
            format!("8:acs:{RESOURCE_ID}"),
            format!("8:acs:{RESOURCE_ID}_"),
            format!("8:acs:{RESOURCE_ID}_x"),
            format!("acs:{RESOURCE_ID}_{NAME}"),
            "8:acs:x_y".to_owned(),
            "8:orgid:".to_owned(),
            "%".to_owned(),
            "%3".to_owned(),
            "%zz".to_owned(),
            "%ff".to_owned(),
            String::new(),
        ] {
            assert!(
                in_path(&format!("/identities/{segment}")).is_err(),
                "{segment}"
            );
        }
    }

    #[test]
    fn what_is_not_ours_is_anothers() {
        for id in [
            format!("8:acs:{NAME}_{NAME}"),
            format!("8:orgid:{NAME}"),
            format!("8:gcch-acs:{RESOURCE_ID}_{NAME}"),
        ] {
            assert_eq!(owner_of(&id), Some(Owner::Another), "{id}");
        }
        let exchanged = format!("8:acs:{RESOURCE_ID}_wf_{NAME}_{NAME}");
        assert_eq!(
            owner_of(&exchanged),
            Some(Owner::Us(format!("wf_{NAME}_{NAME}")))
        );
    }
}
