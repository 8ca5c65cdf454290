//! The keyring store against a real Secret Service, in each of its states.

use std::time::Duration;

use crate::harness::hiding_service::HidingService;
use crate::harness::secret_service::SecretService;
use crate::harness::store_process::{self, Run, content, outcome};

/// Not a test: the child process of the tests below, which put its orders into the environment.
#[test]
#[ignore = "started by other tests"]
fn a_child_process_does_what_its_parent_ordered() {
    store_process::obey_parent();
}

fn assert_store_error(outcome: &str, words: &str, step: &str) {
    assert!(outcome.starts_with("store | "), "{outcome}");
    assert!(outcome.contains(words), "{outcome}");
    assert!(outcome.contains(step), "{outcome}");
    assert!(
        outcome.contains("`acspass config set store file`"),
        "{outcome}"
    );
}

#[test]
fn items_go_in_and_come_out_whole_and_other_programs_find_them() {
    let service = SecretService::start();
    for size in ["0", "6000", "100000"] {
        let item = format!("item-{size}");
        let orders = format!("load {item} {size};save {item} {size};save {item} {size}");
        let mut run = Run::start(&service.env(), &orders);
        assert_eq!(run.next(), "none");
        assert_eq!(run.next(), "saved");
        assert_eq!(run.next(), "saved");
        run.end();
        assert_eq!(
            outcome(&service.env(), &format!("load {item} {size}")),
            "same"
        );
        assert_eq!(service.lookup(&item), content(size));
    }
    assert_eq!(
        service.lookup_items(),
        ["item-0", "item-100000", "item-6000"]
    );
    let mut run = Run::start(&service.env(), "delete item-0;delete item-0;load item-0 0");
    assert_eq!(
        [run.next(), run.next(), run.next()],
        ["deleted true", "deleted false", "none"]
    );
    run.end();
    assert_eq!(service.lookup_items(), ["item-100000", "item-6000"]);
}

#[test]
fn a_probe_leaves_nothing_behind() {
    let service = SecretService::start();
    assert_eq!(outcome(&service.env(), "probe"), "probed");
    assert!(service.lookup_items().is_empty());
}

#[test]
fn without_a_bus_the_error_says_so() {
    let service = SecretService::start();
    let no_bus: Vec<_> = service
        .env()
        .into_iter()
        .filter(|(name, _)| name != "DBUS_SESSION_BUS_ADDRESS")
        .collect();
    assert_store_error(
        &outcome(&no_bus, "load item 1"),
        "no D-Bus session bus",
        "`acspass config set store keyutils`",
    );
    for address in ["disabled:", "unix:path=/nowhere/at/all", "nonsense"] {
        let mut env = no_bus.clone();
        env.push(("DBUS_SESSION_BUS_ADDRESS".into(), address.into()));
        let outcome = outcome(&env, "load item 1");
        assert_store_error(
            &outcome,
            "no D-Bus session bus",
            "`acspass config set store keyutils`",
        );
    }
}

#[test]
fn each_address_of_the_list_is_tried_until_one_works() {
    let service = SecretService::start();
    let address = service.address();
    let lists = [
        format!("unix:path=/nowhere/at/all;{address}"),
        format!("{address};unix:path=/nowhere/at/all"),
        format!("autolaunch:;unix:runtime=yes;nonsense;;{address};"),
        format!("tcp:host=127.0.0.1,port=1;{address}"),
    ];
    for list in lists {
        let mut env = service.env();
        env.retain(|(name, _)| name != "DBUS_SESSION_BUS_ADDRESS");
        env.push(("DBUS_SESSION_BUS_ADDRESS".into(), list.clone()));
        assert_eq!(outcome(&env, "save item 100"), "saved", "{list}");
    }
    let none = "unix:path=/nowhere/at/all;unix:path=/nowhere/else";
    let env = [("DBUS_SESSION_BUS_ADDRESS".to_owned(), none.to_owned())];
    assert_store_error(
        &outcome(&env, "load item 1"),
        "no D-Bus session bus",
        "`acspass config set store keyutils`",
    );
}

