//! The return to the state at the start.

use axum::http::Method;

use super::route::{Body, Route, done};

pub(super) const RESET: Route = Route {
    method: Method::POST,
    path: "/reset",
    id: "reset",
    summary: "Return to the state at the start",
    description: "Restores the data of the seed, and removes identities, consents, codes, faults and the journal. The clock is the machine's, and the first key signs. Refresh tokens so far are revoked.",
    parameters: &[],
    body: Body::None,
    success: ("The emulator is as at its start", None),
    refusals: &[],
    handler: |call| {
        call.context().reset();
        done()
    },
};
