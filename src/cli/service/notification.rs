//! One line on the desktop, where there is one (org.freedesktop.Notifications).
//!
//! It is told on a thread of its own and forgotten: a desktop that does not answer, or that is not
//! there, keeps nobody waiting. Other systems have none.

/// Shows a notification, if anybody shows notifications here.
#[cfg(all(
    unix,
    not(any(target_os = "macos", target_os = "ios", target_os = "android"))
))]
pub(in crate::cli) fn show(title: &str, text: &str) {
    let (title, text) = (title.to_owned(), text.to_owned());
    let started = std::thread::Builder::new()
        .name("notify".to_owned())
        .spawn(move || {
            if let Err(error) = async_io::block_on(notify(&title, &text)) {
                tracing::debug!("no notification could be shown: {error}");
            }
        });
    if let Err(error) = started {
        tracing::debug!("no notification could be shown: {error}");
    }
}

#[cfg(all(
    unix,
    not(any(target_os = "macos", target_os = "ios", target_os = "android"))
))]
async fn notify(title: &str, text: &str) -> zbus::Result<()> {
    use std::collections::HashMap;

    use zbus::zvariant::Value;

    /// The specification's words for "no notification to replace" and "as long as is usual".
    const NEW: u32 = 0;
    const USUAL: i32 = -1;
    let bus = crate::store::session_bus::connect(true).await?;
    // A body is markup to some desktops: nothing of it may be.
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let (actions, hints) = (Vec::<&str>::new(), HashMap::<&str, Value<'_>>::new());
    let body = (
        "acspass",
        NEW,
        "dialog-password",
        title,
        text,
        actions,
        hints,
        USUAL,
    );
    bus.call_method(
        Some("org.freedesktop.Notifications"),
        "/org/freedesktop/Notifications",
        Some("org.freedesktop.Notifications"),
        "Notify",
        &body,
    )
    .await?;
    Ok(())
}

/// Shows nothing: no way to a desktop is known here.
#[cfg(not(all(
    unix,
    not(any(target_os = "macos", target_os = "ios", target_os = "android"))
)))]
pub(in crate::cli) fn show(_title: &str, _text: &str) {}
