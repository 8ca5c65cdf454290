//! Tells a service, with each request, how far the owner of the connection's other end is known.

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::Service;

use super::peer::Admission;

/// The service of one connection. Each request has the connection's [`Admission`] as an extension.
#[derive(Clone)]
pub(super) struct Admitted<S> {
    pub(super) service: S,
    pub(super) admission: Admission,
}

impl<S: Service<Request<Incoming>>> Service<Request<Incoming>> for Admitted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, mut request: Request<Incoming>) -> S::Future {
        request.extensions_mut().insert(self.admission);
        self.service.call(request)
    }
}
