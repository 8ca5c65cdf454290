//! The entry point of a fuzz target: see `crate::fuzzing`.

use zeroize::Zeroizing;

use super::authorization_response::{self, Callback, ResponseMode};
use super::request::{Head, is_http1, parse};

const STATE: &str = "the-state";

/// Reads a request from these bytes, and the authorization response in it.
pub fn redirect_request(bytes: &[u8]) {
    let mut head = Head::default();
    if !is_http1(bytes).unwrap_or_default() {
        return;
    }
    let Ok(Some(end)) = head.take(bytes) else {
        return;
    };
    let Ok((mut request, length)) = parse(&head.kept) else {
        return;
    };
    let body = &bytes[end..];
    request.body = Zeroizing::new(body[..body.len().min(length)].to_vec());
    for mode in [ResponseMode::Query, ResponseMode::FormPost] {
        let read = authorization_response::read(&request, "/redirect", STATE, mode);
        if let Ok(response) = read {
            let target = request.target.as_bytes();
            let is_ours = |text: &[u8]| text.windows(5).any(|part| part == b"state");
            assert!(is_ours(target) || is_ours(&request.body), "no state");
            if let Callback::Code { code, .. } = response.outcome {
                assert!(!code.expose().is_empty(), "an empty code");
            }
        }
    }
}
