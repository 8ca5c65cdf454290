//! Steps that are broken on purpose, to show that the check detects them.

/// A broken step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// A renewal uses the record from before its lock.
    ReadCache,
    /// A renewal takes no lock.
    Lock,
    /// A renewal returns the new token and does not save it.
    SaveRenewed,
    /// A renewal lists its session again, although it was signed out.
    Update,
    /// The wall clock alone decides the expiry.
    EstimateServerTime,
    /// A migration gives the lock back between the copy and the move, and the old record replaces any.
    Stays,
    /// A migration deletes the session before the copy is in the new store.
    MoveSession,
    /// A migration lists its copy, although the original was signed out.
    ListCopy,
    /// A logout unlists the copy of a migration after the session, and not with it.
    ForgetCopy,
    /// `serve` uses its token in memory without a look at the index.
    CachedCredential,
}

impl Broken {
    pub const ALL: [(&'static str, Broken, &'static str); 10] = [
        ("read_cache", Broken::ReadCache, REDEEMED),
        ("lock", Broken::Lock, REDEEMED),
        ("save_renewed", Broken::SaveRenewed, REDEEMED),
        ("update", Broken::Update, SIGNED_OUT),
        ("estimate_server_time", Broken::EstimateServerTime, EXPIRED),
        ("stays", Broken::Stays, NEWEST),
        ("move_session", Broken::MoveSession, LOST),
        ("list_copy", Broken::ListCopy, SIGNED_OUT),
        ("forget_copy", Broken::ForgetCopy, SIGNED_OUT),
        ("cached_credential", Broken::CachedCredential, AFTER_LOGOUT),
    ];

    pub fn from_name(name: &str) -> Option<Broken> {
        let found = Broken::ALL.iter().find(|(known, ..)| *known == name);
        found.map(|(_, broken, _)| *broken)
    }
}

// The properties.
pub const EXPIRED: &str = "no expired token is returned";
pub const REDEEMED: &str = "no refresh token is redeemed twice except after a crash";
pub const NEWEST: &str = "the stored refresh token is the newest except after a crash";
pub const LOST: &str = "no session is lost";
pub const SIGNED_OUT: &str = "no user is signed in after a logout";
pub const AFTER_LOGOUT: &str = "no token is returned to a process that began after a logout";
