//! Who may ask: Host, then Origin, then the secret, and nothing is answered before.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use super::Service;
use super::shape::Document;
use crate::harness::Home;
use crate::harness::http::{self, Response};

const APP: &str = "http://localhost:3000";

/// Nobody has to be signed in for any of this.
fn open() -> Home {
    let (mut home, _emulator) = Home::with_emulator();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    home
}

#[test]
fn host_then_origin_then_secret() {
    let home = open();
    let service = Service::start(&home, &["--allow-origin", APP]);
    let port = service.port;
    let ours = format!("Host: localhost:{port}");
    let right = service.bearer();
    let lower = right.replace("Bearer", "bearer");
    let short = right[..right.len() - 1].to_owned();
    let long = format!("{right}x");
    let basic = right.replace("Bearer", "Basic");
    let approved = format!("Origin: {APP}");
    let foreign_host = "Host: evil.test";
    let other_port = format!("Host: localhost:{}", port.wrapping_add(1));
    for (headers, status) in [
        // The Host comes before anything else.
        (vec![foreign_host], 421),
        (vec![foreign_host, &right], 421),
        (vec![foreign_host, "Origin: http://evil.test", &right], 421),
        (vec![other_port.as_str(), &right], 421),
        (vec!["Host: localhost", &right], 421),
        (vec!["Host:", &right], 421),
        (vec![ours.as_str(), foreign_host, &right], 421),
        (vec![right.as_str()], 421),
        // Then the origin, whatever the secret.
        (vec![ours.as_str(), "Origin: http://evil.test"], 403),
        (vec![ours.as_str(), "Origin: http://evil.test", &right], 403),
        (vec![ours.as_str(), "Origin: null", &right], 403),
        (vec![ours.as_str(), "Origin:", &right], 403),
        (
            vec![ours.as_str(), "Origin: http://localhost:3001", &right],
            403,
        ),
        (
            vec![ours.as_str(), "Origin: https://localhost:3000", &right],
            403,
        ),
        (
            vec![
                ours.as_str(),
                "Origin: http://localhost:3000.evil.test",
                &right,
            ],
            403,
        ),
        (
            vec![ours.as_str(), &approved, "Origin: http://evil.test", &right],
            403,
        ),
        (
            vec![ours.as_str(), "Sec-Fetch-Site: cross-site", &right],
            403,
        ),
        (
            vec![ours.as_str(), "Sec-Fetch-Site: same-site", &right],
            403,
        ),
        // Then the secret.
        (vec![ours.as_str()], 401),
        (vec![ours.as_str(), &approved], 401),
        (vec![ours.as_str(), &short], 401),
        (vec![ours.as_str(), &long], 401),
        (vec![ours.as_str(), &basic], 401),
        (vec![ours.as_str(), "Authorization: Bearer "], 401),
        (vec![ours.as_str(), "Authorization: Bearer"], 401),
        (vec![ours.as_str(), &right, &right], 401),
        // And then there is an answer.
        (vec![ours.as_str(), &right], 200),
        (vec![ours.as_str(), &lower], 200),
        (vec![ours.as_str(), &approved, &right], 200),
        (
            vec![
                ours.as_str(),
                &approved,
                "Sec-Fetch-Site: cross-site",
                &right,
            ],
            200,
        ),
        (vec![ours.as_str(), "Sec-Fetch-Site: none", &right], 200),
    ] {
        let response = service.raw(&http::request("GET", "/status", &headers, ""));
        assert_eq!(response.status, status, "{headers:?}: {}", response.body);
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(response.header("vary"), Some("origin"));
        let challenge = response.header("www-authenticate").is_some();
        assert_eq!(challenge, status == 401, "{headers:?}");
        let is_approved = headers.contains(&approved.as_str()) && matches!(status, 200 | 401);
        let allowed = response.header("access-control-allow-origin");
        assert_eq!(allowed, is_approved.then_some(APP), "{headers:?}");
    }
    let absolute = http::request("GET", "http://evil.test/status", &[&ours, &right], "");
    assert_eq!(service.raw(&absolute).status, 421);
    let v6 = http::connect_to(("::1", port));
    let host = format!("Host: [::1]:{port}");
    let text = http::exchange(v6, http::request("GET", "/status", &[&host, &right], ""));
    Response::parse(&text).assert_status(200);
    service.stop().assert_code(0);
}

