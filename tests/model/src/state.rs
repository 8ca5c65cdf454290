//! The shared state: two stores, the index, the locks, the clocks, Entra ID and three processes.

use std::fmt;

/// The lifetime of a token. Times are ticks.
pub const LIFETIME: u8 = 1;
/// The last tick of the true time.
pub const LAST_TICK: u8 = 2;

/// A record of a session, with its tokens as the ticks of their expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Record {
    pub refresh_token: u8,
    /// Time of issue and number of refresh tokens before: the larger is the newer.
    pub issue: (u8, u8),
    pub entra: u8,
    pub communication: u8,
    pub sample: Sample,
}

/// The clocks at the latest response of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sample {
    pub wall: i8,
    pub uptime: u8,
    pub service: u8,
}

/// The true time and the clocks of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Clocks {
    pub now: u8,
    pub wall: i8,
    pub uptime: u8,
    /// One disturbance for a run: both clocks at once may be wrong in the same way.
    pub is_disturbed: bool,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    Get,
    /// A `get` that may sign in.
    InteractiveGet,
    Serve,
    Login,
    Logout,
    Migrate,
}

impl Role {
    pub const ALL: [Role; 6] = [
        Role::Get,
        Role::InteractiveGet,
        Role::Serve,
        Role::Login,
        Role::Logout,
        Role::Migrate,
    ];

    pub fn may_sign_in(self) -> bool {
        matches!(self, Role::InteractiveGet | Role::Login)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Get => "get",
            Role::InteractiveGet => "interactive get",
            Role::Serve => "serve",
            Role::Login => "login",
            Role::Logout => "logout",
            Role::Migrate => "migrate",
        })
    }
}

/// The next step of a process. Each has the name of the function of the program that takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    ChosenStore,
    FindSessionOrActive,
    Load,
    ReloadOrSignOut,
    Lock,
    ReadCache,
    LoadUnder,
    NextStep,
    Refresh,
    Exchange,
    Write,
    Update,
    RemoveUnlisted,
    LockSignIn,
    ReadCacheForSignIn,
    SignIn,
    LockSession,
    WriteNew,
    Upsert,
    CachedCredential,
    Unlist,
    Remove,
    ForgetCopy,
    Begin,
    CopyAll,
    LoadThere,
    LoadHere,
    WriteCopy,
    ReadBack,
    ListCopy,
    RemoveUnlistedCopy,
    Switch,
    MoveAll,
    MoveSession,
    UnlistMoved,
    End,
    Ended,
    Crashed,
}

/// The note of the data that a process has in its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Process {
    pub role: Role,
    pub step: Step,
    /// The store that was configured when the process began.
    pub store: usize,
    pub record: Option<Record>,
    /// The record of the new store, during a copy.
    pub there: Option<Record>,
    pub refreshed: bool,
    pub exchanged: bool,
    pub signed_in: bool,
    /// The process began after a logout had ended.
    pub is_after_logout: bool,
    /// The migration has switched the configured store.
    pub is_switched: bool,
    /// A logout and a sign-in of this process overlap: either result is right.
    pub is_concurrent: bool,
    /// A logout knows of the copy in the other store.
    pub knows_copy: bool,
    /// Requests to `serve`, or rounds of a migration, that are left.
    pub left: u8,
    /// The token of `serve` in memory.
    pub memory: Option<Memory>,
}

impl Process {
    pub fn is_signing_out(&self) -> bool {
        matches!(self.step, Step::Unlist | Step::Remove | Step::ForgetCopy)
    }

    pub fn is_signing_in(&self) -> bool {
        matches!(self.step, Step::LockSession | Step::WriteNew | Step::Upsert)
    }
}

/// A token in memory: what was left of it, and the clocks then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Memory {
    pub expires: u8,
    pub life: u8,
    pub wall: i8,
    pub now: u8,
}

