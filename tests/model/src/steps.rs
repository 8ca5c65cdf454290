//! The steps of `get`, `serve` and `login`. A step is one access to shared state, or one request.

use crate::broken::Broken;
use crate::model::Protocol;
use crate::state::{LIFETIME, Memory, Process, Record, Role, Sample, State, Step};

impl Protocol {
    /// Takes the next step of a process. `None` if it waits for a lock, or has ended.
    pub fn step(&self, mut state: State, number: usize) -> Option<State> {
        if state.processes[number].is_signing_in() {
            state.overlap_logouts();
        }
        let mut process = state.processes[number];
        let store = process.store;
        process.step = match process.step {
            Step::ChosenStore => {
                process.store = state.configured;
                match process.role {
                    Role::Serve => Step::CachedCredential,
                    Role::Login => Step::LockSignIn,
                    Role::Migrate => Step::Begin,
                    _ => Step::FindSessionOrActive,
                }
            }
            Step::FindSessionOrActive => {
                process.is_after_logout = state.history.is_signed_out;
                match (process.role, state.listed[store]) {
                    (Role::Logout, true) => return Some(self.begin_logout(state, number)),
                    (_, true) => Step::Load,
                    (Role::InteractiveGet, false) => Step::LockSignIn,
                    _ => self.end(&mut state, number, &mut process),
                }
            }
            Step::Load => {
                process.record = state.items[store];
                match process.record {
                    None => Step::ReloadOrSignOut,
                    Some(record) if is_valid(&state, self, record.communication, record.sample) => {
                        self.use_cached(&mut state, number, &mut process)
                    }
                    Some(_) if self.broken == Some(Broken::Lock) => Step::ReadCache,
                    Some(_) => Step::Lock,
                }
            }
            // It does not wait: the holder of the lock decides.
            Step::ReloadOrSignOut => {
                if state.session_lock.is_none() && state.items[store].is_none() {
                    state.listed[store] = false;
                }
                Step::Lock
            }
            Step::Lock => take(&mut state.session_lock, number, Step::ReadCache)?,
            Step::ReadCache => match state.listed[store] {
                _ if self.broken == Some(Broken::ReadCache) => Step::NextStep,
                true => Step::LoadUnder,
                false => {
                    process.record = None;
                    Step::NextStep
                }
            },
            Step::LoadUnder => {
                process.record = state.items[store];
                if process.record.is_none() {
                    state.listed[store] = false;
                }
                match state.sign_in_lock == Some(number) {
                    // A user signed in during the wait, so that session's lock is needed.
                    true if process.record.is_some() => {
                        state.sign_in_lock = None;
                        Step::Lock
                    }
                    true => Step::SignIn,
                    false => Step::NextStep,
                }
            }
            Step::NextStep => self.next_step(&mut state, number, &mut process),
            Step::Refresh => {
                let record = process.record.as_mut()?;
                let bit = 1 << record.refresh_token;
                state.history.redeemed_twice |= state.redeemed & bit != 0 && !state.has_crashed;
                state.redeemed |= bit;
                renew(&mut state, record);
                record.issue = (
                    record.issue.0.max(record.sample.service),
                    record.issue.1 + 1,
                );
                process.refreshed = true;
                process.exchanged = false;
                self.save_renewed()
            }
            Step::Exchange => {
                let record = process.record.as_mut()?;
                record.communication = record.entra;
                process.exchanged = true;
                self.save_renewed()
            }
            Step::Write => {
                state.items[store] = process.record;
                Step::Update
            }
            Step::Update => match state.listed[store] || self.broken == Some(Broken::Update) {
                true => {
                    state.listed[store] = true;
                    Step::NextStep
                }
                false => Step::RemoveUnlisted,
            },
            Step::RemoveUnlisted => {
                state.items[store] = None;
                self.end(&mut state, number, &mut process)
            }
            Step::LockSignIn => {
                let next = match process.role {
                    Role::Login => Step::SignIn,
                    _ => Step::ReadCacheForSignIn,
                };
                take(&mut state.sign_in_lock, number, next)?
            }
            Step::ReadCacheForSignIn => match state.listed[store] {
                true => Step::LoadUnder,
                false => Step::SignIn,
            },
            Step::SignIn => {
                state.history.is_signed_out = false;
                state.overlap_logouts();
                let mut record = Record {
                    refresh_token: 0,
                    issue: (0, 0),
                    entra: 0,
                    communication: 0,
                    sample: sample(&state),
                };
                renew(&mut state, &mut record);
                record.issue = (record.sample.service, 0);
                process.record = Some(record);
                process.signed_in = true;
                process.is_concurrent = false;
                process.refreshed = false;
                process.exchanged = false;
                match state.session_lock == Some(number) {
                    true => Step::WriteNew,
                    false => Step::LockSession,
                }
            }
            Step::LockSession => take(&mut state.session_lock, number, Step::WriteNew)?,
            Step::WriteNew => {
                state.items[store] = process.record;
                Step::Upsert
            }
            Step::Upsert => {
                state.listed[store] = true;
                state.history.is_split |= store != state.configured;
                state.history.has_session = !process.is_concurrent && !state.is_signing_out();
                match process.role {
                    Role::Login => self.end(&mut state, number, &mut process),
                    _ => Step::NextStep,
                }
            }
            Step::CachedCredential => self.cached_credential(&mut state, number, &mut process),
            Step::Ended | Step::Crashed => return None,
            _ => return self.step_of_removal(state, number),
        };
        state.processes[number] = process;
        Some(state)
    }

