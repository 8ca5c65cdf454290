//! `completions`: prints the script of a shell, which asks [`complete`](crate::cli::complete).

use crate::cli::args::Shell;
use crate::cli::io::output::Output;
use crate::error::Result;

pub(crate) fn run(shell: Shell, output: &mut Output) -> Result<u8> {
    output.write_bytes(script(shell).as_bytes())
}

fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => include_str!("../../../assets/completions/acspass.bash"),
        Shell::Elvish => include_str!("../../../assets/completions/acspass.elv"),
        Shell::Fish => include_str!("../../../assets/completions/acspass.fish"),
        Shell::Powershell => include_str!("../../../assets/completions/acspass.ps1"),
        Shell::Zsh => include_str!("../../../assets/completions/acspass.zsh"),
    }
}
