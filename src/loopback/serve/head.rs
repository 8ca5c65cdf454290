//! The limit of a request's head, and the one of its cookies.
//!
//! A browser sends the cookies of every program on this host with each request, because cookies do not
//! know ports. This program's listeners need at most one of them, so that the others do not count
//! towards the limit of the head. They are bounded all the same.

use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Most bytes of cookies; the same as those of the redirect listener.
const COOKIES: usize = 128 * 1024;
/// A head that is too large by less than this gets a response with the reason.
const MAX_EXCESS: usize = 16 * 1024;

/// Returns the size of hyper's buffer for heads of up to `head` bytes without cookies. A larger head
/// gets hyper's response, which has no body.
pub(super) fn buffer(head: usize) -> usize {
    head + COOKIES + MAX_EXCESS
}

/// Returns the response to a request with too large a head; otherwise `None`.
pub(super) fn refusal<B>(request: &Request<B>, most: usize) -> Option<Response> {
    let uri = request.uri();
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let mut head = request.method().as_str().len() + authority.len() + target.len();
    let mut cookies = 0;
    for (name, value) in request.headers() {
        match *name == header::COOKIE {
            true => cookies += value.len(),
            false => head += name.as_str().len() + value.len() + ": \r\n".len(),
        }
    }
    let (message, hint) = if cookies > COOKIES {
        (
            format!("the request has {cookies} bytes of cookies; the limit is {COOKIES} bytes"),
            "Delete the cookies of localhost and 127.0.0.1 in the browser.",
        )
    } else if head > most {
        (
            format!("the request's head has {head} bytes; the limit is {most} bytes"),
            "Send a shorter URL and shorter headers.",
        )
    } else {
        return None;
    };
    let error = json!({"kind": "usage", "code": "HeadTooLarge", "message": message, "hint": hint});
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONNECTION, "close"),
    ];
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    Some((status, headers, json!({"error": error}).to_string()).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(target: &str, name: &str, length: usize) -> Option<StatusCode> {
        let request = Request::get(target).header(name, "x".repeat(length));
        let request = request.body(()).expect("a request");
        refusal(&request, 1024).map(|response| response.status())
    }

    #[test]
    fn cookies_do_not_count_towards_the_head() {
        let too_large = Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        assert_eq!(status("/", "cookie", COOKIES), None);
        assert_eq!(status("/", "cookie", COOKIES + 1), too_large);
        assert_eq!(status("/", "x-a", 1000), None);
        assert_eq!(status("/", "x-a", 1024), too_large);
        assert_eq!(
            status(&format!("/{}", "a".repeat(1024)), "x-a", 1),
            too_large
        );
    }
}
