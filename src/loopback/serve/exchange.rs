//! The progress of one connection's exchanges, as its stream and its handler report it, and its
//! deadlines.
//!
//! The unit of time is the listener's tick. So a busy machine counts no time against a caller that it
//! has not served.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt as _;
use hyper::body::Body as _;
use hyper::http::Extensions;
use hyper::{Request, Response};
use tokio::sync::OwnedSemaphorePermit;

use super::capacity::Limits;

/// The progress of one connection. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Progress(Arc<Mutex<State>>);

#[derive(Debug, Default)]
pub(super) struct State {
    phase: Phase,
    /// Ticks since the exchange began, or else since the last one ended. The first one ends an interval
    /// that is not complete.
    ticks: u32,
    /// Ticks since the caller stopped reading; counted like `ticks`.
    stalled: u32,
    /// The caller has to read before more can be written.
    pub(super) is_blocked: bool,
    /// The response has no known length, and has not ended.
    is_open_ended: bool,
    /// The caller sent the current request before it had the previous response.
    pub(super) is_pipelined: bool,
    has_responded: bool,
    /// The permit of an unauthenticated caller.
    permit: Option<OwnedSemaphorePermit>,
}

/// The phase of an exchange.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
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

/// The action that is due for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DueAction {
    /// There was no request since the last tick: the buffers can be released.
    ReleaseBuffers,
    /// The connection must be closed.
    Close,
}

/// The caller of a request, as the handler may report it to the listener.
#[derive(Debug, Clone)]
pub(crate) struct Caller(Progress);

impl Caller {
    /// Reports that the caller of the request with these extensions has authenticated. From then on
    /// its connection has the deadlines of authenticated callers.
    pub(crate) fn trust(request: &Extensions) {
        // Requests of an authenticated connection have no `Caller`.
        if let Some(Caller(progress)) = request.get::<Caller>() {
            progress.state().permit = None;
        }
    }
}

impl Progress {
    /// The progress of a connection with a caller that has this permit, or is authenticated.
    pub(super) fn new(permit: Option<OwnedSemaphorePermit>) -> Self {
        Progress(Arc::new(Mutex::new(State {
            permit,
            ..State::default()
        })))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a request's head is complete.
    pub(super) fn head_complete<B>(&self, request: &mut Request<B>) {
        let mut state = self.state();
        // A pipelined head was read together with the previous request.
        state.is_pipelined = state.phase == Phase::Idle;
        state.read();
        state.phase = Phase::Handling;
        if !state.is_authenticated() {
            request.extensions_mut().insert(Caller(self.clone()));
        }
    }

    /// Records the handler's response. The next flush ends the exchange, unless the body goes on.
    pub(super) fn responding(&self, response: Response<Body>) -> Response<Body> {
        let mut state = self.state();
        state.phase = Phase::Responding;
        if response.body().size_hint().exact().is_some() {
            return response;
        }
        state.is_open_ended = true;
        let end = EndOfBody(self.clone());
        response.map(|body| {
            // The stream owns `end`, which is dropped with it.
            Body::from_stream(body.into_data_stream().inspect(move |_| _ = &end))
        })
    }
}

/// Records the end of a body without a known length when it is dropped.
struct EndOfBody(Progress);

impl Drop for EndOfBody {
    fn drop(&mut self) {
        self.0.state().is_open_ended = false;
    }
}

impl State {
    pub(super) fn is_authenticated(&self) -> bool {
        self.permit.is_none()
    }

    /// All requests have their responses, and there was at least one.
    pub(super) fn is_quiet(&self) -> bool {
        self.has_responded && self.phase == Phase::Idle
    }

    /// Records that the caller sent bytes.
    pub(super) fn read(&mut self) {
        if self.phase == Phase::Idle {
            self.phase = Phase::Head;
            self.ticks = 0;
        }
    }

    /// Records that the system took bytes of a response, or none if `is_pending`.
    pub(super) fn wrote(&mut self, is_pending: bool) {
        self.is_blocked = is_pending;
        if !is_pending {
            self.stalled = 0;
        }
    }

    /// Records a flush, which hyper makes once all its bytes are written.
    pub(super) fn flushed(&mut self) {
        self.is_blocked = false;
        if self.phase == Phase::Responding && !self.is_open_ended {
            self.phase = Phase::Idle;
            self.ticks = 0;
            self.has_responded = true;
        }
    }

