//! Identity ids in paths, with their colons percent-encoded or not.

use percent_encoding::percent_decode_str;

use super::error::AcsError;
use crate::emulator::directory::RESOURCE_ID;
use crate::emulator::verify::is_guid;

/// The owner of an identity.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// This resource, with the identity's name.
    Us(String),
    /// Another resource, or none because it is another kind of user.
    Another,
}

/// Returns the owner of the identity in a path below `/identities/`. The id is decoded exactly once
/// (RFC 3986, section 2.4).
pub(crate) fn in_path(path: &str) -> Result<Owner, AcsError> {
    let rest = path.strip_prefix("/identities/").unwrap_or_default();
    let segment = rest.split('/').next().unwrap_or_default();
    decode(segment)
        .as_deref()
        .and_then(owner_of)
        .ok_or_else(|| AcsError::invalid("id", "The identity is not valid."))
}

/// The prefixes of other kinds of users, which never belong to a resource.
const OTHER_KINDS: [&str; 7] = [
    "8:gcch-acs:",
    "8:dod-acs:",
    "8:spool:",
    "8:orgid:",
    "8:gcch:",
    "8:dod:",
    "8:teamsvisitor:",
];

fn owner_of(id: &str) -> Option<Owner> {
    let mut prefixes = OTHER_KINDS.iter();
    if prefixes.any(|prefix| id.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty())) {
        return Some(Owner::Another);
    }
    let (resource, name) = id.strip_prefix("8:acs:")?.split_once('_')?;
    let mut ids = name.strip_prefix("wf_").unwrap_or(name).split('_');
    if !is_guid(resource) || !ids.all(is_guid) {
        return None;
    }
    Some(match resource == RESOURCE_ID {
        true => Owner::Us(name.to_owned()),
        false => Owner::Another,
    })
}

/// Decodes a segment; `None` if it is not UTF-8 or contains a `%` without two digits.
fn decode(segment: &str) -> Option<String> {
    let mut escapes = segment.split('%').skip(1).map(str::as_bytes);
    let is_escape =
        |rest: &[u8]| matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    if !escapes.all(is_escape) {
        return None;
    }
    let decoded = percent_decode_str(segment).decode_utf8();
    decoded.ok().map(|text| text.into_owned())
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
    fn other_ids_belong_to_another_owner() {
        for id in [
            "8:orgid:a%25b".to_owned(),
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
