//! Many at once: `user create --count` and `user delete -`.

use std::collections::BTreeSet;
use std::process::Command;

use acspass::emulator::{Emulator, Fault, FaultKind, Route};
use serde_json::{Value, json};

use super::{created, fault};
use crate::harness::Home;
use crate::harness::wait_until;

#[test]
fn a_count_of_identities_is_created_one_a_line() {
    let (home, emulator) = Home::with_emulator();
    let run = home.run(&["user", "create", "--count", "40"]);
    run.assert_code(0);
    let ids: BTreeSet<&str> = run.stdout.lines().collect();
    assert_eq!(ids.len(), 40);
    assert!(ids.iter().all(|id| id.starts_with("8:acs:")));
    assert_eq!(emulator.count("create_identity"), 40);
}

#[test]
fn a_count_of_identities_with_tokens_comes_in_json_as_one_object() {
    let (home, emulator) = Home::with_emulator();
    let words = [
        "user", "create", "--count", "3", "--scope", "chat", "-o", "json",
    ];
    let run = home.run(&words);
    let json = run.json();
    assert_eq!(json["failed"], json!([]));
    let created = json["created"].as_array().expect("a list");
    assert_eq!(created.len(), 3);
    for one in created {
        assert!(
            one["identity"]["id"]
                .as_str()
                .unwrap()
                .starts_with("8:acs:")
        );
        let token = one["accessToken"]["token"].as_str().expect("a token");
        assert!(emulator.is_token_valid(token));
    }
    let text = home.run(&["user", "create", "--count", "3", "--scope", "chat"]);
    let kinds: Vec<bool> = text
        .stdout
        .lines()
        .map(|line| line.starts_with("8:acs:"))
        .collect();
    assert_eq!(
        kinds,
        [true, false, true, false, true, false],
        "id, token, id, token …"
    );
}

#[test]
fn what_was_not_created_is_told_and_the_exit_code_says_so() {
    let (home, emulator) = Home::with_emulator();
    emulator.add_fault(fault(403, None, Some(2)));
    let run = home.run(&["user", "create", "--count", "5"]);
    assert_eq!(run.code, Some(5), "{}", run.stderr);
    assert_eq!(
        run.stdout.lines().count(),
        3,
        "what was created is printed all the same"
    );
    run.assert_says(&["2 of 5 identities were not created", "error: ", "hint: "]);

    emulator.add_fault(fault(403, None, Some(1)));
    let run = home.run(&["user", "create", "--count", "2", "-o", "json"]);
    assert_eq!(run.code, Some(5), "{}", run.stderr);
    let json = run.json();
    assert_eq!(json["created"].as_array().unwrap().len(), 1);
    assert!(json["failed"][0]["error"].is_string());
    assert_eq!(run.json_error()["kind"], "refused");
}

#[test]
fn a_count_out_of_range_is_a_usage_error() {
    let (home, emulator) = Home::with_emulator();
    for count in ["0", "many", "1000001"] {
        home.run(&["user", "create", "--count", count])
            .assert_error(2, &["--count"]);
    }
    assert_eq!(emulator.requests(), []);
}

#[test]
fn what_create_prints_delete_reads() {
    let (home, emulator) = Home::with_emulator();
    let ids = home.run(&["user", "create", "--count", "40"]).stdout;
    let run = home.call(&["user", "delete", "-"]).typing(&ids).run();
    run.assert_code(0);
    assert_eq!(run.stdout, ids_in_order(&ids), "the deleted, by line");
    assert_eq!(emulator.count("delete_identity"), 40);
}

fn ids_in_order(ids: &str) -> String {
    ids.lines().map(|id| format!("{id}\n")).collect()
}

#[test]
fn a_list_with_bad_lines_deletes_the_good_ones_and_names_the_others() {
    let (home, emulator) = Home::with_emulator();
    let (first, second) = (created(&home), created(&home));
    let foreign = emulator.foreign_identity();
    let list = format!("{first}\n\n  {foreign}  \nnonsense\r\n8:orgid:x\n{second}");
    let run = home.call(&["user", "delete", "-"]).typing(&list).run();
    assert_eq!(
        run.code,
        Some(5),
        "the first failure is the foreign one: {}",
        run.stderr
    );
    assert_eq!(run.stdout, format!("{first}\n{second}\n"));
    run.assert_says(&[
        "3 of 5 identities were not deleted",
        &format!("{foreign}: the identity was deleted, or does not belong to this ACS resource"),
        "nonsense: `nonsense` is not the id of an ACS identity",
        "8:orgid:x: `8:orgid:x` is a Teams user",
        "IdentityNotOwned",
    ]);
    assert_eq!(
        emulator.count("delete_identity"),
        3,
        "what is malformed is not sent"
    );
}

