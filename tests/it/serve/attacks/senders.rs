//! Who asks: hosts, web origins and secrets that are nearly right.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{APP, AttackedService, home, on_each_service};
use crate::harness::http;

#[test]
fn a_host_that_is_not_exactly_ours_gets_nothing_even_with_the_secret() {
    on_each_service(name_other_hosts);
}

fn name_other_hosts(attacked: AttackedService<'_>) {
    for (target, right) in attacked.doors() {
        name_other_hosts_at(&target, &right, &attacked);
    }
    attacked.end();
}

fn name_other_hosts_at(door: &str, right: &str, attacked: &AttackedService<'_>) {
    let port = attacked.service.port;
    let names = [
        // A name of the attacker's that leads to 127.0.0.1.
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "evil.example#localhost",
        "evil.example?localhost",
        "evil-localhost",
        "notlocalhost",
        "localhos",
        // The same machine by other names.
        "localhost.",
        "127.0.0.1.",
        "localhost.localdomain",
        "127.0.0.2",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.0.0.01",
        "0.0.0.0",
        "[::]",
        "::1",
        "[0:0:0:0:0:0:0:1]",
        "[::1%25lo]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        // Not a host at all.
        "user@localhost",
        "localhost:80@evil.example",
        "http://localhost",
        "*",
        "local\u{fc}host",
        "localhost\u{ff0e}",
        "",
    ];
    let mut hosts: Vec<String> = names.map(|name| format!("Host: {name}:{port}")).into();
    for wrong in [
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "localhost:80".to_owned(),
        "localhost:".to_owned(),
        format!("localhost:{}", port ^ 1),
        format!("localhost:0{port}"),
        format!("localhost:+{port}"),
        format!("localhost:{port}0"),
        format!("localhost:{port}/"),
        format!("localhost:{port}.evil.example"),
        format!("localhost:{port}:{port}"),
        format!("localhost:{port}, evil.example"),
        format!("localhost:{port} evil.example"),
        format!("localhost :{port}"),
    ] {
        hosts.push(format!("Host: {wrong}"));
    }
    for host in &hosts {
        // Not even the path that is open to everybody.
        for target in [door, "/healthz"] {
            let text = attacked.ask("GET", target, &[host, right]);
            attacked.assert_refused(host, &text, 421);
        }
    }
    let ours = attacked.host();
    let evil = "Host: evil.example";
    for (what, headers) in [
        ("no host", vec![right]),
        ("ours twice", vec![&ours, &ours, right]),
        ("ours and another", vec![&ours, evil, right]),
        ("another and ours", vec![evil, &ours, right]),
        (
            "forwarded for us",
            vec![evil, "X-Forwarded-Host: localhost", right],
        ),
        ("forwarded", vec![evil, "Forwarded: host=localhost", right]),
        ("by another name", vec![evil, "X-Host: localhost", right]),
    ] {
        attacked.assert_refused(what, &attacked.ask("GET", door, &headers), 421);
    }
    let old = format!("GET {door} HTTP/1.0\r\n{right}\r\n\r\n");
    let text = http::exchange(attacked.connect(), old.as_bytes()).replace("HTTP/1.0", "HTTP/1.1");
    attacked.assert_refused("HTTP/1.0 without a host", &text, 421);
    for line in [
        format!("http://evil.example{door}"),
        format!("http://evil.example:{port}{door}"),
        format!("http://localhost:{}/token", port ^ 1),
        format!("http://localhost{door}"),
        format!("http://evil@localhost:{port}{door}"),
        format!("http://localhost.:{port}{door}"),
    ] {
        let text = attacked.ask("GET", &line, &[&ours, right]);
        attacked.assert_refused(&line, &text, 421);
    }
    let line = format!("http://localhost:{port}{door}");
    let text = attacked.ask("GET", &line, &[evil, right]);
    attacked.assert_refused("our line and another host", &text, 421);
}

