//! The steps of the model, and the functions of the program that take them.

use crate::state::Step;

/// Each step, its function, and the function's file.
pub const TABLE: [(Step, &str, &str); 36] = [
    (Step::ChosenStore, "chosen_store", "src/config/resolve.rs"),
    (
        Step::FindSessionOrActive,
        "find_session_or_active",
        "src/session/sessions.rs",
    ),
    (Step::Load, "load", "src/store/session_store/store.rs"),
    (
        Step::ReloadOrSignOut,
        "reload_or_sign_out",
        "src/store/session_store/reconcile.rs",
    ),
    (Step::Lock, "lock", "src/session/renewal/locks.rs"),
    (Step::ReadCache, "read_cache", "src/session/renewal/task.rs"),
    (
        Step::LoadUnder,
        "load_under",
        "src/store/session_store/store.rs",
    ),
    (Step::NextStep, "next_step", "src/session/freshness.rs"),
    (Step::Refresh, "refresh", "src/session/renewal/refresh.rs"),
    (Step::Exchange, "exchange", "src/session/renewal/task.rs"),
    (Step::Write, "write", "src/store/session_store/store.rs"),
    (Step::Update, "update", "src/store/index/change.rs"),
    (
        Step::RemoveUnlisted,
        "save_renewed",
        "src/store/session_store/store.rs",
    ),
    (Step::LockSignIn, "lock", "src/session/renewal/locks.rs"),
    (
        Step::ReadCacheForSignIn,
        "read_cache",
        "src/session/renewal/task.rs",
    ),
    (Step::SignIn, "sign_in", "src/session/renewal/sign_in.rs"),
    (
        Step::LockSession,
        "lock_session",
        "src/session/renewal/locks.rs",
    ),
    (Step::WriteNew, "write", "src/store/session_store/store.rs"),
    (Step::Upsert, "upsert", "src/store/index/change.rs"),
    (
        Step::CachedCredential,
        "credential",
        "src/serve/accounts/cache.rs",
    ),
    (
        Step::Unlist,
        "remove_with_copy",
        "src/store/index/change.rs",
    ),
    (Step::Remove, "remove", "src/store/session_store/forget.rs"),
    (
        Step::ForgetCopy,
        "forget_copy",
        "src/cli/commands/logout.rs",
    ),
    (Step::Begin, "begin", "src/store/migrate.rs"),
    (Step::CopyAll, "copy_all", "src/session/migration.rs"),
    (Step::LoadThere, "copy_session", "src/store/migrate.rs"),
    (Step::LoadHere, "copy_session", "src/store/migrate.rs"),
    (Step::WriteCopy, "copy_session", "src/store/migrate.rs"),
    (Step::ReadBack, "copy_session", "src/store/migrate.rs"),
    (Step::ListCopy, "list_copy", "src/store/index/change.rs"),
    (
        Step::RemoveUnlistedCopy,
        "copy_session",
        "src/store/migrate.rs",
    ),
    (Step::Switch, "migrate", "src/session/migration.rs"),
    (Step::MoveAll, "move_all", "src/session/migration.rs"),
    (Step::MoveSession, "move_session", "src/store/migrate.rs"),
    (
        Step::UnlistMoved,
        "unlist",
        "src/store/session_store/copy.rs",
    ),
    (Step::End, "end", "src/store/migrate.rs"),
];

/// Returns the table as Markdown.
pub fn table() -> String {
    let mut text = "| step | function | file |\n| --- | --- | --- |\n".to_owned();
    for (step, function, file) in TABLE {
        text += &format!("| {step:?} | `{function}` | `{file}` |\n");
    }
    text
}
