//! One connection's talk over hyper, which gives the connection back once it has gone quiet.
//!
//! In come a stream that has something to say, and a service; out comes the stream where its last
//! request is answered and nothing follows: hyper's buffers, 16 KiB a connection, are free then for
//! those who talk.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::{Semaphore, watch};
use tokio::time::MissedTickBehavior;

use super::serve::{HEAD_TIMEOUT, Limits};

/// Who has been quiet for one to two of these gives the buffers back; where many want them, whoever
/// is that slow with a head loses the connection.
const TICK: Duration = Duration::from_millis(250);

/// What becomes of a connection that has been quiet for a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Idle {
    /// The stream is returned, to be waited on without buffers.
    Returned,
    /// It stays open, with its buffers, until hyper's own time limit. A client that reuses it within
    /// that time would otherwise meet a closed connection.
    Kept,
}

/// Answers until the peer is through or `stop` turns true. The stream comes back where the peer
/// may have more to ask, later.
pub(super) async fn talk<IO, S>(
    stream: IO,
    service: S,
    limits: Limits,
    idle: Idle,
    buffers: &Semaphore,
    mut stop: watch::Receiver<bool>,
) -> Option<IO>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<Body>> + Unpin,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let is_crowded = || limits.buffers - buffers.available_permits() > limits.kept;
    let heard = Heard::default();
    let listened = Listened {
        stream,
        heard: heard.clone(),
        has_spoken: false,
    };
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .auto_date_header(limits.dates)
        .max_buf_size(limits.head)
        .serve_connection(
            TokioIo::new(listened),
            service_fn({
                let heard = heard.clone();
                move |request| {
                    heard.request();
                    Box::pin(service.call(request))
                }
            }),
        );
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = heard.now();
    let event = {
        let goes_on = poll_fn(|cx| {
            // A peer that breaks off is no failure of ours: its result is let go.
            if connection.poll_without_shutdown(cx).is_ready() {
                return Poll::Ready(Event::Over);
            }
            let now = heard.now();
            if now.is_quiet() && is_crowded() {
                return Poll::Ready(Event::Quiet);
            }
            while ticks.poll_tick(cx).is_ready() {
                if now == last && now.is_quiet() && idle == Idle::Returned {
                    return Poll::Ready(Event::Quiet);
                }
                if now == last && now.is_half_said() && is_crowded() {
                    return Poll::Ready(Event::Over);
                }
                last = now;
            }
            Poll::Pending
        });
        tokio::select! {
            event = goes_on => event,
            _ = stop.wait_for(|stop| *stop) => Event::Stop,
        }
    };
    if event != Event::Over {
        // It is over at once where nothing is being answered.
        Pin::new(&mut connection).graceful_shutdown();
        let over = poll_fn(|cx| connection.poll_without_shutdown(cx).map(|_| ()));
        let is_idle = tokio::select! {
            biased;
            () = over => true,
            () = std::future::ready(()) => false,
        };
        if !is_idle {
            let _ = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
        } else if event == Event::Quiet {
            let parts = connection.into_parts();
            let mut stream = parts.io.into_inner().stream;
            if parts.read_buf.is_empty() {
                return Some(stream);
            }
            let _ = stream.shutdown().await;
            return None;
        }
    }
    let _ = connection
        .into_parts()
        .io
        .into_inner()
        .stream
        .shutdown()
        .await;
    None
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Over,
    Quiet,
    Stop,
}

/// How far the talk has come: four times the answers so far, plus how much of the next request is
/// there.
#[derive(Debug, Clone, Default)]
struct Heard(Arc<AtomicU32>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Point(u32);

const PART: u32 = 1;
const WHOLE_HEAD: u32 = 2;

impl Heard {
    fn now(&self) -> Point {
        Point(self.0.load(Ordering::Relaxed))
    }

    fn word(&self) {
        let Point(now) = self.now();
        if now & 3 == 0 {
            self.0.store(now | PART, Ordering::Relaxed);
        }
    }

    fn request(&self) {
        let Point(now) = self.now();
        self.0.store(now & !3 | WHOLE_HEAD, Ordering::Relaxed);
    }

    fn answer(&self) {
        let Point(now) = self.now();
        self.0.store((now & !3).wrapping_add(4), Ordering::Relaxed);
    }
}

impl Point {
    /// All that was asked is answered.
    fn is_quiet(self) -> bool {
        self.0 > 0 && self.0 & 3 == 0
    }

    fn is_half_said(self) -> bool {
        self.0 & 3 == PART
    }
}

/// A stream that notes who spoke last.
struct Listened<IO> {
    stream: IO,
    heard: Heard,
    /// Something was written since the peer was heard.
    has_spoken: bool,
}

impl<IO: AsyncRead + Unpin> AsyncRead for Listened<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, into);
        if read.is_ready() {
            self.has_spoken = false;
            self.heard.word();
        }
        read
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Listened<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.has_spoken = true;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.has_spoken = true;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Hyper flushes once all that it has to say is written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() && self.has_spoken {
            self.has_spoken = false;
            self.heard.answer();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
