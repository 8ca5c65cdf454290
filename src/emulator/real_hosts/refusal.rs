//! The reason for which a system allows no namespaces, from its settings.

use std::io;
use std::path::Path;

use crate::error::{Error, Kind};

/// A setting of the kernel, and the value with which it forbids namespaces.
struct Setting {
    name: &'static str,
    forbids: &'static str,
    allows: &'static str,
}

/// The most specific one is first. The last two restrict users without privileges only.
const SETTINGS: [Setting; 5] = [
    Setting {
        name: "user.max_net_namespaces",
        forbids: "0",
        allows: "15000",
    },
    Setting {
        name: "user.max_mnt_namespaces",
        forbids: "0",
        allows: "15000",
    },
    Setting {
        name: "user.max_user_namespaces",
        forbids: "0",
        allows: "15000",
    },
    Setting {
        name: "kernel.unprivileged_userns_clone",
        forbids: "0",
        allows: "1",
    },
    Setting {
        name: "kernel.apparmor_restrict_unprivileged_userns",
        forbids: "1",
        allows: "0",
    },
];

/// Returns the error about a namespace that this system refused, with the setting that forbids it.
pub(super) fn refused(step: &str, cause: impl Into<io::Error>) -> Error {
    let setting = SETTINGS.iter().find(|setting| {
        let path = Path::new("/proc/sys").join(setting.name.replace('.', "/"));
        std::fs::read_to_string(path).is_ok_and(|value| value.trim() == setting.forbids)
    });
    describe(step, setting).caused_by(cause.into())
}

fn describe(step: &str, setting: Option<&Setting>) -> Error {
    let Some(Setting {
        name,
        forbids,
        allows,
    }) = setting
    else {
        return Error::new(
            Kind::Usage,
            format!("this system refused to {step} for --real-hosts"),
            "A container, a sandbox or a security module can forbid namespaces. Run it outside, or \
             use `acspass emulator exec` without --real-hosts.",
        );
    };
    Error::new(
        Kind::Usage,
        format!(
            "this system refused to {step} for --real-hosts: the kernel setting {name} is {forbids}"
        ),
        format!("Run `sudo sysctl -w {name}={allows}`, or leave out --real-hosts."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_setting_and_its_remedy() {
        for setting in &SETTINGS {
            let error = describe("create namespaces", Some(setting));
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.message().contains(setting.name), "{error}");
            let command = format!("sudo sysctl -w {}={}`", setting.name, setting.allows);
            assert!(error.hint().contains(&command), "{}", error.hint());
        }
        let error = describe("create namespaces", None);
        assert!(error.hint().contains("container"), "{}", error.hint());
    }
}
