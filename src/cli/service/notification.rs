//! Shows a notification on the desktop (org.freedesktop.Notifications). Other systems show none.

/// Shows a notification from a detached thread, so that no caller waits for the desktop.
#[cfg(all(
    unix,
    not(any(target_os = "macos", target_os = "ios", target_os = "android"))
))]
pub(crate) fn show(title: &str, text: &str) {
    use std::collections::HashMap;

    use zbus::zvariant::Value;

    use crate::store::session_bus::{self, Executor};

    const SERVICE: &str = "org.freedesktop.Notifications";
    /// The specification's values for no notification to replace, and for the default timeout.
    const NEW: u32 = 0;
    const TIMEOUT: i32 = -1;
    // Some desktops read the text as markup.
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let title = title.to_owned();
    let notify = async move {
        let (actions, hints) = (Vec::<&str>::new(), HashMap::<&str, Value<'_>>::new());
        let icon = "dialog-password";
        let body = ("acspass", NEW, icon, title, text, actions, hints, TIMEOUT);
        let bus = session_bus::connect(Executor::OwnThread).await?;
        let path = "/org/freedesktop/Notifications";
        bus.call_method(Some(SERVICE), path, Some(SERVICE), "Notify", &body)
            .await
    };
    let run = || {
        if let Err(error) = async_io::block_on(notify) {
            tracing::debug!("Could not show a notification: {error}.");
        }
    };
    let thread = std::thread::Builder::new().name("notify".to_owned());
    if let Err(error) = thread.spawn(run) {
        tracing::debug!("Could not show a notification: {error}.");
    }
}

/// Does nothing.
#[cfg(not(all(
    unix,
    not(any(target_os = "macos", target_os = "ios", target_os = "android"))
)))]
pub(crate) fn show(_title: &str, _text: &str) {}
