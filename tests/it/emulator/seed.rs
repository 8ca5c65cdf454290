//! `emulator --seed` and `emulator init`.

use super::{home, start, stop};

#[test]
fn a_seed_from_init_starts_and_is_never_overwritten() {
    let home = home();
    let file = home.path().join("seed.toml");
    let path = file.display().to_string();
    home.real(&["emulator", "init", &path]).assert_code(0);
    let written = std::fs::read_to_string(&file).expect("the seed");
    std::fs::write(&file, written.replace("ada@", "grace@")).expect("a changed seed");
    let again = home.real(&["emulator", "init", &path]);
    again.assert_error(2, &["exists already"]);
    let kept = std::fs::read_to_string(&file).expect("the seed");
    assert!(kept.contains("grace@"), "the changed seed is kept");
    let (running, ready) = start(&home, &["--seed", &path]);
    assert_eq!(ready["username"], "grace@contoso.example");
    stop(running);
}

#[test]
fn a_wrong_seed_is_refused_with_file_line_and_key() {
    let home = home();
    let file = home.path().join("seed.toml");
    std::fs::write(&file, "[[users]]\nusername = \"a@nowhere.example\"\n").expect("a seed");
    let path = file.display().to_string();
    let run = home.real(&["emulator", "--seed", &path]);
    run.assert_error(2, &["seed.toml", "line 1, `users[0].tenant`"]);
}