/// The state of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    pub clocks: Clocks,
    /// The session's item in each store: the old one, and the one of a migration.
    pub items: [Option<Record>; 2],
    /// Whether the index lists the session in each store.
    pub listed: [bool; 2],
    pub session_lock: Option<usize>,
    pub sign_in_lock: Option<usize>,
    pub migration_lock: Option<usize>,
    /// The note of an unfinished migration.
    pub note: bool,
    /// The configured store.
    pub configured: usize,
    pub processes: [Process; 3],
    /// The refresh tokens that Entra issued, and those that were redeemed, as bits.
    pub issued: u8,
    pub redeemed: u16,
    pub has_crashed: bool,
    pub history: History,
}

/// What has happened, for the properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct History {
    pub expired_token_returned: bool,
    pub redeemed_twice: bool,
    pub token_returned: bool,
    pub token_returned_after_logout: bool,
    /// A session was saved, and no logout has begun since.
    pub has_session: bool,
    /// A logout has ended, and no sign-in was in progress since it began.
    pub is_signed_out: bool,
    /// A sign-in that began before a migration saved its session in the old store. `logout` then signs out
    /// one of two sessions.
    pub is_split: bool,
}

impl State {
    pub fn initial(roles: [Role; 3], is_signed_in: bool) -> State {
        let sample = Sample {
            wall: 0,
            uptime: 0,
            service: 0,
        };
        let record = Record {
            refresh_token: 0,
            issue: (0, 0),
            entra: LIFETIME,
            communication: LIFETIME,
            sample,
        };
        let process = |role| Process {
            role,
            step: Step::ChosenStore,
            store: 0,
            record: None,
            there: None,
            refreshed: false,
            exchanged: false,
            signed_in: false,
            is_after_logout: false,
            is_switched: false,
            is_concurrent: false,
            knows_copy: false,
            left: 2,
            memory: None,
        };
        State {
            clocks: Clocks {
                now: 0,
                wall: 0,
                uptime: 0,
                is_disturbed: false,
            },
            items: [is_signed_in.then_some(record), None],
            listed: [is_signed_in, false],
            session_lock: None,
            sign_in_lock: None,
            migration_lock: None,
            note: false,
            configured: 0,
            processes: roles.map(process),
            issued: 1,
            redeemed: 0,
            has_crashed: false,
            history: History {
                has_session: is_signed_in,
                ..History::default()
            },
        }
    }

    /// The time of the service, as `LocalClocks::estimate_server_time` computes it.
    pub fn estimate_server_time(&self, sample: Sample, trusts_wall: bool) -> u8 {
        let by_uptime =
            i16::from(sample.service) + i16::from(self.clocks.uptime) - i16::from(sample.uptime);
        let by_wall =
            i16::from(self.clocks.wall) - i16::from(sample.wall) + i16::from(sample.service);
        let time = if trusts_wall {
            by_wall
        } else {
            by_uptime.max(by_wall)
        };
        u8::try_from(time.max(0)).unwrap_or(u8::MAX)
    }

    /// Whether no process is in the middle of anything.
    pub fn is_quiet(&self) -> bool {
        self.processes.iter().all(|process| {
            matches!(
                process.step,
                Step::Ended | Step::Crashed | Step::ChosenStore | Step::CachedCredential
            )
        })
    }

    /// Whether another process is in a sign-in whose result is not saved yet.
    pub fn is_signing_in(&self) -> bool {
        self.processes.iter().any(Process::is_signing_in)
    }

    pub fn is_signing_out(&self) -> bool {
        self.processes.iter().any(Process::is_signing_out)
    }

    /// Notes for each logout in progress that a sign-in overlaps it: either result is right.
    pub fn overlap_logouts(&mut self) {
        let logouts = self
            .processes
            .iter_mut()
            .filter(|process| process.is_signing_out());
        logouts.for_each(|logout| logout.is_concurrent = true);
    }

    pub fn release(&mut self, process: usize) {
        for lock in [
            &mut self.session_lock,
            &mut self.sign_in_lock,
            &mut self.migration_lock,
        ] {
            if *lock == Some(process) {
                *lock = None;
            }
        }
    }
}
