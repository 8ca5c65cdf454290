//! How far one connection's exchanges have come, as its stream and its service see it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use hyper::http::Extensions;
use hyper::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;

/// The progress of one connection. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    point: AtomicU32,
    /// How often the system took bytes of an answer.
    taken: AtomicU32,
    is_blocked: AtomicBool,
    is_authenticated: AtomicBool,
    is_open_ended: AtomicBool,
    is_pipelined: AtomicBool,
    /// The place among unknown callers, which is given back once the caller is known.
    place: Mutex<Option<OwnedSemaphorePermit>>,
}

/// The progress at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) point: Point,
    /// How often the system took bytes of an answer; it wraps.
    pub(super) taken: u32,
    /// The caller has to read before more can be written.
    pub(super) is_blocked: bool,
    pub(super) is_authenticated: bool,
    /// The answer has no known length, and has not ended.
    pub(super) is_open_ended: bool,
}

/// Four times the answers so far, plus the phase of the exchange that follows them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Point(u32);

const REST: u32 = 0;
const HALF_HEAD: u32 = 1;
const ASKED: u32 = 2;
const ANSWERING: u32 = 3;
const PHASE: u32 = 3;

impl Point {
    /// All requests are answered, and there was at least one.
    pub(super) fn is_quiet(self) -> bool {
        self.0 > PHASE && self.is_at_rest()
    }

    /// No request is under way.
    pub(super) fn is_at_rest(self) -> bool {
        self.0 & PHASE == REST
    }

    pub(super) fn is_half_head(self) -> bool {
        self.0 & PHASE == HALF_HEAD
    }

    /// The number of the exchange.
    pub(super) fn exchange(self) -> u32 {
        self.0 & !PHASE
    }

    #[cfg(test)]
    pub(super) fn at(answers: u32, phase: u32) -> Point {
        Point(answers * 4 + phase)
    }
}

/// The caller of a request, as the service may report it to the listener.
#[derive(Debug, Clone)]
pub(crate) struct Caller(Progress);

impl Caller {
    /// Reports that the caller of the request with these extensions has authenticated. From here on
    /// the deadlines of known callers hold for its connection.
    pub(crate) fn trust(request: &Extensions) {
        // A caller that is known already is not introduced again.
        if let Some(Caller(progress)) = request.get::<Caller>() {
            progress.0.is_authenticated.store(true, Ordering::Relaxed);
            progress.leave();
        }
    }
}

impl Progress {
    /// The progress of a connection that has `place` among the unknown callers, or is known.
    pub(super) fn new(place: Option<OwnedSemaphorePermit>) -> Self {
        Progress(Arc::new(Inner {
            is_authenticated: AtomicBool::new(place.is_none()),
            place: Mutex::new(place),
            ..Inner::default()
        }))
    }

    pub(super) fn snapshot(&self) -> Seen {
        Seen {
            point: self.point(),
            taken: self.0.taken.load(Ordering::Relaxed),
            is_blocked: self.0.is_blocked.load(Ordering::Relaxed),
            is_authenticated: self.0.is_authenticated.load(Ordering::Relaxed),
            is_open_ended: self.0.is_open_ended.load(Ordering::Relaxed),
        }
    }

    /// Gives the place among the unknown callers back.
    pub(super) fn leave(&self) {
        let mut place = self.0.place.lock().unwrap_or_else(PoisonError::into_inner);
        *place = None;
    }

    /// A request's head is complete.
    pub(super) fn asked<B>(&self, request: &mut Request<B>) {
        // It was read together with the one before.
        let is_pipelined = self.point().is_at_rest();
        self.0.is_pipelined.store(is_pipelined, Ordering::Relaxed);
        self.enter(ASKED);
        if !self.0.is_authenticated.load(Ordering::Relaxed) {
            request.extensions_mut().insert(Caller(self.clone()));
        }
    }

    /// The service has answered: the next flush ends the exchange, unless the body goes on.
    pub(super) fn answering(&self, response: Response<Body>) -> Response<Body> {
        self.enter(ANSWERING);
        if response.body().size_hint().exact().is_some() {
            return response;
        }
        self.0.is_open_ended.store(true, Ordering::Relaxed);
        response.map(|body| {
            Body::new(OpenEnded {
                body,
                progress: self.clone(),
            })
        })
    }

    /// Whether the caller sent the present request without waiting for the answer before.
    pub(super) fn is_pipelined(&self) -> bool {
        self.0.is_pipelined.load(Ordering::Relaxed)
    }

    fn point(&self) -> Point {
        Point(self.0.point.load(Ordering::Relaxed))
    }

    fn enter(&self, phase: u32) {
        let exchange = self.point().exchange();
        self.0.point.store(exchange | phase, Ordering::Relaxed);
    }

    fn read(&self) {
        if self.point().is_at_rest() {
            self.enter(HALF_HEAD);
        }
    }

    fn wrote<T>(&self, result: &Poll<io::Result<T>>) {
        match result {
            Poll::Pending => self.0.is_blocked.store(true, Ordering::Relaxed),
            Poll::Ready(_) => {
                let taken = self.0.taken.load(Ordering::Relaxed).wrapping_add(1);
                self.0.taken.store(taken, Ordering::Relaxed);
                self.0.is_blocked.store(false, Ordering::Relaxed);
            }
        }
    }

    /// Hyper flushes once all that it has to write is written.
    fn flushed(&self) {
        self.0.is_blocked.store(false, Ordering::Relaxed);
        let Point(now) = self.point();
        if now & PHASE == ANSWERING && !self.0.is_open_ended.load(Ordering::Relaxed) {
            let next = (now & !PHASE).wrapping_add(PHASE + 1);
            self.0.point.store(next, Ordering::Relaxed);
        }
    }
}

/// A body without a known length, which reports its end.
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
        let progress = &self.progress.0;
        progress.is_open_ended.store(false, Ordering::Relaxed);
    }
}

/// A stream that notes its progress.
pub(super) struct Noted<IO> {
    pub(super) stream: IO,
    pub(super) progress: Progress,
}

impl<IO: AsyncRead + Unpin> AsyncRead for Noted<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, into);
        if read.is_ready() {
            self.progress.read();
        }
        read
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Noted<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.progress.wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.progress.wrote(&written);
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
            Poll::Pending => self.progress.wrote(&flushed),
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
