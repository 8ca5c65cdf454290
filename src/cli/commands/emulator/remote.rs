//! The running emulator that the commands below `emulator` change.

use crate::cli::env_vars;
use crate::cli::environment::Environment;
use crate::emulator::Remote;
use crate::error::Result;

/// Returns the client of the emulator at `ACSPASS_EMULATOR_URL`, or at the fixed port.
pub(super) fn remote(env: &Environment) -> Result<Remote> {
    Remote::new(env.variable(env_vars::ACSPASS_EMULATOR_URL))
}