#[test]
fn a_page_that_is_not_exactly_the_approved_one_gets_nothing_even_with_the_secret() {
    let home = home();
    let attacked = AttackedService::start(&home);
    let (ours, right) = (attacked.host(), attacked.bearer());
    for origin in [
        "http://evil.example",
        "null",
        "",
        "*",
        "undefined",
        "http://localhost",
        "http://localhost:300",
        "http://localhost:30000",
        "http://localhost:3001",
        "http://localhost:03000",
        "https://localhost:3000",
        "ws://localhost:3000",
        "http://localhost:3000/",
        "http://localhost:3000/page",
        "http://localhost:3000?",
        "http://localhost:3000#",
        "http://localhost:3000.evil.example",
        "http://localhost:3000@evil.example",
        "http://evil.example/http://localhost:3000",
        "http://user@localhost:3000",
        "http://localhost.:3000",
        "http://sub.localhost:3000",
        "http://127.0.0.1:3000",
        "http://[::1]:3000",
        "HTTP://localhost:3000",
        "http://LOCALHOST:3000",
        "http://localhost%3a3000",
        "localhost:3000",
        "//localhost:3000",
        "http://localhost:3000 http://evil.example",
        "http://localhost:3000, http://evil.example",
        "http://localhost:3000\u{fc}",
        "file://",
        "chrome-extension://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ] {
        let line = format!("Origin: {origin}");
        for headers in [vec![ours.as_str(), &line], vec![&ours, &line, &right]] {
            for target in ["/token", "/healthz"] {
                let text = attacked.ask("GET", target, &headers);
                let response = attacked.assert_refused(&line, &text, 403);
                assert_no_cors(&response.headers);
            }
        }
        let asks = "Access-Control-Request-Method: GET";
        let text = attacked.ask("OPTIONS", "/token", &[&ours, &line, asks]);
        let response = attacked.assert_refused(&line, &text, 403);
        assert_no_cors(&response.headers);
    }
    let approved = format!("Origin: {APP}");
    let evil = "Origin: http://evil.example";
    for (what, headers) in [
        ("twice", vec![ours.as_str(), &approved, &approved, &right]),
        ("and another", vec![&ours, &approved, evil, &right]),
        ("after another", vec![&ours, evil, &approved, &right]),
        // Images, frames, links and plain forms of a foreign page carry no origin.
        (
            "cross-site",
            vec![&ours, "Sec-Fetch-Site: cross-site", &right],
        ),
        (
            "same-site",
            vec![&ours, "Sec-Fetch-Site: same-site", &right],
        ),
        ("an unknown site", vec![&ours, "Sec-Fetch-Site: x", &right]),
        (
            "one site of two",
            vec![
                &ours,
                "Sec-Fetch-Site: none",
                "Sec-Fetch-Site: cross-site",
                &right,
            ],
        ),
    ] {
        let text = attacked.ask("GET", "/token", &headers);
        attacked.assert_refused(what, &text, 403);
    }
    attacked.end();
}

#[test]
fn page_gets_nothing_from_the_service_of_a_command_even_with_its_secrets() {
    let home = home();
    let attacked = AttackedService::of_command(&home);
    let (ours, port) = (attacked.host(), attacked.service.port);
    let of_page = [
        format!("Origin: {APP}"),
        format!("Origin: http://127.0.0.1:{port}"),
        format!("Origin: http://localhost:{port}"),
        "Origin: null".to_owned(),
        "Origin: http://evil.example".to_owned(),
        "Sec-Fetch-Site: cross-site".to_owned(),
        "Sec-Fetch-Site: same-site".to_owned(),
    ];
    for (door, right) in attacked.doors() {
        for line in &of_page {
            for headers in [vec![ours.as_str(), line], vec![&ours, line, &right]] {
                let text = attacked.ask("GET", &door, &headers);
                let response = attacked.assert_refused(line, &text, 403);
                assert_no_cors(&response.headers);
            }
        }
        for line in of_page.iter().filter(|line| line.starts_with("Origin")) {
            let asks = "Access-Control-Request-Method: GET";
            let text = attacked.ask("OPTIONS", &door, &[&ours, line, asks]);
            let response = attacked.assert_refused(line, &text, 403);
            assert_no_cors(&response.headers);
        }
    }
    attacked.end();
}

