//! `emulator ca`: the development authority of this user.

use serde_json::json;

use crate::cli::args::EmulatorCa;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::emulator::DevelopmentAuthority;
use crate::error::Result;

pub(crate) fn run(args: &EmulatorCa, env: &Environment, output: &mut Output) -> Result<u8> {
    let authority = DevelopmentAuthority::new(env.state_folder()?);
    let now = env.clock.now();
    match args {
        EmulatorCa::Path => authority.prepare(now)?,
        EmulatorCa::Renew { host_names } => authority.renew(now, host_names)?,
        EmulatorCa::Trust => {
            let command = authority.trust_command(now)?;
            if let Some(command) = authority.browser_command() {
                env.messages.print(&format!(
                    "Chromium and Firefox have lists of their own, for the program certutil of NSS: \
                     {command}"
                ));
            }
            return print_command(&command, env, output);
        }
        EmulatorCa::Untrust => return print_command(&authority.untrust_command(), env, output),
    }
    if matches!(args, EmulatorCa::Renew { .. }) {
        env.messages.print(
            "The emulator has a new CA. Restart a running emulator. If the system trusts the CA, run \
             `acspass emulator ca trust` again.",
        );
    }
    let path = authority.certificate_path().display().to_string();
    output.print_result(&path, &json!({"caFile": path}))
}

fn print_command(command: &str, env: &Environment, output: &mut Output) -> Result<u8> {
    env.messages
        .print("Run this command, or pass it to `sh -c`:");
    output.print_result(command, &json!({"command": command}))
}
