//! The whole command against the emulator, over real sockets: one file a promise.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod aadsts;
mod access;
mod account_choice;
mod answers;
mod api;
mod authorities;
#[cfg(target_os = "linux")]
mod autostart;
mod bad_input;
mod cache;
mod cached_metadata;
mod claims;
mod client_faults;
#[cfg(target_os = "linux")]
mod clipboard;
#[cfg(target_os = "linux")]
mod command_lines;
mod completions;
mod concurrency;
mod contract;
mod cookies;
mod device_code;
mod doctor;
mod elsewhere;
mod emulated_accounts;
mod emulator;
mod emulator_command;
mod emulator_exec;
mod examples;
mod exchange_service;
mod exec;
mod findings;
mod first_run;
#[cfg(target_os = "linux")]
mod foreign;
mod freshness;
mod full_disk;
mod get;
mod get_formats;
#[cfg(target_os = "linux")]
mod hardening;
mod harness;
mod hidden_input;
mod identity;
mod imports;
mod input_forms;
#[cfg(target_os = "linux")]
mod kept_files;
mod killed_commands;
mod killed_writers;
mod library_example;
mod loudness;
mod many_accounts;
mod named_accounts;
mod newcomers;
mod next_steps;
mod output;
mod parity;
mod paste;
mod personas;
mod profile_list;
mod profiles;
mod progress;
mod proxies;
#[cfg(target_os = "linux")]
mod raw_paths;
#[cfg(target_os = "linux")]
mod real_hosts;
mod relays;
mod secret_service;
mod secrets_in_slots;
mod security_page;
mod serve;
mod session_export;
mod settings;
mod setup;
mod sign_in;
mod signs_of_life;
mod single_use;
mod store_migration;
mod stores;
mod suites;
#[cfg(target_os = "linux")]
mod systemd;
mod teams_session;
mod tenants;
#[cfg(unix)]
mod upgrade;
