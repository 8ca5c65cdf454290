//! The authorize endpoint, and the user agent on its pages.

use std::io::{Read, Write};
use std::net::TcpListener;

use base64::Engine as _;

use super::harness::{Changes, Fixture, REDIRECT, TEAMS, challenge, encode, published};
use crate::emulator::{Options, Seed, UserAgent};

#[test]
fn a_hint_that_names_a_user_needs_no_page() {
    let fixture = Fixture::new();
    let response = fixture.authorize("organizations", &[("client_info", "1")]);
    assert_eq!(response.status, 302);
    assert!(
        response
            .header("location")
            .is_some_and(|to| to.starts_with("http://localhost:4711/?"))
    );
    assert_eq!(
        response.redirected_with("state").as_deref(),
        Some("state/with=odd+chars|&")
    );
    let names: Vec<String> = response
        .redirected()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["code", "client_info", "session_state", "state"]);
}

#[test]
fn an_unverified_request_is_never_redirected() {
    let fixture = Fixture::new();
    let cases: [(&str, Changes<'_>, &str); 9] = [
        ("organizations", &[("client_id", "x")], "AADSTS700016"),
        ("organizations", &[("client_id", "")], "AADSTS900144"),
        ("organizations", &[("redirect_uri", "")], "AADSTS900971"),
        (
            "organizations",
            &[("redirect_uri", "http://localhost:1/cb")],
            "AADSTS50011",
        ),
        (
            "organizations",
            &[("redirect_uri", "http://127.0.0.1:1/")],
            "AADSTS50011",
        ),
        (
            "organizations",
            &[("redirect_uri", "http://localhost@evil.test/")],
            "AADSTS50011",
        ),
        ("nowhere", &[], "AADSTS90002"),
        ("consumers", &[], "AADSTS9002332"),
        ("fabrikam.example", &[], "AADSTS50020"),
    ];
    for (tenant, changes, number) in cases {
        let response = fixture.authorize(tenant, changes);
        assert_eq!(response.status, 400, "{changes:?}");
        assert_eq!(response.header("location"), None, "{changes:?}");
        assert!(
            response.body.contains(number),
            "{changes:?}: {}",
            response.body
        );
        assert!(response.body.contains("Correlation Id"));
    }
}

#[test]
fn an_app_of_one_tenant_signs_users_in_at_that_tenant_only() {
    let seed = r#"
[[applications]]
name = "Of one tenant"
clientId = "ac5ba55e-0c11-4000-8000-0000000000a1"
tenant = "contoso.example"
allowPublicClientFlows = true
platforms.native = ["http://localhost"]
"#;
    let fixture = Fixture::with(Options {
        seed: Seed::parse(seed).expect("a seed"),
        ..Options::default()
    });
    let media_type = "Content-Type: application/x-www-form-urlencoded\r\n";
    let device = encode(
        &[("client_id", published::CLIENT_ID), ("scope", TEAMS)],
        &[],
    );
    let refresh = [
        ("client_id", published::CLIENT_ID),
        ("grant_type", "refresh_token"),
        ("refresh_token", "x"),
    ];
    for tenant in ["common", "organizations"] {
        let page = fixture.authorize(tenant, &[]);
        assert_eq!((page.status, page.header("location")), (400, None));
        assert!(page.body.contains("AADSTS50194: "), "{}", page.body);
        assert!(
            page.body
                .contains(&format!("Usage of the /{tenant} endpoint"))
        );
        let target = format!("/{tenant}/oauth2/v2.0/devicecode");
        let refused = fixture.send("POST", &target, media_type, &device);
        assert_eq!((refused.status, refused.aadsts()), (400, 50194));
        let refused = fixture.token(tenant, &encode(&refresh, &[]));
        assert_eq!((refused.status, refused.aadsts()), (400, 50194));
    }
    for tenant in ["contoso.example", fixture.emulator.tenant_id()] {
        assert_eq!(fixture.authorize(tenant, &[]).status, 302, "{tenant}");
    }
}

#[test]
fn a_client_id_has_no_case() {
    let fixture = Fixture::new();
    let upper = published::CLIENT_ID.to_ascii_uppercase();
    let code = fixture.code(&[("client_id", &upper)]);
    let response = fixture.redeem(&code, &[("client_id", &upper)]);
    assert_eq!(response.status, 200, "{response:?}");
    let token = response.json()["access_token"].as_str().map(str::to_owned);
    let claims = super::harness::claims(&token.expect("a token"));
    assert_eq!(claims["appid"], published::CLIENT_ID);
}

#[test]
fn other_errors_are_sent_to_the_client() {
    let fixture = Fixture::new();
    let cases: [(Changes<'_>, &str, &str); 15] = [
        (
            &[("response_type", "token")],
            "unsupported_response_type",
            "AADSTS700054",
        ),
        (&[("response_type", "")], "invalid_request", "AADSTS900144"),
        (
            &[("response_mode", "post")],
            "invalid_request",
            "AADSTS70007",
        ),
        (&[("scope", "")], "invalid_request", "AADSTS900144"),
        (
            &[("scope", "openid nonsense")],
            "invalid_scope",
            "AADSTS70011",
        ),
        (
            &[("scope", "https://evil.test/x")],
            "invalid_resource",
            "AADSTS500011",
        ),
        (
            &[("code_challenge", "short")],
            "invalid_request",
            "AADSTS501491",
        ),
        (&[("code_challenge", "")], "invalid_request", "AADSTS50147"),
        (
            &[("code_challenge_method", "S512")],
            "invalid_request",
            "AADSTS50147",
        ),
        (&[("prompt", "none")], "login_required", "AADSTS50058"),
        (
            &[("prompt", "select_account")],
            "invalid_request",
            "AADSTS90023",
        ),
        (&[("prompt", "never")], "invalid_request", "AADSTS90023"),
        (&[("claims", "[]")], "invalid_request", "AADSTS9002313"),
        (&[("claims", "{")], "invalid_request", "AADSTS9002313"),
        (
            &[(
                "code_challenge",
                "+++++++++++++++++++++++++++++++++++++++++++",
            )],
            "invalid_request",
            "AADSTS501491",
        ),
    ];
    for (changes, error, number) in cases {
        let response = fixture.authorize("organizations", changes);
        assert_eq!(
            response.redirected_with("error").as_deref(),
            Some(error),
            "{changes:?}"
        );
        let text = response
            .redirected_with("error_description")
            .expect("a text");
        assert!(
            text.starts_with(&format!("{number}: ")),
            "{changes:?}: {text}"
        );
        assert!(text.contains("\r\nTrace ID: "), "{text}");
        assert!(response.redirected_with("state").is_some(), "{changes:?}");
        assert!(
            response.redirected_with("error_uri").is_some(),
            "{changes:?}"
        );
    }
    let twice = fixture.get("/common/oauth2/v2.0/authorize?state=1&state=2");
    assert!(twice.body.contains("AADSTS9000411"));
}

#[test]
fn an_unknown_hint_is_shown_escaped_on_the_page() {
    let fixture = Fixture::new();
    let response = fixture.authorize(
        "organizations",
        &[
            ("login_hint", "<script>alert(1)</script>"),
            ("state", "\"><script>alert(2)</script>"),
        ],
    );
    assert_eq!(response.status, 200);
    assert!(!response.body.contains("<script>"));
    for user in fixture.emulator.usernames() {
        assert!(response.body.contains(user), "{user}");
    }
    let policy = response
        .header("content-security-policy")
        .expect("a policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
    assert!(policy.contains("form-action 'self' http://localhost:* http://127.0.0.1:*"));
    assert_eq!(response.header("x-frame-options"), Some("DENY"));
    assert_eq!(response.header("referrer-policy"), Some("no-referrer"));
}

#[test]
fn a_form_post_response_submits_itself_and_has_a_button() {
    let fixture = Fixture::new();
    let response = fixture.authorize("organizations", &[("response_mode", "form_post")]);
    assert_eq!(response.status, 200);
    assert!(response.body.contains("document.forms[0].submit()"));
    assert!(response.body.contains("<button"));
    let action = format!("action=\"{REDIRECT}\"");
    assert!(response.body.contains(&action), "{}", response.body);
    let policy = response
        .header("content-security-policy")
        .expect("a policy");
    assert!(policy.contains("script-src 'sha256-"));
}

/// Returns the text of an element and its hash in the policy.
fn inline(page: &str, tag: &str) -> String {
    let (_, rest) = page.split_once(&format!("<{tag}>")).expect("it is there");
    let (text, _) = rest.split_once(&format!("</{tag}>")).expect("it ends");
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let digest = base64::engine::general_purpose::STANDARD.encode(digest);
    format!("{tag}-src 'sha256-{digest}'")
}

#[test]
fn the_content_security_policy_allows_exactly_the_inline_style_and_script() {
    let fixture = Fixture::new();
    let response = fixture.authorize("organizations", &[("response_mode", "form_post")]);
    let policy = response
        .header("content-security-policy")
        .expect("a policy");
    assert!(
        policy.contains(&inline(&response.body, "style")),
        "{policy}"
    );
    assert!(
        policy.contains(&inline(&response.body, "script")),
        "{policy}"
    );
    // The icon is a data URL.
    let fetched = response.body.replacen("href=\"data:", "", 1);
    for elsewhere in ["src=", "href=", "url(", "@import"] {
        assert!(!fetched.contains(elsewhere), "{elsewhere}");
    }
}

#[test]
fn a_clicked_user_is_redirected_with_a_get() {
    let fixture = Fixture::new();
    let form = encode(
        &[
            ("client_id", published::CLIENT_ID),
            ("response_type", "code"),
            ("redirect_uri", "http://localhost:8080/redirect"),
            ("scope", TEAMS),
            ("emulator_user", "ben@contoso.example"),
        ],
        &[],
    );
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    let response = fixture.send("POST", "/common/oauth2/v2.0/authorize", kind, &form);
    assert_eq!(response.status, 303);
    let to = response.header("location").expect("a redirect");
    assert!(
        to.starts_with("http://localhost:8080/redirect?code="),
        "{to}"
    );
    // A link must not act as a click.
    let link = fixture.get(&format!("/common/oauth2/v2.0/authorize?{form}"));
    assert_eq!((link.status, link.header("location")), (200, None));
}

#[test]
fn the_page_of_an_error_uri_exists() {
    let fixture = Fixture::new();
    let response = fixture.authorize("organizations", &[("prompt", "none")]);
    let uri = response.redirected_with("error_uri").expect("a URI");
    let path = uri.strip_prefix(&fixture.emulator.http_url()).expect("own");
    assert!(fixture.get(path).body.contains("AADSTS50058"));
    assert_eq!(fixture.get("/error?code=b").status, 404);
}

#[test]
fn a_sign_out_redirects_to_the_app_only() {
    let fixture = Fixture::new();
    let path = "/organizations/oauth2/v2.0/logout?post_logout_redirect_uri=";
    let back = fixture.get(&format!("{path}http://localhost:4711/&state=a%20b"));
    assert_eq!(
        back.header("location"),
        Some("http://localhost:4711/?state=a+b")
    );
    let astray = fixture.get(&format!("{path}http://evil.test/"));
    assert_eq!((astray.status, astray.header("location")), (200, None));
}

#[test]
fn a_redirect_uri_keeps_its_query() {
    let seed = r#"
[[applications]]
name = "Query"
clientId = "ac5ba55e-0c11-4000-8000-0000000000a1"
platforms.native = ["https://app.example/back?next=/home", "https://app.example?from=b"]
"#;
    let fixture = Fixture::with(Options {
        seed: Seed::parse(seed).expect("a seed"),
        ..Options::default()
    });
    let to = |uri: &str, mode: &str| {
        let changes = [("redirect_uri", uri), ("response_mode", mode)];
        let response = fixture.authorize("organizations", &changes);
        response.header("location").map(str::to_owned)
    };
    let (full, bare) = (
        "https://app.example/back?next=/home",
        "https://app.example?from=b",
    );
    for (uri, mode, start) in [
        (full, "query", "https://app.example/back?next=/home&code="),
        (
            full,
            "fragment",
            "https://app.example/back?next=/home#code=",
        ),
        (bare, "query", "https://app.example/?from=b&code="),
        (bare, "fragment", "https://app.example/?from=b#code="),
    ] {
        let to = to(uri, mode).expect("a redirect");
        assert!(to.starts_with(start), "{to}");
    }
    let path = "/organizations/oauth2/v2.0/logout";
    let query = encode(&[("post_logout_redirect_uri", full), ("state", "a b")], &[]);
    let expected = Some("https://app.example/back?next=/home&state=a+b");
    let signed_out = fixture.get(&format!("{path}?{query}"));
    assert_eq!(
        (signed_out.status, signed_out.header("location")),
        (302, expected)
    );
    let media_type = "Content-Type: application/x-www-form-urlencoded\r\n";
    let signed_out = fixture.send("POST", path, media_type, &query);
    assert_eq!(
        (signed_out.status, signed_out.header("location")),
        (303, expected)
    );
}

#[test]
fn in_fragment_mode_nothing_is_in_the_query() {
    let fixture = Fixture::new();
    let response = fixture.authorize("organizations", &[("response_mode", "fragment")]);
    let to = response.header("location").expect("a redirect");
    assert!(to.starts_with("http://localhost:4711/#code="), "{to}");
}

/// Starts a listener that responds to one request with a page and returns the request.
fn client() -> (u16, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a request");
        let mut request = String::new();
        let mut buffer = [0; 4096];
        loop {
            let size = stream.read(&mut buffer).expect("text");
            request.push_str(&String::from_utf8_lossy(&buffer[..size]));
            let length = request
                .to_ascii_lowercase()
                .split_once("content-length: ")
                .and_then(|(_, rest)| rest.split("\r\n").next()?.parse::<usize>().ok());
            let body = request.split_once("\r\n\r\n").map(|(_, body)| body.len());
            if body.is_some_and(|body| body >= length.unwrap_or(0)) {
                break;
            }
        }
        let page = "<form action='http://localhost:1/'></form>arrived";
        write!(
            stream,
            "HTTP/1.1 201 Created\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
            page.len()
        )
        .expect("a reader");
        request
    });
    (port, thread)
}

fn url(fixture: &Fixture, port: u16, changes: &[(&str, &str)]) -> String {
    let challenge = challenge(super::harness::VERIFIER);
    let redirect = format!("http://localhost:{port}");
    let query = encode(
        &[
            ("client_id", published::CLIENT_ID),
            ("response_type", "code"),
            ("redirect_uri", &redirect),
            ("response_mode", "form_post"),
            ("scope", TEAMS),
            ("state", "a state & more"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ],
        changes,
    );
    format!(
        "{}/organizations/oauth2/v2.0/authorize?{query}",
        fixture.emulator.http_url()
    )
}

#[test]
fn the_user_agent_signs_in_as_the_first_user() {
    let fixture = Fixture::new();
    let (port, client) = client();
    let page = UserAgent::default()
        .browse(&url(&fixture, port, &[]))
        .expect("it arrives");
    assert_eq!((page.status, page.html.contains("arrived")), (201, true));
    let request = client.join().expect("it ends");
    assert!(request.starts_with("POST / HTTP/1.1"), "{request}");
    assert!(request.contains("origin: null"), "{request}");
    assert!(request.contains("state=a+state+%26+more"), "{request}");

    let form = request.split("\r\n\r\n").nth(1).expect("a body");
    let code = url::form_urlencoded::parse(form.as_bytes())
        .find(|(name, _)| name == "code")
        .map(|(_, code)| code.into_owned());
    let redirect = format!("http://localhost:{port}");
    let body = fixture
        .redeem(&code.expect("a code"), &[("redirect_uri", &redirect)])
        .json();
    let token = body["access_token"].as_str().expect("a token");
    assert_eq!(super::harness::claims(token)["upn"], "ada@contoso.example");
}

#[test]
fn the_user_agent_signs_in_as_another_user_in_query_mode() {
    let fixture = Fixture::new();
    let (port, client) = client();
    UserAgent::new(Some("Ben@contoso.example".to_owned()))
        .browse(&url(&fixture, port, &[("response_mode", "query")]))
        .expect("it arrives");
    let request = client.join().expect("it ends");
    assert!(request.starts_with("GET /?code="), "{request}");
}

#[test]
fn the_user_agent_can_cancel() {
    let fixture = Fixture::new();
    let (port, client) = client();
    UserAgent::cancelling()
        .browse(&url(&fixture, port, &[]))
        .expect("it arrives");
    let request = client.join().expect("it ends");
    assert!(request.contains("error=access_denied"), "{request}");
    assert!(request.contains("error_subcode=cancel"), "{request}");
    assert!(request.contains("AADSTS65004"), "{request}");
}

#[test]
fn the_user_agent_refuses_other_machines() {
    for url in [
        "https://example.com/",
        "http://localhost.example/",
        "file:///etc/passwd",
        "",
    ] {
        assert!(UserAgent::default().browse(url).is_err(), "{url}");
    }
}