    /// The freshness rule. With a lifetime of one tick, each token that has not expired is fresh.
    fn next_step(&self, state: &mut State, number: usize, process: &mut Process) -> Step {
        let renewed = process.refreshed || process.signed_in;
        if let Some(record) = process.record {
            let valid = |expires| is_valid(state, self, expires, record.sample);
            if (!renewed || process.exchanged) && valid(record.communication) {
                return self.use_cached(state, number, process);
            }
            if !process.exchanged && valid(record.entra) {
                return Step::Exchange;
            }
            if !process.refreshed {
                return Step::Refresh;
            }
        }
        match process.role.may_sign_in() && !process.signed_in {
            true => Step::SignIn,
            false => self.end(state, number, process),
        }
    }

    fn save_renewed(&self) -> Step {
        match self.broken == Some(Broken::SaveRenewed) {
            true => Step::NextStep,
            false => Step::Write,
        }
    }

    /// Returns the cached token to the caller.
    fn use_cached(&self, state: &mut State, number: usize, process: &mut Process) -> Step {
        if let Some(record) = process.record {
            let estimate = self.estimate(state, record.sample);
            hand_out(state, process, record.communication);
            process.memory = Some(Memory {
                expires: record.communication,
                life: record.communication.saturating_sub(estimate),
                wall: state.clocks.wall,
                now: state.clocks.now,
            });
        }
        self.end(state, number, process)
    }

    /// A request to `serve`: the index, then the token in memory, else what `get` does.
    fn cached_credential(&self, state: &mut State, number: usize, process: &mut Process) -> Step {
        if process.left == 0 {
            return self.end(state, number, process);
        }
        process.is_after_logout = state.history.is_signed_out;
        process.refreshed = false;
        process.exchanged = false;
        let is_listed =
            state.listed[process.store] || self.broken == Some(Broken::CachedCredential);
        if !is_listed {
            process.memory = None;
            return self.end(state, number, process);
        }
        // A clock that is set back does not prolong it.
        let is_good = |memory: &Memory| {
            let by_wall = (state.clocks.wall - memory.wall).max(0).unsigned_abs();
            memory.life > by_wall.max(state.clocks.now - memory.now)
        };
        match process.memory.filter(is_good) {
            Some(memory) => {
                hand_out(state, process, memory.expires);
                self.end(state, number, process)
            }
            None => Step::FindSessionOrActive,
        }
    }

    /// Ends the process, or the request of `serve`. Its locks are free.
    pub fn end(&self, state: &mut State, number: usize, process: &mut Process) -> Step {
        state.release(number);
        process.record = None;
        process.there = None;
        if process.role == Role::Serve && process.left > 0 {
            process.left -= 1;
            return Step::CachedCredential;
        }
        process.memory = None;
        Step::Ended
    }

    pub fn estimate(&self, state: &State, sample: Sample) -> u8 {
        let trusts_wall = self.broken == Some(Broken::EstimateServerTime);
        state.estimate_server_time(sample, trusts_wall)
    }
}

fn is_valid(state: &State, protocol: &Protocol, expires: u8, sample: Sample) -> bool {
    expires > protocol.estimate(state, sample)
}

fn hand_out(state: &mut State, process: &Process, expires: u8) {
    state.history.token_returned = true;
    state.history.expired_token_returned |= expires <= state.clocks.now;
    let is_signed_out = process.is_after_logout && state.history.is_signed_out;
    state.history.token_returned_after_logout |= is_signed_out;
}

/// Takes a lock, or waits.
fn take(lock: &mut Option<usize>, number: usize, next: Step) -> Option<Step> {
    match *lock {
        Some(holder) if holder != number => None,
        _ => {
            *lock = Some(number);
            Some(next)
        }
    }
}

fn sample(state: &State) -> Sample {
    Sample {
        wall: state.clocks.wall,
        uptime: state.clocks.uptime,
        service: state.clocks.now,
    }
}

/// The response of Entra with a new refresh token and a new Entra token.
fn renew(state: &mut State, record: &mut Record) {
    record.refresh_token = state.issued;
    state.issued += 1;
    record.sample = sample(state);
    record.entra = state.clocks.now + LIFETIME;
}
