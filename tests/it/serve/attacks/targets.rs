//! What is asked for: methods and paths that mean something elsewhere.

use super::{APP, AttackedService, count_responses, home, on_each_service};

#[test]
fn no_spelling_of_a_path_leads_past_the_secret_or_to_another_route() {
    on_each_service(spell_paths);
}

fn spell_paths(attacked: AttackedService<'_>) {
    let (ours, right) = (attacked.host(), attacked.bearer());
    let long = format!("/token{}", "/x".repeat(6 * 1024));
    for path in [
        "//token",
        "///token",
        "/token/",
        "/token//",
        "/./token",
        "/x/../token",
        "/token/..",
        "/token/..;/",
        "/token;x=y",
        "/;/token",
        "/..;/token",
        "/%2e%2e/token",
        "/%2e/token",
        "/..%2ftoken",
        "/%2ftoken",
        "/..%5ctoken",
        "/\\token",
        "/%74oken",
        "/%2574oken",
        "/token%00",
        "/token%20",
        "/token%0d%0aX: y",
        "/token.json",
        "/TOKEN",
        "/Token",
        "/t\u{f6}ken",
        "/api//token/teams",
        "/api/token/teams/",
        "/api/token",
        "/healthz/../token",
        "/healthz/..;/token",
        "/healthz%2f..%2ftoken",
        "/healthz;/token",
        "/healthz%00/token",
        "/healthz/",
        "//healthz",
        "/HEALTHZ",
        "/%68ealthz",
        &long,
    ] {
        let text = attacked.ask("GET", path, &[&ours]);
        match path.contains(' ') {
            // Half of it would be another request line.
            true => attacked.assert_refused(path, &text, 400),
            false => attacked.assert_refused(path, &text, 401),
        };
        let text = attacked.ask("GET", path, &[&ours, &right]);
        let status = if path.contains(' ') { 400 } else { 404 };
        attacked.assert_refused(path, &text, status);
    }
    // The open path stays what it is, whatever is behind it.
    for path in [
        "/healthz?/../token",
        "/healthz?x=%2f..%2ftoken",
        "/healthz#/token",
    ] {
        let text = attacked.ask("GET", path, &[&ours]);
        attacked.assert_holds_nothing(path, &text);
        assert!(text.ends_with("{\"status\":\"ok\"}"), "{path}: {text}");
    }
    // No path at all.
    for target in [
        "token",
        "*",
        "127.0.0.1",
        "127.0.0.1:80",
        "?x",
        "javascript:x",
    ] {
        for headers in [vec![ours.as_str()], vec![&ours, &right]] {
            let text = attacked.ask("GET", target, &headers);
            attacked.assert_tells_nothing(target, &text);
        }
    }
    // An id is one word, and never becomes part of another path.
    for id in [
        "..%2f..%2ftoken",
        "%2e%2e",
        "8:acs:x%2f..%2f..%2fy",
        "8:acs:x%00",
        "8:acs:x%0d%0aX:y",
        "%ff",
        "8:acs:x%3fapi-version=1",
    ] {
        for (method, path) in [
            ("DELETE", format!("/identities/{id}")),
            ("POST", format!("/identities/{id}/revoke")),
            ("POST", format!("/identities/{id}/tokens")),
        ] {
            attacked.assert_refused(&path, &attacked.ask(method, &path, &[&ours]), 401);
            let text = attacked.ask(method, &path, &[&ours, &right]);
            // The service of a command has no identities.
            let status = if attacked.identity.is_some() {
                404
            } else {
                400
            };
            attacked.assert_refused(&path, &text, status);
        }
    }
    attacked.end();
}

#[test]
fn no_method_and_no_header_means_another_one() {
    on_each_service(use_other_methods);
}

