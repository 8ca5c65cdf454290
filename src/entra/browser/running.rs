//! A browser command that runs after its page was opened.

use std::process::Child;

/// A browser command that still runs. Its exit status is collected after this value is dropped.
#[derive(Debug)]
pub(super) struct RunningCommand(Option<Child>);

impl RunningCommand {
    pub(super) fn new(child: Child) -> Self {
        RunningCommand(Some(child))
    }
}

impl Drop for RunningCommand {
    /// Waits on a thread, so that no zombie stays for the life of this process.
    fn drop(&mut self) {
        let Some(mut child) = self.0.take() else {
            return;
        };
        if let Ok(Some(_)) = child.try_wait() {
            return;
        }
        let _ = std::thread::Builder::new()
            .name("browser".to_owned())
            .spawn(move || child.wait());
    }
}
