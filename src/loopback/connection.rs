//! One connection's talk over hyper, which gives the connection back once it has gone quiet.
//!
//! In come a stream that has something to say, and a service; out comes the stream where its last
//! request is answered and nothing follows: hyper's buffers, 16 KiB a connection, are free then for
//! those who talk. A caller that takes too long over an exchange is cut off.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use axum::body::Body;
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
use super::limits::Limits;
use super::progress::{Noted, Progress};

/// What becomes of a connection that has been quiet for a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Idle {
    /// The stream is returned, to be waited on without buffers.
    Returned,
    /// It stays open, with its buffers, until its silence is too long. A client that reuses it
    /// within that time would otherwise meet a closed connection.
    Kept,
}

/// What a talk leaves.
pub(super) enum Outcome<IO> {
    /// The peer may have more to ask, later. `is_known` if it has authenticated.
    Quiet { stream: IO, is_known: bool },
    /// No further request is answered. The peer may still be reading its last answer.
    Closing(IO),
    /// The connection is closed.
    Nothing,
}

enum End {
    Quiet,
    Over,
    Cut,
}

/// Answers until the peer is through, has taken too long, or `stop` turns true.
pub(super) async fn serve_connection<IO, S>(
    stream: IO,
    service: S,
    limits: Limits,
    idle: Idle,
    (seat, capacity): (&mut Slot, &Capacity),
    mut stop: watch::Receiver<bool>,
) -> Outcome<IO>
where
    IO: AsyncRead + AsyncWrite + Abort + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<Body>> + Unpin,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let progress = Progress::new(seat.stranger.take());
    let noted = Noted {
        stream,
        progress: progress.clone(),
    };
    let mut connection = http1::Builder::new()
        .auto_date_header(limits.dates)
        .max_buf_size(head::buffer(limits.head))
        .serve_connection(
            TokioIo::new(noted),
            service_fn({
                let progress = progress.clone();
                move |mut request| {
                    progress.asked(&mut request);
                    let answer = service.call(request);
                    let progress = progress.clone();
                    Box::pin(async move {
                        let mut response = answer.await?;
                        // Requests without a pause would keep the place from all others.
                        let is_greedy = progress.is_pipelined()
                            && (!progress.snapshot().is_authenticated
                                || capacity.is_crowded(&limits));
                        if is_greedy || is_refused(response.status()) {
                            let close = HeaderValue::from_static("close");
                            response.headers_mut().insert(CONNECTION, close);
                        }
                        Ok::<_, S::Error>(progress.answering(response))
                    })
                }
            }),
        );
    let mut ticks = interval_at(Instant::now() + limits.tick, limits.tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut patience = Deadlines::new(limits, progress.snapshot());
    let mut stopped = pin!(stop.wait_for(|stop| *stop));
    // Hyper was asked to end the connection after the answer under way.
    let mut is_ending = false;
    let end = poll_fn(|cx| {
        if !is_ending && stopped.as_mut().poll(cx).is_ready() {
            is_ending = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        // A peer that breaks off is no failure of ours: its result is let go.
        if connection.poll_without_shutdown(cx).is_ready() {
            return Poll::Ready(End::Over);
        }
        let mut rests = progress.snapshot().point.is_quiet() && capacity.is_crowded(&limits);
        while ticks.poll_tick(cx).is_ready() {
            match patience.tick(progress.snapshot(), capacity.is_crowded(&limits)) {
                Some(DueAction::Close) => return Poll::Ready(End::Cut),
                Some(DueAction::ReleaseBuffers) => rests |= idle == Idle::Returned,
                None => {}
            }
        }
        if rests && !is_ending {
            is_ending = true;
            Pin::new(&mut connection).graceful_shutdown();
            // It is over at once if nothing is being answered.
            if connection.poll_without_shutdown(cx).is_ready() {
                return Poll::Ready(End::Quiet);
            }
        }
        Poll::Pending
    })
    .await;
    progress.leave();
    let parts = connection.into_parts();
    let stream = parts.io.into_inner().stream;
    let snapshot = progress.snapshot();
    match end {
        End::Quiet if parts.read_buf.is_empty() => Outcome::Quiet {
            stream,
            is_known: snapshot.is_authenticated,
        },
        End::Quiet | End::Over => Outcome::Closing(stream),
        End::Cut => {
            if snapshot.is_blocked {
                stream.abort();
            }
            Outcome::Nothing
        }
    }
}

/// Whether a caller was refused: its connection ends, since it has no claim to another request.
fn is_refused(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST
    )
}
