//! The steps of `logout` and of `store migrate`.

use crate::broken::Broken;
use crate::model::Protocol;
use crate::state::{Record, State, Step};

const OLD: usize = 0;
const NEW: usize = 1;

impl Protocol {
    /// The first step of a logout that has found a session.
    pub fn begin_logout(&self, mut state: State, number: usize) -> State {
        state.history.has_session = false;
        let is_concurrent = state.is_signing_in();
        overlap(&mut state);
        let process = &mut state.processes[number];
        process.is_after_logout = false;
        process.is_concurrent = is_concurrent;
        process.step = Step::Unlist;
        state
    }

    pub fn step_of_removal(&self, mut state: State, number: usize) -> Option<State> {
        let mut process = state.processes[number];
        let (store, other) = (process.store, 1 - process.store);
        process.step = match process.step {
            // One change of the index, which reads the note of a migration.
            Step::Unlist => {
                let was_listed = state.listed[store];
                process.knows_copy = state.note;
                state.listed[store] = false;
                if state.note && self.broken != Some(Broken::ForgetCopy) {
                    state.listed[other] = false;
                }
                match !was_listed && state.listed[other] {
                    // A migration has moved the session since this process looked for it.
                    true => Step::ChosenStore,
                    false => Step::Remove,
                }
            }
            Step::Remove => {
                state.items[store] = None;
                overlap(&mut state);
                match process.knows_copy {
                    true => Step::ForgetCopy,
                    false => self.end_logout(&mut state, number, process.is_concurrent),
                }
            }
            Step::ForgetCopy => {
                state.items[other] = None;
                state.listed[other] = false;
                overlap(&mut state);
                self.end_logout(&mut state, number, process.is_concurrent)
            }
            Step::Begin => match (state.migration_lock, store, state.note) {
                // Another migration runs, or the new store is in use already.
                (Some(_), ..) | (None, NEW, false) => Step::Ended,
                (None, store, _) => {
                    state.migration_lock = Some(number);
                    state.note = true;
                    process.is_switched = store == NEW;
                    if process.is_switched {
                        Step::MoveAll
                    } else {
                        Step::CopyAll
                    }
                }
            },
            Step::CopyAll => match state.listed[OLD] {
                false => Step::Switch,
                true => lock(&mut state, number)?,
            },
            Step::LoadThere => {
                process.there = state.items[NEW];
                if process.there.is_none() {
                    state.listed[NEW] = false;
                }
                Step::LoadHere
            }
            Step::LoadHere => {
                process.record = state.items[OLD];
                match (process.there, process.record) {
                    // The migration was interrupted between the last two steps.
                    (Some(_), None) => Step::UnlistMoved,
                    (None, None) => {
                        state.listed[OLD] = false;
                        self.after_copy(&mut state, number, process.is_switched, false)
                    }
                    (there, Some(here)) => {
                        let kept =
                            there.filter(|there| self.stays(*there, here, process.is_switched));
                        process.record = kept.or(process.record);
                        if self.broken == Some(Broken::MoveSession) {
                            state.items[OLD] = None;
                        }
                        if kept.is_some() {
                            Step::ReadBack
                        } else {
                            Step::WriteCopy
                        }
                    }
                }
            }
            Step::WriteCopy => {
                state.items[NEW] = process.record;
                Step::ReadBack
            }
            Step::ReadBack => match state.items[NEW] == process.record {
                true => Step::ListCopy,
                false => self.fail(&mut state, number),
            },
            Step::ListCopy => match state.listed[OLD] || self.broken == Some(Broken::ListCopy) {
                true => {
                    state.listed[NEW] = true;
                    self.after_copy(&mut state, number, process.is_switched, true)
                }
                false => Step::RemoveUnlistedCopy,
            },
            Step::RemoveUnlistedCopy => {
                state.items[NEW] = None;
                self.after_copy(&mut state, number, process.is_switched, false)
            }
            Step::Switch => {
                state.configured = NEW;
                process.is_switched = true;
                Step::MoveAll
            }
            Step::MoveAll => match (state.listed[OLD], process.left) {
                (false, _) => Step::End,
                (true, 0) => self.fail(&mut state, number),
                (true, _) => {
                    process.left -= 1;
                    lock(&mut state, number)?
                }
            },
            Step::MoveSession => {
                state.items[OLD] = None;
                Step::UnlistMoved
            }
            Step::UnlistMoved => {
                state.listed[OLD] = false;
                match process.is_switched {
                    true => {
                        state.session_lock = None;
                        Step::MoveAll
                    }
                    false => Step::Switch,
                }
            }
            Step::End => {
                state.note = false;
                self.fail(&mut state, number)
            }
            _ => return None,
        };
        if process.step == Step::Ended {
            process.record = None;
            process.there = None;
        }
        state.processes[number] = process;
        Some(state)
    }

    /// Of two sessions, the one with the newer refresh token stays.
    fn stays(&self, there: Record, here: Record, is_switched: bool) -> bool {
        match is_switched {
            _ if self.broken == Some(Broken::Stays) => false,
            true => there.issue >= here.issue,
            false => there.issue > here.issue,
        }
    }

    /// The step after a copy: the lock stays until the session is moved.
    fn after_copy(
        &self,
        state: &mut State,
        number: usize,
        is_switched: bool,
        copied: bool,
    ) -> Step {
        if self.broken == Some(Broken::Stays) && !is_switched {
            state.session_lock = None;
        }
        match (is_switched, copied) {
            (false, _) => Step::Switch,
            (true, true) => Step::MoveSession,
            (true, false) => {
                if state.session_lock == Some(number) {
                    state.session_lock = None;
                }
                Step::MoveAll
            }
        }
    }

    fn end_logout(&self, state: &mut State, number: usize, is_concurrent: bool) -> Step {
        let is_concurrent = is_concurrent || state.is_signing_in();
        let history = &mut state.history;
        history.is_signed_out = !is_concurrent && !history.has_session && !history.is_split;
        self.fail(state, number)
    }

    fn fail(&self, state: &mut State, number: usize) -> Step {
        state.release(number);
        Step::Ended
    }
}

/// Notes for each sign-in in progress that a logout overlaps it: either result is right.
fn overlap(state: &mut State) {
    for process in state
        .processes
        .iter_mut()
        .filter(|process| process.is_signing_in())
    {
        process.is_concurrent = true;
    }
}

/// Takes the session's lock for a copy.
fn lock(state: &mut State, number: usize) -> Option<Step> {
    match state.session_lock {
        Some(holder) if holder != number => None,
        _ => {
            state.session_lock = Some(number);
            Some(Step::LoadThere)
        }
    }
}
