//! The progress of one connection's exchanges, as its stream and its service report it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use hyper::http::Extensions;
use hyper::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;

/// The progress of one connection. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Progress(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    now: Snapshot,
    is_pipelined: bool,
    /// The permit of an unauthenticated caller.
    permit: Option<OwnedSemaphorePermit>,
}

/// The progress at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// The number of the exchange, which counts the responses; it wraps.
    pub(super) exchange: u32,
    pub(super) phase: Phase,
    /// How often the system took bytes of a response; it wraps.
    pub(super) writes: u32,
    /// The caller has to read before more can be written.
    pub(super) is_blocked: bool,
    pub(super) is_authenticated: bool,
    /// The response has no known length, and has not ended.
    pub(super) is_open_ended: bool,
}

/// The phase of an exchange.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// No request.
    #[default]
    Idle,
    /// A part of a request's head.
    Head,
    /// A complete head.
    Handling,
    /// A response that is not written to its end.
    Responding,
}

impl Snapshot {
    /// All requests have their responses, and there was at least one.
    pub(super) fn is_quiet(&self) -> bool {
        self.exchange > 0 && self.phase == Phase::Idle
    }
}

/// The caller of a request, as the service may report it to the listener.
#[derive(Debug, Clone)]
pub(crate) struct Caller(Progress);

impl Caller {
    /// Reports that the caller of the request with these extensions has authenticated. From then on
    /// its connection has the deadlines of authenticated callers.
    pub(crate) fn trust(request: &Extensions) {
        // Requests of an authenticated connection have no `Caller`.
        if let Some(Caller(progress)) = request.get::<Caller>() {
            let mut state = progress.state();
            state.now.is_authenticated = true;
            state.permit = None;
        }
    }
}

impl Progress {
    /// The progress of a connection with a caller that has this permit, or is authenticated.
    pub(super) fn new(permit: Option<OwnedSemaphorePermit>) -> Self {
        let now = Snapshot {
            is_authenticated: permit.is_none(),
            ..Snapshot::default()
        };
        Progress(Arc::new(Mutex::new(State {
            now,
            is_pipelined: false,
            permit,
        })))
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.state().now
    }

    /// Releases the permit.
    pub(super) fn release(&self) {
        self.state().permit = None;
    }

    /// Records that a request's head is complete.
    pub(super) fn head_complete<B>(&self, request: &mut Request<B>) {
        let mut state = self.state();
        // A pipelined head was read together with the previous request.
        state.is_pipelined = state.now.phase == Phase::Idle;
        state.now.phase = Phase::Handling;
        if !state.now.is_authenticated {
            request.extensions_mut().insert(Caller(self.clone()));
        }
    }

    /// Records the service's response. The next flush ends the exchange, unless the body goes on.
    pub(super) fn responding(&self, response: Response<Body>) -> Response<Body> {
        let mut state = self.state();
        state.now.phase = Phase::Responding;
        if response.body().size_hint().exact().is_some() {
            return response;
        }
        state.now.is_open_ended = true;
        response.map(|body| {
            Body::new(OpenEnded {
                body,
                progress: self.clone(),
            })
        })
    }

    /// Whether the caller sent the current request before it had the previous response.
    pub(super) fn is_pipelined(&self) -> bool {
        self.state().is_pipelined
    }

    fn read(&self) {
        let now = &mut self.state().now;
        if now.phase == Phase::Idle {
            now.phase = Phase::Head;
        }
    }

    fn wrote(&self, is_pending: bool) {
        let now = &mut self.state().now;
        now.is_blocked = is_pending;
        if !is_pending {
            now.writes = now.writes.wrapping_add(1);
        }
    }

    /// Records a flush, which hyper makes once all its bytes are written.
    fn flushed(&self) {
        let now = &mut self.state().now;
        now.is_blocked = false;
        if now.phase == Phase::Responding && !now.is_open_ended {
            now.phase = Phase::Idle;
            now.exchange = now.exchange.wrapping_add(1);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body without a known length, which records its end.
struct OpenEnded {
    body: Body,
    progress: Progress,
}

impl HttpBody for OpenEnded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for OpenEnded {
    fn drop(&mut self) {
        self.progress.state().now.is_open_ended = false;
    }
}

/// A stream that records its reads and writes.
pub(super) struct Recorded<IO> {
    pub(super) stream: IO,
    pub(super) progress: Progress,
}

impl<IO: AsyncRead + Unpin> AsyncRead for Recorded<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if read.is_ready() {
            self.progress.read();
        }
        read
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Recorded<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.progress.wrote(written.is_pending());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.progress.wrote(written.is_pending());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        match flushed {
            Poll::Ready(_) => self.progress.flushed(),
            // A TLS stream takes bytes before the system does.
            Poll::Pending => self.progress.wrote(true),
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
