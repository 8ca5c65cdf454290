//! The ids in the operations' paths, and the place of an assignment.

use percent_encoding::utf8_percent_encode;

use super::values::ESCAPED;

/// Escapes an id as one segment of a path.
pub(super) fn segment(id: &str) -> String {
    utf8_percent_encode(id, ESCAPED).to_string()
}

/// The place of an assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AssignmentPath<'a> {
    /// The tenant; Entra assignments have none in the path.
    pub(super) tenant: Option<&'a str>,
    pub(super) object_id: &'a str,
}

impl AssignmentPath<'_> {
    /// Returns the path, with gaps for the ids.
    pub(super) fn path(self) -> &'static str {
        match self.tenant {
            None => "/access/entra/assignments/{id}",
            Some(_) => "/access/teamsExtension/tenants/{tenant}/assignments/{id}",
        }
    }

    /// Fills the gaps of the path.
    pub(super) fn fill(self, path: &str) -> String {
        let path = path.replace("{id}", &segment(self.object_id));
        path.replace("{tenant}", &segment(self.tenant.unwrap_or_default()))
    }
}
