//! The HTTP client, built at its first use.
//!
//! The input is a request, the output a whole response of bounded size. Retries, proxies, certificate
//! authorities and timeouts are in this module. The modules of the services interpret the responses.
//! The client does not follow redirects.

mod base_address;
mod client;
mod connections;
mod early;
mod failure;
mod message;
mod no_proxy;
mod proxies;
mod trust;

pub(crate) use base_address::BaseAddress;
pub use client::{Http, Options};
pub(crate) use failure::{
    foreign, is_certificate_error, is_proxy_error, is_refused_connection, is_unresolved_host,
    is_web_page,
};
pub(crate) use message::host_of;
pub use message::{Request, Response};
pub use no_proxy::NoProxy;
pub use proxies::{Proxies, ProxyRoute, Route};
pub use trust::CaFile;