    /// Counts a tick. `is_crowded` means that other connections wait for the buffers.
    pub(super) fn tick(&mut self, limits: &Limits, is_crowded: bool) -> Option<DueAction> {
        self.ticks = self.ticks.saturating_add(1);
        self.stalled = match self.is_blocked && self.phase != Phase::Idle {
            true => self.stalled.saturating_add(1),
            false => 0,
        };
        let reaches = |ticks: u32, limit: Duration| limits.tick * ticks.saturating_sub(1) >= limit;
        let is_over = match (self.phase, self.is_authenticated()) {
            (Phase::Idle, true) => reaches(self.ticks, limits.authenticated_idle),
            (Phase::Idle, false) => reaches(self.ticks, limits.idle),
            (Phase::Head, _) | (_, false) => reaches(self.ticks, limits.unauthenticated_exchange),
            (_, true) => !self.is_open_ended && reaches(self.ticks, limits.exchange),
        };
        let is_slow_head = self.phase == Phase::Head && self.ticks > 1;
        let is_in_the_way = is_crowded && (self.stalled > 1 || is_slow_head);
        if is_over || is_in_the_way || reaches(self.stalled, limits.stall) {
            return Some(DueAction::Close);
        }
        (self.is_quiet() && self.ticks > 1).then_some(DueAction::ReleaseBuffers)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    fn limits() -> Limits {
        let ticks = Duration::from_secs;
        Limits {
            connections: 1,
            buffers: 1,
            unauthenticated: 1,
            kept_buffers: 1,
            head: 8 * 1024,
            idle: ticks(10),
            authenticated_idle: ticks(60),
            unauthenticated_exchange: ticks(5),
            exchange: ticks(300),
            stall: ticks(8),
            linger: ticks(2),
            tick: ticks(1),
            grace: ticks(1),
            dates: false,
        }
    }

    fn authenticated(phase: Phase) -> State {
        State {
            phase,
            ..State::default()
        }
    }

    fn unauthenticated(phase: Phase) -> State {
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned();
        State {
            permit: Some(permit.expect("a permit")),
            ..authenticated(phase)
        }
    }

    /// The tick at which an action is due, and the action. `between` happens before each tick.
    fn lasts(
        mut state: State,
        is_crowded: bool,
        mut between: impl FnMut(&mut State, u32),
    ) -> (u32, DueAction) {
        assert_eq!(
            state.tick(&limits(), is_crowded),
            None,
            "the first interval"
        );
        (1..1000)
            .find_map(|tick| {
                between(&mut state, tick);
                Some((tick, state.tick(&limits(), is_crowded)?))
            })
            .expect("something is due")
    }

    fn nothing(_: &mut State, _: u32) {}

    /// The system takes a part of a response, and then no more.
    fn drips(state: &mut State, _: u32) {
        state.wrote(false);
        state.wrote(true);
    }

    #[test]
    fn unauthenticated_caller_has_the_short_deadline_in_every_phase() {
        let close = (5, DueAction::Close);
        for phase in [Phase::Head, Phase::Handling, Phase::Responding] {
            let lasts = lasts(unauthenticated(phase), false, nothing);
            assert_eq!(lasts, close, "{phase:?}");
        }
        // Neither progress nor a response without an end extends the deadline.
        let mut endless = unauthenticated(Phase::Responding);
        endless.is_open_ended = true;
        assert_eq!(lasts(endless, false, drips), close);
        let phases = |state: &mut State, tick: u32| match tick {
            1 => state.phase = Phase::Handling,
            2 => state.phase = Phase::Responding,
            _ => {}
        };
        assert_eq!(lasts(unauthenticated(Phase::Head), false, phases), close);
    }

    #[test]
    fn each_exchange_has_a_deadline_of_its_own() {
        let busy = |state: &mut State, tick: u32| {
            if tick <= 100 && tick.is_multiple_of(3) {
                state.phase = Phase::Responding;
                state.flushed();
                state.read();
                state.phase = Phase::Handling;
            }
        };
        let lasts = lasts(unauthenticated(Phase::Handling), false, busy);
        // The last exchange begins before tick 99, which ends an interval that is not complete.
        assert_eq!(lasts, (104, DueAction::Close));
    }

    #[test]
    fn authenticated_caller_has_the_long_deadline_but_for_its_heads() {
        for (phase, ticks) in [
            (Phase::Head, 5),
            (Phase::Handling, 300),
            (Phase::Responding, 300),
        ] {
            let lasts = lasts(authenticated(phase), false, nothing);
            assert_eq!(lasts, (ticks, DueAction::Close), "{phase:?}");
        }
    }

    #[test]
    fn authenticated_caller_that_takes_nothing_is_cut_and_one_that_reads_on_is_not() {
        let blocked = |is_open_ended| State {
            is_blocked: true,
            is_open_ended,
            ..authenticated(Phase::Responding)
        };
        for is_open_ended in [true, false] {
            let due = lasts(blocked(is_open_ended), false, nothing);
            assert_eq!(due, (8, DueAction::Close));
            let due = lasts(blocked(is_open_ended), true, nothing);
            assert_eq!(due, (1, DueAction::Close));
        }
        let due = lasts(blocked(false), true, drips);
        assert_eq!(due, (300, DueAction::Close));
        // A stream lasts until its reader stops.
        let stops_late = |state: &mut State, tick: u32| {
            if tick <= 600 {
                drips(state, tick);
            }
        };
        let due = lasts(blocked(true), true, stops_late);
        assert_eq!(due, (601, DueAction::Close));
        let due = lasts(blocked(true), false, stops_late);
        assert_eq!(due, (608, DueAction::Close));
    }

    #[test]
    fn crowded_listener_closes_half_heads_and_not_exchanges_in_progress() {
        let due = lasts(unauthenticated(Phase::Head), true, nothing);
        assert_eq!(due, (1, DueAction::Close));
        let due = lasts(authenticated(Phase::Handling), true, nothing);
        assert_eq!(due, (300, DueAction::Close));
    }

    #[test]
    fn connection_without_a_request_releases_its_buffers_and_then_ends() {
        // Before its first request a connection has no buffers to release.
        let due = lasts(unauthenticated(Phase::Idle), false, nothing);
        assert_eq!(due, (10, DueAction::Close));
        for (mut state, end) in [
            (unauthenticated(Phase::Responding), 10),
            (authenticated(Phase::Responding), 60),
        ] {
            state.flushed();
            assert_eq!(state.tick(&limits(), false), None);
            for tick in 1..end {
                let due = state.tick(&limits(), false);
                assert_eq!(due, Some(DueAction::ReleaseBuffers), "{tick}");
            }
            assert_eq!(state.tick(&limits(), false), Some(DueAction::Close));
        }
    }
}