#[test]
fn every_route_but_one_needs_the_secret_and_answers_failures_as_documented() {
    let home = open();
    let service = Service::start(&home, &[]);
    let document = Document(service.get("/openapi.json").assert_status(200).json());
    let paths = document.0["paths"].as_object().expect("paths").clone();
    let mut asked = 0;
    for (path, item) in &paths {
        for method in ["get", "post", "delete"] {
            if item.get(method).is_none() {
                continue;
            }
            asked += 1;
            let target = path.replace("{id}", "8:acs:x");
            let response = service.send(&method.to_uppercase(), &target, &[], "");
            document.assert_fits(method, path, response.status, &response.json());
            let foreign = http::request(&method.to_uppercase(), &target, &["Host: evil.test"], "");
            let foreign = service.raw(&foreign).assert_status(421);
            document.assert_fits(method, path, 421, &foreign.json());
            match path.as_str() {
                "/healthz" => assert_eq!(response.assert_status(200).body, "{\"status\":\"ok\"}"),
                _ => {
                    let (kind, code) = response.assert_status(401).error();
                    assert_eq!(
                        (kind.as_str(), code.as_deref()),
                        ("refused", Some("SecretNeeded"))
                    );
                }
            }
        }
    }
    assert_eq!(asked, 9);
    for path in [
        "/nowhere",
        "/token/",
        "//token",
        "/healthz/",
        "/healthz/../token",
    ] {
        assert_eq!(service.send("GET", path, &[], "").status, 401, "{path}");
        assert_eq!(service.get(path).status, 404, "{path}");
    }
    let put = service.send("PUT", "/token", &[&service.bearer()], "{}");
    assert_eq!(
        put.assert_status(405).error().1.as_deref(),
        Some("NoSuchMethod")
    );
    service.stop().assert_code(0);
}

#[test]
fn only_an_approved_page_gets_a_preflight_answer() {
    let home = open();
    let service = Service::start(
        &home,
        &["--allow-origin", APP, "--allow-origin", "https://a.example"],
    );
    let host = format!("Host: 127.0.0.1:{}", service.port);
    let preflight = |origin: &str, more: &[&str]| {
        let origin = format!("Origin: {origin}");
        let mut headers = vec![host.as_str(), &origin, "Access-Control-Request-Method: GET"];
        headers.extend(more);
        service.raw(&http::request("OPTIONS", "/token", &headers, ""))
    };
    for origin in [APP, "https://a.example"] {
        let response = preflight(origin, &[]).assert_status(204);
        assert_eq!(response.header("access-control-allow-origin"), Some(origin));
        let allowed = response
            .header("access-control-allow-headers")
            .expect("headers");
        assert!(allowed.contains("authorization"));
        assert!(
            response
                .header("access-control-allow-credentials")
                .is_none()
        );
        assert!(
            response
                .header("access-control-allow-private-network")
                .is_none()
        );
        let private = preflight(origin, &["Access-Control-Request-Private-Network: true"]);
        let allowed = private.header("access-control-allow-private-network");
        assert_eq!(allowed, Some("true"));
    }
    for origin in ["http://evil.test", "null", "*"] {
        let response = preflight(origin, &["Access-Control-Request-Private-Network: true"]);
        assert_eq!(response.status, 403, "{origin}");
        let names = response.headers.iter().map(|(name, _)| name);
        let told: Vec<_> = names
            .filter(|name| name.starts_with("access-control"))
            .collect();
        assert!(told.is_empty(), "{told:?}");
    }
    // Without an origin it is no preflight, and needs the secret.
    assert_eq!(
        service
            .raw(&http::request("OPTIONS", "/token", &[&host], ""))
            .status,
        401
    );
    service.stop().assert_code(0);
}

