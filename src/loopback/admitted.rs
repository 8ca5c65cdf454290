//! What each request of an admitted connection passes before a service: the limits of its head, and
//! the note how far the owner of the connection's other end is known.

use std::future::{Ready, ready};

use axum::body::Body;
use futures_util::future::Either;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper::{Request, Response};

use super::head;
use super::peer::Admission;

/// The service of one connection. Each request has the connection's [`Admission`] as an extension.
#[derive(Clone)]
pub(super) struct Admitted<S> {
    pub(super) service: S,
    pub(super) admission: Admission,
    /// Bytes of a request's head, cookies not counted.
    pub(super) head: usize,
}

impl<S> Service<Request<Incoming>> for Admitted<S>
where
    S: Service<Request<Incoming>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<Ready<Result<S::Response, S::Error>>, S::Future>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        if let Some(refusal) = head::refusal(&request, self.head) {
            return Either::Left(ready(Ok(refusal)));
        }
        request.extensions_mut().insert(self.admission);
        Either::Right(self.service.call(request))
    }
}
