//! One connection: it waits without buffers, exchanges requests and responses over hyper, and waits
//! again.
//!
//! Hyper's buffers, 16 KiB a connection, are free for other connections once the last request has its
//! response and no other follows. An exchange that takes too long ends its connection.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use axum::body::Body;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_rustls::TlsAcceptor;

use super::capacity::{Capacity, Slot};
use super::exchange::{DueAction, Progress};
use super::head;
use super::stream::{Recorded, Stream, close_gracefully};
use crate::loopback::peer::Admission;

/// The handler of a listener's requests. Without a response the connection ends.
pub(crate) type Handler =
    Arc<dyn Fn(Request<Incoming>) -> BoxFuture<'static, Option<Response<Body>>> + Send + Sync>;

/// Returns the handler that is this function.
pub(crate) fn handler<F>(handle: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static) -> Handler
where
    F: Future<Output = Option<Response<Body>>> + Send + 'static,
{
    Arc::new(move |request| handle(request).boxed())
}

pub(super) type Stop = watch::Receiver<bool>;

/// What one connection needs.
pub(super) struct Connection {
    pub(super) handler: Handler,
    pub(super) admission: Admission,
    pub(super) capacity: Arc<Capacity>,
    pub(super) stop: Stop,
}

/// An idle connection, and whether its caller is authenticated.
type Idle = (Box<dyn Stream>, bool);

enum End {
    Idle,
    Done,
    TimedOut,
}

impl Connection {
    /// Serves until the connection ends.
    pub(super) async fn serve(&self, mut stream: Box<dyn Stream>, tls: Option<TlsAcceptor>) {
        let mut is_authenticated = false;
        while let Some(slot) = self.next_slot(&*stream, is_authenticated).await {
            // Boxed, so that a waiting connection does not take the memory of a busy one.
            let served = Box::pin(async {
                let Some(tls) = &tls else {
                    return self.exchange(stream, slot, true).await;
                };
                let stream = tokio::select! {
                    stream = tls.accept(stream) => stream.ok()?,
                    () = self.capacity.handshake_expired() => return None,
                };
                // TLS may have read ahead, so that the socket does not become readable.
                self.exchange(Box::new(stream), slot, false).await
            });
            match served.await {
                Some(idle) => (stream, is_authenticated) = idle,
                None => return,
            }
        }
    }

    /// Waits for bytes of the peer, and then for a slot. Returns `None` if the connection ends.
    /// A connection without a slot takes little memory.
    async fn next_slot(&self, stream: &dyn Stream, is_authenticated: bool) -> Option<Slot> {
        let (capacity, mut stop) = (&self.capacity, self.stop.clone());
        let timeout = match is_authenticated {
            true => capacity.limits.authenticated_idle,
            false => capacity.limits.idle,
        };
        tokio::select! {
            biased;
            readable = poll_fn(|cx| stream.poll_readable(cx)) => readable.ok()?,
            _ = stop.wait_for(|stop| *stop) => return None,
            () = capacity.idle_expired(timeout) => return None,
        }
        // The wait does not count as time of the caller. Each slot is taken for a bounded time.
        let slot = capacity.acquire(is_authenticated);
        tokio::select! {
            biased;
            slot = tokio::time::timeout(capacity.limits.exchange, slot) => slot.ok().flatten(),
            _ = stop.wait_for(|stop| *stop) => None,
        }
    }

    /// Serves until the caller is done, has taken too long, or `stop` turns true. Returns the
    /// connection if `may_wait` and the caller may send another request later; otherwise a quiet
    /// connection keeps its slot as long as buffers are left.
    async fn exchange(
        &self,
        stream: Box<dyn Stream>,
        mut slot: Slot,
        may_wait: bool,
    ) -> Option<Idle> {
        let (capacity, limits) = (&self.capacity, &self.capacity.limits);
        let progress = Progress::new(slot.unauthenticated.take());
        let recorded = Recorded {
            stream,
            progress: progress.clone(),
        };
        let mut connection = http1::Builder::new()
            .auto_date_header(limits.dates)
            .max_buf_size(head::buffer(limits.head))
            .serve_connection(
                TokioIo::new(recorded),
                service_fn(|request| Box::pin(self.respond(request, &progress))),
            );
        let mut ticks = interval_at(Instant::now() + limits.tick, limits.tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = self.stop.clone();
        let mut stopped = pin!(stop.wait_for(|stop| *stop));
        // Whether hyper ends the connection after the current response.
        let mut is_ending = false;
        let end = poll_fn(|cx| {
            if !is_ending && stopped.as_mut().poll(cx).is_ready() {
                is_ending = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            // An error means that the caller closed the connection.
            if connection.poll_without_shutdown(cx).is_ready() {
                return Poll::Ready(End::Done);
            }
            let mut releases = progress.state().is_quiet() && capacity.is_crowded();
            while ticks.poll_tick(cx).is_ready() {
                match progress.state().tick(limits, capacity.is_crowded()) {
                    Some(DueAction::Close) => return Poll::Ready(End::TimedOut),
                    Some(DueAction::ReleaseBuffers) => releases |= may_wait,
                    None => {}
                }
            }
            if releases && !is_ending {
                is_ending = true;
                Pin::new(&mut connection).graceful_shutdown();
                // Ready at once if there is no request in progress.
                if connection.poll_without_shutdown(cx).is_ready() {
                    return Poll::Ready(End::Idle);
                }
            }
            Poll::Pending
        })
        .await;
        let http1::Parts { io, read_buf, .. } = connection.into_parts();
        let stream = io.into_inner().stream;
        let is_drained = read_buf.is_empty();
        let last = std::mem::take(&mut *progress.state());
        let (is_authenticated, is_blocked) = (last.is_authenticated(), last.is_blocked);
        // They are free for other connections.
        drop((slot, last, read_buf));
        match end {
            End::Idle if may_wait && is_drained => {
                return Some((stream, is_authenticated));
            }
            End::Idle | End::Done => self.close(stream).await,
            End::TimedOut if is_blocked => stream.abort(),
            End::TimedOut => {}
        }
        None
    }

    async fn respond(
        &self,
        mut request: Request<Incoming>,
        progress: &Progress,
    ) -> io::Result<Response<Body>> {
        progress.head_complete(&mut request);
        request.extensions_mut().insert(self.admission);
        let mut response = match head::refusal(&request, self.capacity.limits.head) {
            Some(refusal) => refusal,
            None => (self.handler)(request)
                .await
                .ok_or(io::ErrorKind::ConnectionAborted)?,
        };
        // Requests without a pause would keep the slot from other connections.
        let is_greedy = {
            let state = progress.state();
            state.is_pipelined && (!state.is_authenticated() || self.capacity.is_crowded())
        };
        if is_greedy || is_refused(response.status()) {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        Ok(progress.responding(response))
    }

    /// Lets the peer read its last response. A server that stops does not wait.
    async fn close(&self, stream: Box<dyn Stream>) {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            // An error means that the peer has closed the connection.
            _ = close_gracefully(stream) => {}
            _ = stop.wait_for(|stop| *stop) => {}
            () = self.capacity.idle_expired(self.capacity.limits.linger) => {}
        }
    }
}

/// Whether the response refuses the caller. Its connection ends.
fn is_refused(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST
    )
}
