//! Signing in by pasting the browser's last address: from anywhere, with nobody listening.

use std::io::Read;
use std::sync::{Arc, Mutex};

use acspass::emulator::Emulator;

use crate::harness::browser::parameter;
use crate::harness::home::Watch;
use crate::harness::{Home, Run, Terminal};

/// Pastes each time the command asks for it, what is made from the address that was printed.
struct Person {
    watch: Watch,
    asked: usize,
    lines: Vec<Line>,
    rest: Vec<u8>,
    second_half: String,
    entry: Arc<Mutex<Vec<String>>>,
}

/// What a person pastes.
enum Line {
    /// The address that the browser ends on, after these changes.
    Address(fn(&str) -> String),
    /// That address in two lines.
    TwoLines,
    /// The first of these lines.
    FirstHalf,
    /// The second of them.
    SecondHalf,
    /// The code in it.
    Code,
    /// Something else.
    Text(&'static str),
}

impl Read for Person {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.rest.is_empty() && !self.lines.is_empty() {
            self.asked += 1;
            let Some(url) = self.watch.asks_for_paste(self.asked) else {
                return Ok(0);
            };
            self.entry.lock().unwrap().push(url.clone());
            let line = match self.lines.remove(0) {
                Line::Text(text) => text.to_owned(),
                Line::Address(change) => change(&ends_on(&url)),
                Line::TwoLines => {
                    let (first, second) = halves(&ends_on(&url));
                    format!("{first}\n{second}")
                }
                Line::FirstHalf => {
                    let (first, second) = halves(&ends_on(&url));
                    self.second_half = second;
                    first
                }
                Line::SecondHalf => std::mem::take(&mut self.second_half),
                Line::Code => parameter(&ends_on(&url), "code").expect("a code"),
            };
            self.rest = format!("{line}\n").into_bytes();
        }
        let count = self.rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.rest[..count]);
        self.rest.drain(..count);
        Ok(count)
    }
}

/// The address in two parts, the first of which ends within the code.
fn halves(address: &str) -> (String, String) {
    let code = address.find("code=").expect("a code");
    let (first, second) = address.split_at(code + 30);
    (first.to_owned(), second.to_owned())
}

/// Where a browser ends that signs the first user in. Nobody listens there.
fn ends_on(url: &str) -> String {
    let body = url.split_once('?').expect("a query").1;
    let choice = "emulator_user=ada%40contoso.example";
    let target = url::Url::parse(url).expect("an address");
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: \
         application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n\
         {body}&{choice}",
        target.path(),
        target.port().expect("a port"),
        body.len() + 1 + choice.len(),
    );
    let answer = crate::harness::http::send(target.port().expect("a port"), &request);
    let location = answer
        .lines()
        .find_map(|line| line.strip_prefix("location: "));
    location.expect("a redirect").trim().to_owned()
}

/// Signs in, in this process; returns the addresses that were printed as well.
fn login(home: &Home, more: &[&str], lines: Vec<Line>) -> (Run, Vec<String>) {
    let call = home.call(&[&["login", "--paste"], more].concat());
    let entry = Arc::new(Mutex::new(Vec::new()));
    let person = Person {
        watch: call.watched(),
        asked: 0,
        lines,
        rest: Vec::new(),
        second_half: String::new(),
        entry: entry.clone(),
    };
    let run = call.reading(person).run();
    let entry = entry.lock().unwrap().clone();
    (run, entry)
}

fn home() -> (Home, Arc<Emulator>) {
    Home::with_emulator()
}

#[test]
fn last_address_signs_in_without_a_listener() {
    let (home, emulator) = home();
    let (run, entry) = login(&home, &[], vec![Line::Address(str::to_owned)]);
    run.assert_code(0)
        .assert_says(&["and paste it here", "Signed in as ada@contoso.example."]);
    assert_eq!(run.stdout, "");
    let asked = |name: &str| parameter(&entry[0], name).unwrap_or_default();
    assert_eq!(asked("response_mode"), "query");
    assert_eq!(asked("redirect_uri"), "http://localhost");
    assert_eq!(asked("code_challenge_method"), "S256");
    assert!(asked("nonce").len() >= 22 && asked("state").len() >= 22);
    assert_eq!(emulator.count("authorization_code"), 1);
}

#[test]
fn the_code_alone_will_do() {
    let (home, _emulator) = home();
    let (run, _) = login(&home, &[], vec![Line::Code]);
    run.assert_code(0)
        .assert_says(&["Signed in as ada@contoso.example."]);
}

#[test]
fn an_address_in_two_lines_signs_in_and_its_second_half_is_not_redeemed() {
    let (home, emulator) = home();
    let (run, entry) = login(&home, &[], vec![Line::TwoLines]);
    run.assert_code(0)
        .assert_says(&["Signed in as ada@contoso.example."]);
    assert_eq!(entry.len(), 1, "one paste");
    assert_eq!(emulator.count("authorization_code"), 1);
}