#[test]
fn the_exit_code_is_the_first_bad_lines() {
    let (home, emulator) = Home::with_emulator();
    let foreign = emulator.foreign_identity();
    for (list, code) in [
        (format!("nonsense\n{foreign}\n"), 2),
        (format!("{foreign}\nnonsense\n"), 5),
    ] {
        let run = home.call(&["user", "delete", "-"]).typing(&list).run();
        assert_eq!(run.code, Some(code), "{list}: {}", run.stderr);
    }
}

#[test]
fn a_list_in_json_tells_the_deleted_and_the_failed() {
    let (home, emulator) = Home::with_emulator();
    let id = created(&home);
    let foreign = emulator.foreign_identity();
    let call = home.call(&["user", "delete", "-", "-o", "json"]);
    let run = call.typing(&format!("{foreign}\n{id}\n")).run();
    assert_eq!(run.code, Some(5), "{}", run.stderr);
    let json = run.json();
    assert_eq!(json["deleted"], json!([id]));
    assert_eq!(json["failed"][0]["id"], foreign);
    assert!(
        json["failed"][0]["error"]
            .as_str()
            .unwrap()
            .contains("ACS resource")
    );
    let members: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(members, ["deleted", "failed"]);
    assert_eq!(run.json_error()["code"], "IdentityNotOwned");

    let call = home.call(&["user", "delete", "-", "-o", "json"]);
    let run = call.typing(&id).run();
    assert_eq!(
        run.assert_code(0).json(),
        json!({"deleted": [id], "failed": []})
    );
}

fn silence(times: u32) -> Fault {
    Fault {
        route: Route::Identities,
        times: Some(times),
        what: FaultKind::Hang,
    }
}

/// Waits until the emulator has met this many requests.
fn wait_for_requests(emulator: &Emulator, count: usize) {
    wait_until("the requests arrive", || emulator.requests().len() >= count);
}

#[test]
fn an_interrupted_creation_keeps_what_was_created_and_says_what_is_not_known() {
    let (home, emulator) = Home::with_emulator();
    emulator.add_fault(silence(2));
    let process = home.call(&["user", "create", "--count", "5"]).spawn();
    let lines = [
        process.next_line(),
        process.next_line(),
        process.next_line(),
    ];
    process.signal("INT");
    let run = process.end();
    assert_eq!(run.code, Some(130), "{}", run.stderr);
    assert_eq!(run.stdout.lines().collect::<Vec<_>>(), lines);
    run.assert_says(&["interrupted", "may still have processed the request"]);
    run.assert_does_not_say("Run the command again.");
}

#[test]
fn one_request_that_is_interrupted_may_have_been_heard() {
    let (home, emulator) = Home::with_emulator();
    let created = home.run(&["user", "create"]);
    let id = created.stdout.trim();
    for words in [
        vec!["user", "delete", id],
        vec!["token", "revoke", "--user", id],
        vec!["token", "issue", "--user", id, "--scope", "chat"],
        vec!["token", "issue", "--scope", "chat"],
    ] {
        emulator.add_fault(silence(1));
        let before = emulator.requests().len();
        let process = home.call(&words).spawn();
        wait_for_requests(&emulator, before + 1);
        process.signal("INT");
        let run = process.end();
        run.assert_error(
            130,
            &["interrupted", "may still have processed the request"],
        );
        emulator.clear_faults();
    }
}

#[test]
fn an_interrupted_deletion_still_lists_what_was_deleted() {
    let (home, emulator) = Home::with_emulator();
    let ids = [created(&home), created(&home), created(&home)];
    let file = home.path().join("ids.txt");
    std::fs::write(&file, ids.join("\n")).unwrap();
    emulator.add_fault(silence(1));
    let before = emulator.requests().len();
    let script = "file=$1; shift; exec \"$@\" < \"$file\"";
    let process = home
        .call(&["user", "delete", "-", "-o", "json"])
        .spawn_under(
            Command::new("/bin/sh")
                .args(["-c", script, "sh"])
                .arg(&file)
                .arg(env!("CARGO_BIN_EXE_acspass")),
            "a shell",
        );
    wait_for_requests(&emulator, before + 3);
    process.signal("INT");
    let run = process.end();
    assert_eq!(run.code, Some(130), "{}", run.stderr);
    assert_eq!(run.json_error()["kind"], "interrupted");
    let json: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let deleted = json["deleted"].as_array().expect("a list");
    assert!(deleted.len() <= 2, "one hangs: {json}");
    assert!(
        deleted
            .iter()
            .all(|id| ids.contains(&id.as_str().unwrap().to_owned()))
    );
}

#[test]
fn an_empty_list_deletes_nothing_and_succeeds() {
    let (home, emulator) = Home::with_emulator();
    let run = home.call(&["user", "delete", "-"]).typing("\n \n").run();
    assert_eq!(run.assert_code(0).stdout, "");
    assert_eq!(emulator.requests(), []);
}
