//! One file for each command: a function from arguments to an exit code.

mod account;
mod bulk;
mod completions;
mod config;
mod doctor;
mod emulator;
mod exec;
mod exec_environment;
mod get;
mod inspect;
mod login;
mod logout;
mod man;
mod serve;
mod setup;
mod setup_questions;
mod status;
mod token;
mod token_input;
mod user;

use std::sync::Arc;

use crate::cli::args::{Account, Command, Token, User};
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::error::Result;

/// Runs the command and returns the exit code.
pub(super) fn run(command: Command, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    match command {
        Command::Login(args) => login::run(&args, env, output),
        Command::Get(args) => get::run(&args, env, output),
        Command::Exec(args) => exec::run(&args, env, output),
        Command::Serve(args) => serve::run(&args, env, output),
        Command::Status => status::run(env, output),
        Command::Logout(args) => logout::run(&args, env, output),
        Command::Account(Account::List) => account::list(env, output),
        Command::Account(Account::Switch(args)) | Command::Switch(args) => {
            account::switch(&args, env, output)
        }
        Command::Inspect(args) => inspect::run(&args, env, output),
        Command::User(User::Create(args)) => user::create(&args, env, output),
        Command::User(User::Delete(args)) => user::delete(&args, env, output),
        Command::Token(Token::Issue(args)) => token::issue(&args, env, output),
        Command::Token(Token::Revoke(args)) => token::revoke(&args, env, output),
        Command::Token(Token::Exchange(args)) => token::exchange(&args, env, output),
        Command::Config(args) => config::run(&args, env, output),
        Command::Setup => setup::run(env, output),
        Command::Doctor(args) => doctor::run(&args, env, output),
        Command::Emulator(args) => emulator::run(&args, env, output),
        Command::Completions(args) => completions::run(&args, output),
        Command::Man(args) => man::run(&args, output),
    }
}