#[test]
fn a_bus_is_found_by_an_escaped_path_an_abstract_name_and_the_runtime_directory() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let folder = folder.path().display();
    let unique = uuid::Uuid::new_v4();
    for address in [
        format!("unix:path={folder}/a%20bus%2c%c3%a7"),
        format!("unix:abstract=/acspass-test/{unique}"),
    ] {
        let service = SecretService::listening_at(&address);
        assert_eq!(outcome(&service.env(), "save item 100"), "saved");
    }
    // Without the variable, or with an empty one, it is the runtime directory's.
    let _service = SecretService::listening_at(&format!("unix:path={folder}/bus"));
    for variable in [None, Some("")] {
        let mut env = vec![("XDG_RUNTIME_DIR".to_owned(), folder.to_string())];
        let variable = variable.map(|text| ("DBUS_SESSION_BUS_ADDRESS".into(), text.into()));
        env.extend(variable);
        assert_eq!(outcome(&env, "save item 100"), "saved");
    }
}

#[test]
fn an_item_that_a_locked_database_hides_is_not_missing() {
    let locked = HidingService::locked();
    for order in ["load item 100", "delete item"] {
        let outcome = outcome(&locked.env(), order);
        assert_store_error(&outcome, "is locked", "gnome-keyring-daemon --unlock");
    }
    let closed = HidingService::without_database();
    for order in ["load item 100", "delete item"] {
        let outcome = outcome(&closed.env(), order);
        assert_store_error(&outcome, "no default collection", "--components=secrets");
    }
}

#[test]
fn a_bus_without_a_secret_service_is_told_from_no_bus() {
    let service = SecretService::bus_alone();
    let outcome = outcome(&service.env(), "load item 1");
    assert_store_error(
        &outcome,
        "no Secret Service runs",
        "gnome-keyring-daemon --unlock",
    );
}

#[test]
fn a_keyring_without_a_collection_holds_nothing_and_takes_nothing() {
    let service = SecretService::bus_that_can_start_a_keyring();
    let mut run = Run::start(&service.env(), "load item 1;save item 1");
    assert_eq!(run.next(), "none");
    assert_store_error(
        &run.next(),
        "no default collection",
        "gnome-keyring-daemon --unlock",
    );
    run.end();
}

#[test]
fn a_locked_keyring_says_so_for_reading_and_writing() {
    let service = SecretService::start();
    assert_eq!(outcome(&service.env(), "save item 100"), "saved");
    service.kill_daemon();
    let mut run = Run::start(
        &service.env(),
        "load item 100;save item 100;save another 100",
    );
    for _ in 0..3 {
        assert_store_error(&run.next(), "is locked", "gnome-keyring-daemon --unlock");
    }
    run.end();
}

#[test]
fn a_daemon_killed_between_two_calls_comes_back_locked() {
    let service = SecretService::start();
    let mut run = Run::start(&service.env(), "save item 100;pause;load item 100");
    assert_eq!(run.next(), "saved");
    assert_eq!(run.next(), "paused");
    service.kill_daemon();
    run.go_on();
    assert_store_error(&run.next(), "is locked", "gnome-keyring-daemon --unlock");
    run.end();
}

#[test]
fn a_daemon_that_died_for_good_is_a_service_that_is_gone() {
    let service = SecretService::start_mortal();
    let mut run = Run::start(&service.env(), "save item 100;pause;load item 100");
    assert_eq!(run.next(), "saved");
    assert_eq!(run.next(), "paused");
    service.kill_daemon();
    run.go_on();
    assert_store_error(
        &run.next(),
        "no Secret Service runs",
        "gnome-keyring-daemon --unlock",
    );
    run.end();
}

#[test]
fn a_bus_that_dies_midway_is_said() {
    let mut service = SecretService::start();
    let mut run = Run::start(&service.env(), "save item 100;pause;load item 100");
    assert_eq!(run.next(), "saved");
    assert_eq!(run.next(), "paused");
    service.kill_bus();
    run.go_on();
    assert_store_error(
        &run.next(),
        "ended during the call",
        "Run the command again",
    );
    run.end();
}

