//! Stores that keep each login's items apart, as the kernel's keyring does.

use super::*;

/// A store double: the items of one login, on a machine where these logins have ended.
struct OfLogin {
    items: Arc<MemoryStore>,
    login: LoginSession,
    ended: &'static [&'static str],
}

impl TokenStore for OfLogin {
    fn name(&self) -> &'static str {
        "keyutils"
    }
    fn load(&self, item: &str) -> Result<Option<SecretBytes>> {
        self.items.load(item)
    }
    fn save(&self, item: &str, value: &SecretBytes) -> Result<()> {
        self.items.save(item, value)
    }
    fn delete(&self, item: &str) -> Result<bool> {
        self.items.delete(item)
    }
    fn items(&self) -> Result<Vec<String>> {
        self.items.items()
    }
    fn is_persistent(&self) -> bool {
        true
    }
    fn removal_by_hand(&self, item: &str) -> String {
        format!("dig out `{item}`")
    }
    fn login_session(&self) -> LoginSession {
        self.login.clone()
    }
    fn has_ended(&self, login: &str) -> bool {
        self.ended.contains(&login)
    }
}

fn in_login(login: LoginSession, folder: &Path) -> (Arc<MemoryStore>, SessionStore) {
    after(login, &[], folder)
}

fn after(
    login: LoginSession,
    ended: &'static [&'static str],
    folder: &Path,
) -> (Arc<MemoryStore>, SessionStore) {
    let items = Arc::new(MemoryStore::new());
    let store = OfLogin {
        items: Arc::clone(&items),
        login,
        ended,
    };
    (
        items,
        SessionStore::new(Box::new(store), Some(folder.to_owned())),
    )
}

fn own(login: &str) -> LoginSession {
    LoginSession::Own(login.to_owned())
}

fn listed(sessions: &SessionStore) -> Vec<String> {
    let index = sessions.index().unwrap();
    let page = sessions.list(&application(), 100).unwrap();
    assert!(page.entries.iter().eq(index.entries()), "both ways to read");
    let names = index.entries().map(|entry| &entry.account.username);
    names.cloned().collect()
}

#[test]
fn session_is_listed_only_in_the_login_that_has_it() {
    let folder = TempDir::new().unwrap();
    let (_, first) = in_login(own("one"), folder.path());
    let (_, second) = in_login(own("two"), folder.path());
    save(&first, &record("ada"));
    assert_eq!(listed(&first), ["ada@Contoso.example"]);
    assert_eq!(listed(&second), [""; 0]);
    assert!(second.active(&application()).unwrap().is_none());
    let found = second
        .find_by_name(&application(), "ada@contoso.example")
        .unwrap();
    assert!(found.is_empty());

    // Both logins are signed in at a time, each with an active account of its own.
    save(&second, &record("bob"));
    save(&second, &record("ada"));
    second.activate(&record("ada").key()).unwrap();
    save(&first, &record("ada"));
    assert_eq!(listed(&first), ["ada@Contoso.example"]);
    assert_eq!(
        listed(&second),
        ["ada@Contoso.example", "bob@Contoso.example"]
    );
    second.forget(&record("ada").key()).unwrap();
    assert_eq!(listed(&first), ["ada@Contoso.example"]);
    assert!(first.active(&application()).unwrap().is_some());
}

#[test]
fn a_login_that_cannot_be_identified_loses_nothing_and_one_that_ended_has_nothing() {
    let folder = TempDir::new().unwrap();
    let (items, first) = in_login(own("one"), folder.path());
    save(&first, &record("ada"));
    let (_, ended) = in_login(LoginSession::Ended, folder.path());
    assert_eq!(listed(&ended), [""; 0]);
    let store = OfLogin {
        items,
        login: LoginSession::Unknown,
        ended: &[],
    };
    let unknown = SessionStore::new(Box::new(store), Some(folder.path().to_owned()));
    assert_eq!(listed(&unknown), ["ada@Contoso.example"]);
    let mut renewed = record("ada");
    renewed.refresh_token = None;
    unknown
        .save_renewed(&renewed, &lock(&unknown, &renewed))
        .unwrap();
    assert_eq!(listed(&first), ["ada@Contoso.example"], "it kept its login");
    let (_, second) = in_login(own("two"), folder.path());
    assert_eq!(listed(&second), [""; 0]);
}

#[test]
fn entry_of_an_earlier_version_is_assigned_to_the_login_that_has_it() {
    let folder = TempDir::new().unwrap();
    let (items, first) = in_login(own("one"), folder.path());
    let ada = record("ada");
    save(&first, &ada);
    let path = folder.path().join("index.json");
    let earlier = fs::read_to_string(&path)
        .unwrap()
        .replace(r#""login":"one","#, "")
        .replace(r#","active":true}"#, "}");
    assert!(!earlier.contains("login\""), "{earlier}");
    fs::write(&path, &earlier).unwrap();
    assert_eq!(listed(&first), ["ada@Contoso.example"]);
    assert!(first.active(&application()).unwrap().is_some());
    first.save_renewed(&ada, &lock(&first, &ada)).unwrap();
    let (_, second) = in_login(own("two"), folder.path());
    assert_eq!(listed(&second), [""; 0], "it is the first login's now");

    // A login that does not have it finds that out at the first look.
    fs::write(&path, &earlier).unwrap();
    assert_eq!(listed(&second), ["ada@Contoso.example"]);
    assert_eq!(second.load(&ada.key()).unwrap(), None);
    assert_eq!(listed(&second), [""; 0]);
    assert_eq!(items.items().unwrap(), [ada.key().item_name()]);
}

#[test]
fn sign_in_removes_entries_of_ended_logins_and_bounds_others() {
    let folder = TempDir::new().unwrap();
    for number in 0..40 {
        let (_, sessions) = in_login(own(&format!("login-{number}")), folder.path());
        save(&sessions, &record("ada"));
    }
    let lines = || {
        let text = fs::read_to_string(folder.path().join("index.json")).unwrap();
        text.lines()
            .filter(|line| line.contains("keyutils"))
            .count()
    };
    assert_eq!(lines(), 33, "32 of other logins, and its own");
    let (_, last) = after(own("last"), &["login-39", "login-38"], folder.path());
    save(&last, &record("bob"));
    assert_eq!(lines(), 32);
    assert_eq!(listed(&last), ["bob@Contoso.example"]);
}

#[test]
fn logout_all_removes_this_logins_sessions_and_reports_another_login() {
    let folder = TempDir::new().unwrap();
    let (others, other) = in_login(own("other"), folder.path());
    save(&other, &record("ada"));
    let (items, sessions) = in_login(own("this"), folder.path());
    save(&sessions, &record("ada"));
    let error = sessions.forget_everything(|_| true).unwrap_err();
    assert_eq!(error.kind(), Kind::Store);
    assert!(
        error
            .message()
            .contains("1 session is in the keyring of another login")
    );
    assert_eq!(items.items().unwrap(), [""; 0]);
    assert_eq!(listed(&sessions), [""; 0]);
    assert_eq!(listed(&other), [""; 0], "signed out at once");
    assert_eq!(others.items().unwrap(), [record("ada").key().item_name()]);
    assert_eq!(other.forget_everything(|_| true).unwrap().sessions, 1);

    // The keyring of a login that has ended is gone, and so is the session.
    save(&other, &record("ada"));
    let (_, next) = after(own("next"), &["other"], folder.path());
    let nothing = ForgottenSessions::default();
    assert_eq!(next.forget_everything(|_| true).unwrap(), nothing);
    assert_eq!(listed(&other), [""; 0]);
}
