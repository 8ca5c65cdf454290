//! Fixtures: a home folder for each test, browsers, and the search for secrets in all output.

pub(crate) mod brisk_clock;
pub(crate) mod browser;
pub(crate) mod canned;
pub(crate) mod deadline;
pub(crate) mod hiding_service;
pub(crate) mod home;
pub(crate) mod http;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod relay;
pub(crate) mod secret_service;
pub(crate) mod store_process;
pub(crate) mod sweep;
pub(crate) mod teams_user;
pub(crate) mod terminal;
#[cfg(target_os = "linux")]
pub(crate) mod users;

pub(crate) use browser::TestBrowser;
pub(crate) use deadline::{Deadline, wait_until};
pub(crate) use home::{Home, Run};
pub(crate) use terminal::Terminal;