#[test]
fn a_daemon_that_dies_during_a_call_is_said() {
    let service = SecretService::start_mortal();
    let mut run = Run::start(&service.env(), "save item 100;pause;load item 100");
    assert_eq!(run.next(), "saved");
    assert_eq!(run.next(), "paused");
    // Stopped first, so that it dies with the call in its hands or before: never after it.
    service.stop_daemon();
    run.go_on();
    service.kill_daemon();
    let outcome = run.next();
    let gone = ["ended during the call", "no Secret Service runs"];
    assert!(
        gone.iter().any(|words| outcome.contains(words)),
        "{outcome}"
    );
    run.end();
}

#[test]
fn a_stopped_daemon_costs_five_seconds_once_and_the_process_ends_at_once_after_it() {
    let service = SecretService::start();
    service.stop_daemon();
    let mut run = Run::start(
        &service.env(),
        "load item 1;load item 1;save item 1;delete item",
    );
    for _ in 0..4 {
        assert_store_error(&run.next(), "timed out after 5 s", "restart");
    }
    let took = run.end();
    assert!(took >= Duration::from_secs(5), "{took:?}");
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn a_peer_that_accepts_and_never_answers_is_left_after_the_deadline() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("bus");
    let _listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    let address = format!("unix:path={}", path.display());
    let env = [("DBUS_SESSION_BUS_ADDRESS".to_owned(), address)];
    let mut run = Run::start(&env, "load item 1");
    assert_store_error(&run.next(), "timed out after 5 s", "restart");
    assert!(run.end() < Duration::from_secs(8));
}

#[test]
fn a_daemon_that_goes_on_is_heard_again() {
    let service = SecretService::start();
    let orders = "save item 100;pause;load item 100;pause;await;load item 100";
    let mut run = Run::start(&service.env(), orders);
    assert_eq!([run.next(), run.next()], ["saved", "paused"]);
    service.stop_daemon();
    run.go_on();
    assert_store_error(&run.next(), "timed out after 5 s", "restart");
    assert_eq!(run.next(), "paused");
    service.continue_daemon();
    run.go_on();
    assert_eq!(run.next(), "same");
    run.end();
}

#[test]
fn two_items_of_one_name_are_not_guessed_between() {
    let service = SecretService::start();
    assert_eq!(outcome(&service.env(), "save item 100"), "saved");
    service.add_twin("item");
    for order in ["load item 100", "save item 100"] {
        let outcome = outcome(&service.env(), order);
        assert_store_error(&outcome, "several items `item`", "removes all of them");
    }
    let mut run = Run::start(&service.env(), "delete item;load item 100");
    assert_eq!([run.next(), run.next()], ["deleted true", "none"]);
    run.end();
}

#[test]
fn the_keyring_crates_way_and_ours_find_each_others_items() {
    let service = SecretService::start();
    let orders = "save ours 6000;crate-load ours 6000;crate-save ours 7000;load ours 7000;\
                  crate-save theirs 100;load theirs 100;save theirs 200;crate-load theirs 200;items";
    let mut run = Run::start(&service.env(), orders);
    let outcomes: Vec<String> = (0..9).map(|_| run.next()).collect();
    run.end();
    let expected = "saved same saved same saved same saved same";
    assert_eq!(outcomes[..8].join(" "), expected);
    assert_eq!(outcomes[8], "ours theirs");
    assert_eq!(service.lookup_items(), ["ours", "theirs"], "no twins");
    assert_eq!(service.lookup("theirs"), content("200"));
}

#[test]
fn several_processes_at_once_each_have_a_session_of_their_own() {
    let service = SecretService::start();
    let mut runs: Vec<Run> = (0..12)
        .map(|number| {
            let item = format!("item-{number}");
            let orders = format!("save {item} 6000;pause;load {item} 6000;delete {item}");
            Run::start(&service.env(), &orders)
        })
        .collect();
    for run in &mut runs {
        assert_eq!([run.next(), run.next()], ["saved", "paused"]);
    }
    for run in &mut runs {
        run.go_on();
    }
    for mut run in runs {
        assert_eq!([run.next(), run.next()], ["same", "deleted true"]);
        run.end();
    }
}
