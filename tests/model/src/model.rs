//! The model: which steps are possible in a state, and what must always be true.

use stateright::{Model, Property};

use crate::broken::{AFTER_LOGOUT, Broken, EXPIRED, LOST, NEWEST, REDEEMED, SIGNED_OUT};
use crate::state::{LAST_TICK, Role, State, Step};

/// The protocol of three processes with these roles.
#[derive(Debug, Clone)]
pub struct Protocol {
    pub roles: [Role; 3],
    pub broken: Option<Broken>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The process takes its next step.
    Take(usize),
    /// The process ends at once; its locks are free.
    Crash(usize),
    Tick,
    /// The wall clock is set.
    SetClock(i8),
    /// Time passes, and the uptime stands still.
    Suspend,
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        [true, false]
            .map(|is_signed_in| State::initial(self.roles, is_signed_in))
            .into()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let is_running =
            |process: usize| !matches!(state.processes[process].step, Step::Ended | Step::Crashed);
        let running: Vec<usize> = (0..3).filter(|process| is_running(*process)).collect();
        if running.is_empty() {
            return;
        }
        actions.extend(running.iter().map(|process| Action::Take(*process)));
        if !state.has_crashed {
            let begun = |process: &usize| state.processes[*process].step != Step::ChosenStore;
            actions.extend(running.into_iter().filter(begun).map(Action::Crash));
        }
        if state.clocks.now < LAST_TICK {
            actions.push(Action::Tick);
        }
        if !state.clocks.is_disturbed {
            actions.extend([-2, 1].map(Action::SetClock));
            if state.clocks.now < LAST_TICK {
                actions.push(Action::Suspend);
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = *last;
        match action {
            Action::Take(process) => return self.step(state, process),
            Action::Crash(process) => {
                state.release(process);
                state.has_crashed = true;
                let crashed = &mut state.processes[process];
                crashed.step = Step::Crashed;
                crashed.record = None;
                crashed.there = None;
                crashed.memory = None;
            }
            Action::Tick => {
                state.clocks.now += 1;
                state.clocks.wall += 1;
                state.clocks.uptime += 1;
            }
            Action::SetClock(by) => {
                state.clocks.wall += by;
                state.clocks.is_disturbed = true;
            }
            Action::Suspend => {
                state.clocks.now += 1;
                state.clocks.wall += 1;
                state.clocks.is_disturbed = true;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(EXPIRED, |_, state: &State| {
                !state.history.expired_token_returned
            }),
            Property::always(REDEEMED, |_, state: &State| !state.history.redeemed_twice),
            Property::always(NEWEST, |_, state: &State| {
                let usable = |store: usize| {
                    let record = state.items[store].filter(|_| state.listed[store]);
                    record.is_some_and(|record| state.redeemed & (1 << record.refresh_token) == 0)
                };
                let is_over = state.is_quiet() && state.history.has_session;
                // A sign-in that began before a migration saves in the old store.
                let store = match state.listed[state.configured] {
                    true => state.configured,
                    false => 1 - state.configured,
                };
                !is_over || state.has_crashed || usable(store)
            }),
            Property::always(LOST, |_, state: &State| {
                let has = |store: usize| state.listed[store] && state.items[store].is_some();
                !state.history.has_session || has(0) || has(1)
            }),
            Property::always(SIGNED_OUT, |_, state: &State| {
                let is_over = state.is_quiet() && state.history.is_signed_out;
                let has_items = state.items.iter().any(Option::is_some) && !state.has_crashed;
                !(is_over && (state.listed.contains(&true) || has_items))
            }),
            Property::always(AFTER_LOGOUT, |_, state: &State| {
                !state.history.token_returned_after_logout
            }),
        ]
    }
}
