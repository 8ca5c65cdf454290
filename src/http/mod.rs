//! The HTTP client, built at its first use.
//!
//! The input is a request, the output a whole response of bounded size. Retries, proxies, certificate
//! authorities and timeouts are in this module. The modules of the services interpret the responses.
//! The client does not follow redirects.

mod authorities;
mod certificate;
mod client;
mod connections;
mod failure;
mod no_proxy;
mod options;
mod proxies;
mod request;
mod response;
mod retry;
mod trust;
#[cfg(test)]
mod trust_tests;

pub use authorities::AuthorityFile;
pub use client::Http;
pub(crate) use failure::{foreign, is_distrust, is_proxys};
pub use no_proxy::NoProxy;
pub use options::Options;
pub use proxies::{Proxies, ProxyRoute, Route};
pub use request::Request;
pub use response::Response;