#[test]
fn origins_can_be_approved_in_the_profile_and_wrong_ones_are_named() {
    let mut home = open();
    let folder = home.path().join("config").display().to_string();
    home.set("ACSPASS_CONFIG_DIR", &folder);
    home.configure("[profile.default]\nallow-origin = [\"http://localhost:3000\"]\n");
    let service = Service::start(&home, &[]);
    let origin = format!("Origin: {APP}");
    let response = service.send("GET", "/status", &[&service.bearer(), &origin], "");
    response.assert_status(200);
    service.stop().assert_code(0);
    for wrong in [
        "null",
        "*",
        "http://app.contoso.com",
        "https://a.example/page",
    ] {
        let run = home.real(&["serve", "--port", "0", "--allow-origin", wrong]);
        run.assert_error(2, &["http://localhost:3000"]);
    }
}

#[test]
fn files_and_socket_are_their_owners_alone() {
    let home = open();
    let service = Service::start(&home, &[]);
    let mode = |path: &std::path::Path| {
        let mode = std::fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode();
        mode & 0o777
    };
    let socket = service.socket.clone().expect("a socket");
    assert_eq!(mode(&service.secret_file), 0o600);
    assert_eq!(mode(&socket), 0o600);
    assert_eq!(mode(socket.parent().expect("a folder")), 0o700);
    assert_eq!(service.secret.len(), 43, "32 bytes, and no line end");
    let over = |headers: &[&str]| {
        let stream = UnixStream::connect(&socket).expect("it listens");
        let request = http::request("GET", "/status", headers, "");
        Response::parse(&http::exchange(stream, request))
    };
    let right = service.bearer();
    over(&["Host: localhost", &right]).assert_status(200);
    assert_eq!(over(&["Host: localhost"]).status, 401);
    assert_eq!(over(&["Host: evil.test", &right]).status, 421);
    service.stop().assert_code(0);
}

#[test]
fn what_is_too_large_or_never_ends_is_cut_off_and_the_next_is_answered() {
    let home = open();
    let service = Service::start(&home, &[]);
    let right = service.bearer();
    let large = format!("{{\"scopes\": [\"{}\"]}}", "x".repeat(64 * 1024));
    let response = service.send("POST", "/identities", &[&right], &large);
    assert_eq!(
        response.assert_status(413).error().1.as_deref(),
        Some("TooLarge")
    );
    let padding = format!("X-Padding: {}", "x".repeat(32 * 1024));
    let response = service.send("GET", "/status", &[&right, &padding], "");
    assert_eq!(response.status, 431);
    // Heads that never end, and bodies: each is closed by the service itself.
    let host = format!("Host: 127.0.0.1:{}", service.port);
    let open = |bytes: &str| {
        let mut stream = http::connect(service.port);
        stream.write_all(bytes.as_bytes()).expect("sent");
        stream
    };
    let silent = open("");
    let head = open("GET /status HTTP/1.1\r\nX-Slow: ");
    let body = open(&format!(
        "POST /identities HTTP/1.1\r\n{host}\r\n{right}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\nConnection: close\r\n\r\n{{"
    ));
    service.get("/status").assert_status(200);
    let cut = |mut stream: TcpStream| {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut stream, &mut text).expect("it is closed in time");
        text
    };
    assert_eq!(cut(silent), "");
    let response = cut(head);
    assert!(
        response.is_empty() || response.contains(" 408 "),
        "{response}"
    );
    assert!(cut(body).contains(" 408 "));
    service.stop().assert_code(0);
}

#[test]
fn more_connections_than_a_system_usually_allows_leave_room_for_an_answer() {
    let home = open();
    let mut shell = std::process::Command::new("sh");
    let limited = "ulimit -Sn 256 && exec \"$0\" \"$@\"";
    shell.args(["-c", limited, env!("CARGO_BIN_EXE_acspass")]);
    let call = home.call(&["serve", "--port", "0", "-o", "json"]);
    let service = Service::ready(call.spawn_under(&mut shell, "there is a shell"));
    let idle: Vec<TcpStream> = (0..600).map(|_| http::connect(service.port)).collect();
    service.get("/status").assert_status(200);
    drop(idle);
    service.stop().assert_code(0);
}
