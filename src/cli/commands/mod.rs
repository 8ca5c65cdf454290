//! One file a command, each a function from what was typed to an exit code.

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
pub(super) mod login;
mod logout;
mod man;
mod serve;
mod setup;
mod status;
mod token;
mod token_input;
mod user;

use crate::error::Result;

use super::Stdin;
use super::args::{Account, Command, Token, User};
use super::context::Environment;
use super::output::Output;

/// Runs the command and returns the exit code.
pub(super) fn run(
    command: Command,
    env: &Environment,
    stdin: Stdin,
    output: &mut Output,
) -> Result<u8> {
    match command {
        Command::Login(args) => login::run(&args, env, stdin, output),
        Command::Get(args) => get::run(&args, env, stdin, output),
        Command::Exec(args) => exec::run(&args, env, stdin, output),
        Command::Serve(args) => serve::run(&args, env, stdin, output),
        Command::Status(_) => status::run(env, output),
        Command::Logout(args) => logout::run(&args, env, output),
        Command::Account(Account::List(_)) => account::list(env, output),
        Command::Account(Account::Switch(args)) | Command::Switch(args) => {
            account::switch(&args, env, stdin, output)
        }
        Command::Inspect(args) => inspect::run(&args, env, stdin, output),
        Command::User(User::Create(args)) => user::create(&args, env, output),
        Command::User(User::Delete(args)) => user::delete(&args, env, stdin, output),
        Command::Token(Token::Issue(args)) => token::issue(&args, env, output),
        Command::Token(Token::Revoke(args)) => token::revoke(&args, env, output),
        Command::Token(Token::Exchange(args)) => token::exchange(&args, env, stdin, output),
        Command::Config(args) => config::run(&args, env, stdin, output),
        Command::Setup(_) => setup::run(env, output),
        Command::Doctor(args) => doctor::run(&args, env, output),
        Command::Emulator(args) => emulator::run(&args, env, output),
        Command::Completions(args) => completions::run(&args, output),
        Command::Man(args) => man::run(&args, output),
    }
}