fn use_other_methods(attacked: AttackedService<'_>) {
    let (ours, right) = (attacked.host(), attacked.bearer());
    let poisoned = "X-Poison: poison";
    for method in [
        "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get", "G\u{cb}T",
    ] {
        for target in ["/token", "/status"] {
            let text = attacked.ask(method, target, &[&ours, poisoned]);
            let is_name = method.is_ascii();
            let refused = if is_name { 401 } else { 400 };
            attacked.assert_refused(method, &text, refused);
            let text = attacked.ask(method, target, &[&ours, &right, poisoned]);
            let refused = if is_name { 405 } else { 400 };
            attacked.assert_refused(method, &text, refused);
            // TRACE would repeat the secret.
            assert!(!text.contains("poison"), "{method}");
        }
    }
    // HEAD is GET without its body.
    let head = attacked.ask("HEAD", "/token", &[&ours, &right]);
    attacked.assert_holds_nothing("HEAD", &head);
    assert!(
        head.ends_with("\r\n\r\n") && count_responses(&head) == 1,
        "{head}"
    );
    let head = attacked.ask("HEAD", "/token", &[&ours]);
    attacked.assert_refused("HEAD", &head, 401);
    // No tunnel to anywhere.
    let port = attacked.service.port;
    for target in [format!("127.0.0.1:{port}"), "evil.example:443".to_owned()] {
        for headers in [vec![ours.as_str()], vec![&ours, &right]] {
            let text = attacked.ask("CONNECT", &target, &headers);
            attacked.assert_tells_nothing(&target, &text);
        }
    }
    // What other servers take for the method or the path.
    for line in [
        "X-HTTP-Method-Override: POST",
        "X-HTTP-Method: DELETE",
        "X-Method-Override: POST",
        "X-Original-URL: /token",
        "X-Rewrite-URL: /token",
        "Upgrade: h2c",
        "Upgrade: websocket",
    ] {
        let health = attacked.ask("GET", "/healthz", &[&ours, line, "Connection: upgrade"]);
        assert!(health.ends_with("{\"status\":\"ok\"}"), "{line}: {health}");
        let text = attacked.ask("GET", "/identities", &[&ours, &right, line]);
        // The service of a command has no identities.
        let status = if attacked.identity.is_some() {
            404
        } else {
            405
        };
        attacked.assert_refused(line, &text, status);
    }
    // HTTP/2 without asking, and TLS at a plain port.
    for bytes in [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00",
    ] {
        attacked.assert_tells_nothing("another protocol", &attacked.send_bytes(bytes));
    }
    attacked.end();
}

#[test]
fn a_preflight_is_answered_for_the_approved_page_alone_and_tells_nothing() {
    let home = home();
    let attacked = AttackedService::start(&home);
    let (ours, origin) = (attacked.host(), format!("Origin: {APP}"));
    let asks = "Access-Control-Request-Method: DELETE";
    for path in ["/token", "/identities/8:acs:x", "/nowhere", "*"] {
        let text = attacked.ask("OPTIONS", path, &[&ours, &origin, asks]);
        attacked.assert_holds_nothing(path, &text);
        assert_eq!(count_responses(&text), 1);
        assert!(text.starts_with("HTTP/1.1 204 "), "{path}: {text}");
        assert!(!text.contains("allow-credentials"), "{path}: {text}");
        assert!(!text.contains("allow-origin: *"), "{path}: {text}");
    }
    let evil = "Origin: http://evil.example";
    let private = "Access-Control-Request-Private-Network: true";
    for headers in [
        vec![ours.as_str(), evil, asks],
        vec![&ours, evil, asks, private],
        vec![&ours, evil, &origin, asks],
        vec![&ours, "Origin: null", asks],
    ] {
        let text = attacked.ask("OPTIONS", "/token", &headers);
        attacked.assert_refused("a foreign preflight", &text, 403);
        assert!(!text.contains("access-control"), "{text}");
    }
    let rebound = attacked.ask("OPTIONS", "/token", &["Host: evil.example", &origin, asks]);
    attacked.assert_refused("a rebound preflight", &rebound, 421);
    // Only a preflight is answered without the secret.
    for headers in [vec![ours.as_str(), &origin], vec![&ours, asks]] {
        let text = attacked.ask("OPTIONS", "/token", &headers);
        attacked.assert_refused("no preflight", &text, 401);
    }
    attacked.end();
}
