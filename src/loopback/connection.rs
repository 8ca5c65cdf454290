//! The exchanges of one connection over hyper.
//!
//! Input: a stream with bytes to read, and a service. Output: the stream, once its last request has
//! its response and no other follows. Hyper's buffers, 16 KiB a connection, are free then for other
//! connections. An exchange that takes too long ends its connection.

use std::error::Error as StdError;
use std::future::{poll_fn, ready};
use std::pin::{Pin, pin};
use std::task::Poll;

use axum::body::Body;
use futures_util::future::Either;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::capacity::{Capacity, Slot};
use super::close::Abort;
use super::deadlines::{Deadlines, DueAction};
use super::head;
use super::peer::Admission;
use super::progress::{Progress, Recorded};

/// The service of a listener. If it returns an error, the connection ends without a response.
pub(crate) trait Handler:
    Service<
        Request<Incoming>,
        Response = Response<Body>,
        Error: Into<Box<dyn StdError + Send + Sync>> + Send,
        Future: Send,
    > + Clone
    + Send
    + Sync
    + Unpin
    + 'static
{
}

impl<S> Handler for S where
    S: Service<
            Request<Incoming>,
            Response = Response<Body>,
            Error: Into<Box<dyn StdError + Send + Sync>> + Send,
            Future: Send,
        > + Clone
        + Send
        + Sync
        + Unpin
        + 'static
{
}

/// The state of a connection after its exchanges.
pub(super) enum Outcome<IO> {
    /// The caller may send another request later.
    Idle { stream: IO, is_authenticated: bool },
    /// No further request gets a response. The caller may still be reading its last response.
    Closing(IO),
    /// The connection is closed.
    Closed,
}

enum End {
    Idle,
    Done,
    TimedOut,
}

/// Serves until the caller is done, has taken too long, or `stop` turns true. With `keeps_idle`, a
/// quiet connection keeps its buffers and stays here as long as buffers are left.
pub(super) async fn serve_connection<IO, S>(
    stream: IO,
    service: S,
    admission: Admission,
    keeps_idle: bool,
    (slot, capacity): (&mut Slot, &Capacity),
    mut stop: watch::Receiver<bool>,
) -> Outcome<IO>
where
    IO: AsyncRead + AsyncWrite + Abort + Unpin + Send + 'static,
    S: Handler,
{
    let limits = capacity.limits;
    let progress = Progress::new(slot.unauthenticated.take());
    let recorded = Recorded {
        stream,
        progress: progress.clone(),
    };
    let handler = service_fn(|mut request: Request<Incoming>| {
        progress.head_complete(&mut request);
        request.extensions_mut().insert(admission);
        let response = match head::refusal(&request, limits.head) {
            Some(refusal) => Either::Left(ready(Ok(refusal))),
            None => Either::Right(service.call(request)),
        };
        let progress = progress.clone();
        Box::pin(async move {
            let mut response = response.await?;
            // Requests without a pause would keep the slot from other connections.
            let is_greedy = progress.is_pipelined()
                && (!progress.snapshot().is_authenticated || capacity.is_crowded());
            if is_greedy || is_refused(response.status()) {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Ok::<_, S::Error>(progress.responding(response))
        })
    });
    let mut connection = http1::Builder::new()
        .auto_date_header(limits.dates)
        .max_buf_size(head::buffer(limits.head))
        .serve_connection(TokioIo::new(recorded), handler);
    let mut ticks = interval_at(Instant::now() + limits.tick, limits.tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut deadlines = Deadlines::new(limits, progress.snapshot());
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
        let mut releases = progress.snapshot().is_quiet() && capacity.is_crowded();
        while ticks.poll_tick(cx).is_ready() {
            match deadlines.tick(progress.snapshot(), capacity.is_crowded()) {
                Some(DueAction::Close) => return Poll::Ready(End::TimedOut),
                Some(DueAction::ReleaseBuffers) => releases |= !keeps_idle,
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
    progress.release();
    let parts = connection.into_parts();
    let stream = parts.io.into_inner().stream;
    let snapshot = progress.snapshot();
    match end {
        End::Idle if parts.read_buf.is_empty() => Outcome::Idle {
            stream,
            is_authenticated: snapshot.is_authenticated,
        },
        End::Idle | End::Done => Outcome::Closing(stream),
        End::TimedOut => {
            if snapshot.is_blocked {
                stream.abort();
            }
            Outcome::Closed
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