#[test]
fn two_halves_that_are_pasted_one_after_the_other_sign_in() {
    let (home, emulator) = home();
    let (run, _) = login(&home, &[], vec![Line::FirstHalf, Line::SecondHalf]);
    run.assert_code(0)
        .assert_says(&["is cut off", "Signed in as ada@contoso.example."]);
    assert_eq!(emulator.count("authorization_code"), 1);
}

#[test]
fn wrong_input_gets_a_sentence_and_another_try_and_the_third_is_the_last() {
    let (home, emulator) = home();
    let elsewhere = |url: &str| url.replace("state=", "state=x");
    let lines = vec![
        Line::Text("what am I to paste"),
        Line::Address(elsewhere),
        Line::Address(str::to_owned),
    ];
    let (run, _) = login(&home, &[], lines);
    run.assert_code(0).assert_says(&[
        "neither the address of the last page nor the code",
        "not the response to this sign-in",
        "Paste it again",
    ]);

    let redeemed = emulator.count("authorization_code");
    let lines = vec![
        Line::Text(""),
        Line::Text("http://localhost/"),
        Line::Address(elsewhere),
        Line::Address(str::to_owned),
    ];
    let (run, entry) = login(&home, &[], lines);
    run.assert_error(
        3,
        &[
            "none of three pasted texts",
            "hint: Run `acspass login --paste` again",
        ],
    );
    assert_eq!(entry.len(), 3);
    assert_eq!(emulator.count("authorization_code"), redeemed);
}

#[test]
fn what_is_pasted_is_never_repeated() {
    let (home, _emulator) = home();
    let marker = "marker-of-a-secret with a blank";
    let (run, _) = login(&home, &[], vec![Line::Text(marker), Line::Code]);
    run.assert_code(0).assert_does_not_say("marker-of-a-secret");
    let (run, _) = login(
        &home,
        &[],
        vec![Line::Text("1.marker-of-a-code-that-nobody-gave-out")],
    );
    run.assert_error(3, &["AADSTS70000"])
        .assert_does_not_say("marker-of");
}

#[test]
fn nothing_to_read_ends_with_3_at_once() {
    let (home, _emulator) = home();
    let run = home.call(&["login", "--paste"]).typing("").run();
    run.assert_error(3, &["standard input ended"]);
}

#[test]
fn wrong_text_before_the_end_of_the_input_is_named() {
    let (home, emulator) = home();
    let message_of_another = "error: the pasted address is not the response to this sign-in";
    let step = "hint: Run `acspass login --paste` at a terminal";
    for (typed, message) in [
        ("http://localhost/?code=abc&state=wrong", message_of_another),
        (
            "http://localhost/?code=abc&state=wrong\n",
            message_of_another,
        ),
        (
            "what am I to paste\n",
            "error: the pasted text is not the response to this sign-in",
        ),
    ] {
        let run = home.call(&["login", "--paste"]).typing(typed).run();
        run.assert_error(3, &[message, step])
            .assert_does_not_say("standard input ended")
            .assert_does_not_say("no address was pasted");
    }
    for typed in ["\n", " \n\n"] {
        let run = home.call(&["login", "--paste"]).typing(typed).run();
        run.assert_error(3, &["no address was pasted: standard input ended", step]);
    }
    assert_eq!(emulator.count("authorization_code"), 0);
}

#[test]
fn a_code_of_another_sign_in_or_a_nonce_that_differs_buys_nothing() {
    let (home, emulator) = home();
    emulator.change_id_token("nonce", Some("another".into()));
    let (run, _) = login(&home, &[], vec![Line::Code]);
    run.assert_error(5, &["nonce"]);
    emulator.clear_faults();
    // The challenge is another's, so the verifier does not fit.
    let stolen = |url: &str| {
        let (before, after) = url.split_once("code_challenge=").expect("a challenge");
        let other = if after.starts_with('x') { "y" } else { "x" };
        format!("{before}code_challenge={other}{}", &after[1..])
    };
    let call = home.call(&["login", "--paste"]);
    struct Thief(Watch, fn(&str) -> String, Vec<u8>, bool);
    impl Read for Thief {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if !std::mem::replace(&mut self.3, true) {
                let url = (self.1)(&self.0.address().expect("an address"));
                let code = parameter(&ends_on(&url), "code").expect("a code");
                self.2 = format!("{code}\n").into_bytes();
            }
            let count = self.2.len().min(buffer.len());
            buffer[..count].copy_from_slice(&self.2[..count]);
            self.2.drain(..count);
            Ok(count)
        }
    }
    let thief = Thief(call.watched(), stolen, Vec::new(), false);
    call.reading(thief).run().assert_error(3, &["AADSTS501481"]);
}