/// No page may read it.
#[track_caller]
fn assert_no_cors(headers: &[(String, String)]) {
    let mut names = headers.iter().map(|(name, _)| name);
    assert!(names.all(|name| !name.starts_with("access-control")));
}

#[test]
fn a_secret_that_is_nearly_right_is_wrong() {
    on_each_service(send_other_secrets);
}

fn send_other_secrets(attacked: AttackedService<'_>) {
    let secret = attacked.service.secret.clone();
    let ours = attacked.host();
    let right = attacked.bearer();
    let swapped: String = secret
        .chars()
        .map(|letter| match letter.is_ascii_lowercase() {
            true => letter.to_ascii_uppercase(),
            false => letter.to_ascii_lowercase(),
        })
        .collect();
    let escaped: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let in_base64 = STANDARD.encode(&secret);
    let as_password = STANDARD.encode(format!("acspass:{secret}"));
    let last = secret.len() - 1;
    let wrong = [
        "Bearer".to_owned(),
        "Bearer x".to_owned(),
        format!("Bearer {}", &secret[..last]),
        format!("Bearer {}", &secret[1..]),
        format!("Bearer {secret}{secret}"),
        format!("Bearer {secret}="),
        format!("Bearer x{secret}"),
        format!("Bearer {}", "A".repeat(secret.len())),
        format!("Bearer {}", "A".repeat(12 * 1024)),
        format!("Bearer {swapped}"),
        format!("Bearer {escaped}"),
        format!("Bearer {in_base64}"),
        format!("Bearer  {secret}"),
        format!("Bearer\t{secret}"),
        format!("Bearer \"{secret}\""),
        format!("Bearer {secret} {secret}"),
        format!("Bearer x, Bearer {secret}"),
        format!("Bearer {secret}, Bearer x"),
        format!("Bearer {secret}\u{fc}"),
        format!("Bearer={secret}"),
        format!("Bearer:{secret}"),
        format!("Basic {as_password}"),
        format!("Basic {secret}"),
        format!("Digest {secret}"),
        format!("Token {secret}"),
        format!("Negotiate {secret}"),
        secret.clone(),
    ];
    let mut attempts: Vec<Vec<String>> = wrong
        .into_iter()
        .map(|value| vec![format!("Authorization: {value}")])
        .collect();
    attempts.push(vec![]);
    attempts.push(vec![right.clone(), right.clone()]);
    attempts.push(vec![right.clone(), "Authorization: Bearer x".to_owned()]);
    attempts.push(vec!["Authorization: Bearer x".to_owned(), right]);
    for elsewhere in [
        "Proxy-Authorization: Bearer",
        "X-Api-Key:",
        "Cookie: secret=",
    ] {
        attempts.push(vec![format!("{elsewhere} {secret}")]);
    }
    for headers in &attempts {
        let mut lines = vec![ours.as_str()];
        lines.extend(headers.iter().map(String::as_str));
        for target in ["/token", "/status", "/api/token/teams", "/nowhere"] {
            let text = attacked.ask("GET", target, &lines);
            let response = attacked.assert_refused("a wrong secret", &text, 401);
            assert!(response.header("www-authenticate").is_some());
        }
    }
    for target in [
        format!("/token?secret={secret}"),
        format!("/token?access_token={secret}"),
        format!("/token?Authorization=Bearer%20{secret}"),
        format!("/{secret}/token"),
    ] {
        let text = attacked.ask("GET", &target, &[&ours]);
        attacked.assert_refused("a secret in the address", &text, 401);
    }
    let inside = format!(
        "http://acspass:{secret}@127.0.0.1:{}/token",
        attacked.service.port
    );
    let text = attacked.ask("GET", &inside, &[&ours]);
    attacked.assert_refused("a secret in the line's address", &text, 421);
    attacked.end();
}
