//! The commands of the first page, in groups.

/// A group of commands: its title and its rows. A row has one description for all its commands.
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) rows: &'static [(&'static [&'static str], &'static str)],
}

/// The groups of the short page. The long page has a row for each command.
pub(super) const GROUPS: [Group; 5] = [
    Group {
        title: "Sign in",
        rows: &[
            (&["login", "logout"], "Sign in, sign out"),
            (
                &["status", "account"],
                "Show accounts and token expiry, switch accounts",
            ),
            (
                &["session", "store"],
                "Move sessions to another machine or store",
            ),
        ],
    },
    Group {
        title: "Tokens",
        rows: &[
            (&["get"], "Print a Communication access token"),
            (
                &["exec"],
                "Run a command with an access token in its environment",
            ),
            (
                &["serve", "inspect"],
                "Serve access tokens to apps, decode a token",
            ),
        ],
    },
    Group {
        title: "Identities",
        rows: &[
            (
                &["user", "token", "access"],
                "Manage identities, their tokens, and access without a key",
            ),
            (&["api"], "Send one request to the ACS resource"),
        ],
    },
    Group {
        title: "Settings",
        rows: &[
            (
                &["config", "profile"],
                "Show and change settings, select a profile",
            ),
            (
                &["setup", "doctor"],
                "Register the Entra application, check the configuration",
            ),
        ],
    },
    Group {
        title: "Develop",
        rows: &[
            (
                &["emulator"],
                "Run an emulator of Entra ID and ACS Identity",
            ),
            (
                &["completions", "man"],
                "Print shell completions and manual pages",
            ),
            (&["help", "version"], "Print help and the version"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::GROUPS;
    use crate::cli::args::Cli;

    #[test]
    fn each_command_is_in_one_group() {
        let root = Cli::command();
        let visible = root
            .get_subcommands()
            .filter(|command| !command.is_hide_set());
        let visible: Vec<&str> = visible.map(clap::Command::get_name).collect();
        let rows = GROUPS.iter().flat_map(|group| group.rows);
        let listed: Vec<&str> = rows.flat_map(|(names, _)| *names).copied().collect();
        let set = |names: &[&'static str]| names.iter().copied().collect::<BTreeSet<_>>();
        assert_eq!(
            listed.len(),
            set(&listed).len(),
            "a command is listed twice"
        );
        let visible = visible.into_iter().collect::<BTreeSet<_>>();
        assert_eq!(visible, listed.into_iter().collect());
    }
}
