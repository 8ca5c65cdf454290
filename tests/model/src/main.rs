//! Checks the session protocol of acspass with every interleaving of three processes.
//!
//! ```text
//! session-model                      three processes of every combination of roles
//! session-model --only "get, logout, migrate"   one combination
//! session-model --break read_cache   the same with a broken step, until a property fails
//! session-model --steps              the steps, and the functions of the program that take them
//! ```

mod broken;
mod model;
mod removal;
mod state;
mod step_names;
mod steps;
#[cfg(test)]
mod tests;

use std::process::ExitCode;
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use broken::Broken;
use model::{Action, Protocol};
use state::{Clocks, Process, Role, State};

/// Every combination of three roles, in which at least two can meet.
fn combinations() -> Vec<[Role; 3]> {
    let mut all = Vec::new();
    for (at, first) in Role::ALL.into_iter().enumerate() {
        for (then, second) in Role::ALL.into_iter().enumerate().skip(at) {
            all.extend(
                Role::ALL
                    .into_iter()
                    .skip(then)
                    .map(|third| [first, second, third]),
            );
        }
    }
    all
}

/// The result of a check.
struct Checked {
    states: usize,
    depth: usize,
    /// The failed properties, and the steps that lead to each.
    failures: Vec<(&'static str, String)>,
}

fn check(roles: [Role; 3], broken: Option<Broken>) -> Checked {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let until = match broken {
        Some(_) => HasDiscoveries::Any,
        None => HasDiscoveries::All,
    };
    let checker = Protocol { roles, broken }
        .checker()
        .threads(threads)
        .finish_when(until);
    let checker = checker.spawn_bfs().join();
    let failures = checker.discoveries().into_iter().map(|(name, path)| {
        let steps = path.into_vec().into_iter();
        let steps = steps.map(|(state, action)| format!("  {}\n", described(&state, action)));
        (name, steps.collect())
    });
    Checked {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        failures: failures.collect(),
    }
}

/// Describes an action and the state before it.
fn described(state: &State, action: Option<Action>) -> String {
    let held = |store: usize| {
        let item = state.items[store].map_or("-".to_owned(), |it| it.refresh_token.to_string());
        format!("{item}{}", if state.listed[store] { " listed" } else { "" })
    };
    let what = match action {
        Some(Action::Take(process)) => {
            let Process { role, step, .. } = state.processes[process];
            format!("{process} {role}: {step:?}")
        }
        Some(action) => format!("{action:?}"),
        None => "the end".to_owned(),
    };
    let Clocks { now, wall, .. } = state.clocks;
    let (first, second) = (held(0), held(1));
    format!(
        "{what:34} [time {now}, wall {wall}, stores {first} | {second}, lock {:?}]",
        state.session_lock
    )
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut only = None;
    let broken = match arguments[..] {
        [] => None,
        ["--only", roles] => {
            only = Some(roles.to_owned());
            None
        }
        ["--steps"] => {
            print!("{}", step_names::table());
            return ExitCode::SUCCESS;
        }
        ["--break", name] if Broken::from_name(name).is_some() => Broken::from_name(name),
        _ => {
            let names = Broken::ALL.map(|(name, ..)| name).join(", ");
            eprintln!(
                "usage: session-model [--only ROLES | --steps | --break STEP]; the steps are {names}"
            );
            return ExitCode::from(2);
        }
    };
    let (start, mut states, mut failed) = (Instant::now(), 0, false);
    for roles in combinations() {
        let [first, second, third] = roles;
        let name = format!("{first}, {second}, {third}");
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let checked = check(roles, broken);
        states += checked.states;
        println!("{name}: {} states, depth {}", checked.states, checked.depth);
        for (property, steps) in &checked.failures {
            println!("  failed: {property}\n{steps}");
            failed = true;
        }
        if broken.is_some() && failed {
            break;
        }
    }
    println!("{states} states in {:.1} s", start.elapsed().as_secs_f64());
    match failed {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}