#[test]
fn a_refusal_that_is_pasted_is_told_as_one() {
    let (home, _emulator) = home();
    let refused = |url: &str| {
        let state = parameter(url, "state").expect("a state");
        format!("http://localhost/?error=access_denied&error_subcode=cancel&state={state}")
    };
    let (run, _) = login(&home, &[], vec![Line::Address(refused)]);
    run.assert_error(3, &["the sign-in was cancelled"]);
}

#[test]
fn any_redirect_uri_goes_with_it_and_the_port_is_that_of_the_address() {
    let (home, _emulator) = home();
    let uri = "http://localhost:4711/redirect";
    let (run, entry) = login(
        &home,
        &["--redirect-uri", uri],
        vec![Line::Address(str::to_owned)],
    );
    run.assert_code(0);
    assert_eq!(parameter(&entry[0], "redirect_uri").as_deref(), Some(uri));
    let native = "https://login.microsoftonline.com/common/oauth2/nativeclient";
    for uri in [native, "myapp://auth", "urn:ietf:wg:oauth:2.0:oob"] {
        let (run, entry) = login(&home, &["--redirect-uri", uri], Vec::new());
        run.assert_error(3, &["standard input ended"]);
        assert_eq!(entry.len(), 0);
        run.assert_says(&[uri]);
    }
    for uri in ["nonsense", "https://x/#f", "https://u@x/", "http://x /"] {
        let (run, _) = login(&home, &["--redirect-uri", uri], Vec::new());
        run.assert_error(2, &["the redirect URI"]);
    }
    let (run, entry) = login(
        &home,
        &["--port", "8400"],
        vec![Line::Address(str::to_owned)],
    );
    run.assert_code(0);
    let redirect = parameter(&entry[0], "redirect_uri");
    assert_eq!(redirect.as_deref(), Some("http://localhost:8400"));
}

#[test]
fn a_profile_may_choose_it_and_a_flag_another_way() {
    let (home, _emulator) = home();
    home.configure("[profile.default]\nsign-in = \"paste\"\n");
    let run = home.call(&["login"]).typing("").run();
    run.assert_error(3, &["standard input ended"]);
    let run = home.call(&["get", "--interactive"]).typing("").run();
    run.assert_error(3, &["standard input ended"]);
    let call = home.call(&["login", "--device-code", "--timeout", "1s"]);
    call.run().assert_error(3, &["sign-in timed out"]);
}

#[test]
fn a_terminal_hands_over_all_of_a_long_address_and_shows_none_of_it() {
    let (home, _emulator) = home();
    let mut terminal = Terminal::start(&home, &["login", "--paste"]);
    terminal.sees("Open this address in a browser on any machine");
    terminal.sees("\r\n\r\n");
    let url = terminal.line();
    terminal.sees("then press Enter:");
    // Longer than any line that a terminal collects by itself, with the code at the end.
    let padding = format!("?padding={}&", "x".repeat(6000));
    terminal.types(&format!("{}\n", ends_on(&url).replace('?', &padding)));
    terminal.sees("Received ");
    terminal.sees("Signed in as ada@contoso.example.");
    assert!(!terminal.ends(0).contains("xxx"));
}

#[test]
fn a_terminal_joins_an_address_in_two_lines_and_shows_neither() {
    let (home, emulator) = home();
    let mut terminal = Terminal::start(&home, &["login", "--paste"]);
    terminal.sees("Open this address in a browser on any machine");
    terminal.sees("\r\n\r\n");
    let url = terminal.line();
    terminal.sees("then press Enter:");
    let (first, second) = halves(&ends_on(&url));
    // As a terminal sends a paste; the user's Enter comes later.
    terminal.types(&format!("{first}\r{second}"));
    terminal.types("\r");
    terminal.sees("Received ");
    terminal.sees("Signed in as ada@contoso.example.");
    let shown = terminal.ends(0);
    assert!(!shown.contains(&second[..20]) && !shown.contains("code="));
    assert_eq!(emulator.count("authorization_code"), 1);
}

#[test]
fn a_terminal_is_set_as_it_was_when_the_time_is_over() {
    let (home, _emulator) = home();
    let words = ["login", "--paste", "--timeout=1s"];
    let mut terminal = Terminal::start(&home, &words);
    terminal.sees("sign-in timed out after 1 s");
    let shown = terminal.ends(3);
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    let step = "Run `acspass login --paste --timeout 15m`, and paste the address of the last page.";
    assert!(shown.contains(step), "{shown}");
    assert!(!shown.contains("If the browser showed an error"));
}
