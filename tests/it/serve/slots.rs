//! What the routes take, by their own document: a secret in the wrong place is shown nowhere, and
//! input with one meaning is accepted.

use serde_json::{Value, json};

use super::Service;
use crate::harness::Home;
use crate::harness::http::Response;
use crate::secrets_in_slots::{Search, Secret};

fn home() -> (Home, std::sync::Arc<acspass::emulator::Emulator>) {
    let (mut home, emulator) = Home::with_emulator();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    (home, emulator)
}

fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).expect("a target"),
        None => value,
    }
}

/// A slot of an operation, and the request with a text in it.
struct Slot {
    name: String,
    method: String,
    target: String,
    header: Option<String>,
    body: String,
}

/// Every parameter and every member of every operation, each with the text in it, and each member as
/// a value of another type around it; and paths, parameters and members that no operation has.
fn slots(document: &Value, text: &str) -> Vec<Slot> {
    let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let mut slots = Vec::new();
    let mut slot =
        |name: String, method: &str, target: String, header: Option<String>, body: String| {
            slots.push(Slot {
                name,
                method: method.to_uppercase(),
                target,
                header,
                body,
            });
        };
    for (path, item) in document["paths"].as_object().expect("paths") {
        let id = "8:acs:ac5ba55e-0ac5-4000-8000-0000000000e1_00000001-0a37-4d67-a357-6bba0f0138a0";
        let plain = path.replace("{id}", id);
        for (method, operation) in item.as_object().expect("operations") {
            if method == "parameters" {
                continue;
            }
            let name = |place: &str| format!("{method} {path} {place}");
            let own = operation["parameters"].as_array().into_iter().flatten();
            let shared = item["parameters"].as_array().into_iter().flatten();
            for parameter in own.chain(shared).map(|one| resolve(document, one)) {
                let key = parameter["name"].as_str().expect("a name");
                match parameter["in"].as_str().expect("a place") {
                    "query" => slot(
                        name(key),
                        method,
                        format!("{plain}?{key}={encoded}"),
                        None,
                        String::new(),
                    ),
                    "header" => slot(
                        name(key),
                        method,
                        plain.clone(),
                        Some(format!("{key}: {text}")),
                        String::new(),
                    ),
                    "path" => slot(
                        name(key),
                        method,
                        path.replace("{id}", &encoded),
                        None,
                        "{\"scopes\":[\"chat\"]}".to_owned(),
                    ),
                    other => panic!("a parameter in {other}"),
                }
            }
            slot(
                name("an unknown parameter"),
                method,
                format!("{plain}?{encoded}={encoded}"),
                None,
                String::new(),
            );
            let body = resolve(document, &operation["requestBody"]);
            let schema = resolve(document, &body["content"]["application/json"]["schema"]);
            for member in schema["properties"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, _)| name)
            {
                for value in [
                    json!(text),
                    json!([text]),
                    json!({text: text}),
                    json!([[text]]),
                ] {
                    slot(
                        name(member),
                        method,
                        plain.clone(),
                        None,
                        json!({"scopes": ["chat"], member: value}).to_string(),
                    );
                }
            }
            if !schema.is_null() {
                for body in [
                    json!({text: 1}).to_string(),
                    json!(text).to_string(),
                    text.to_owned(),
                ] {
                    slot(name("the body"), method, plain.clone(), None, body);
                }
            }
        }
    }
    slot(
        "a path".to_owned(),
        "get",
        format!("/{encoded}"),
        None,
        String::new(),
    );
    for (method, path) in [
        ("post", "/dashboard/sign-in"),
        ("post", "/dashboard/switch"),
        ("post", "/dashboard/sign-out"),
    ] {
        for body in [
            json!({"account": text}),
            json!({"account": [text]}),
            json!({text: text}),
        ] {
            slot(
                path.to_owned(),
                method,
                path.to_owned(),
                None,
                body.to_string(),
            );
        }
    }
    for path in [
        "/dashboard/assignments/grant",
        "/dashboard/assignments/revoke",
    ] {
        let all = json!({
            "objectId": text, "tenantId": text, "clientId": text, "principalType": text,
        });
        for body in [all, json!({"objectId": text}), json!({text: text})] {
            slot(
                path.to_owned(),
                "post",
                path.to_owned(),
                None,
                body.to_string(),
            );
        }
    }
    slot(
        "claims".to_owned(),
        "get",
        format!("/dashboard/claims?account={encoded}"),
        None,
        String::new(),
    );
    slot(
        "ticket".to_owned(),
        "get",
        format!("/dashboard/tickets?number={encoded}"),
        None,
        String::new(),
    );
    slots
}

#[test]
fn secret_in_a_slot_of_a_route_is_shown_nowhere() {
    let (home, _emulator) = home();
    let service = Service::start(&home, &[]);
    let document = service.get("/openapi.json").json();
    let bearer = service.bearer();
    let mut searches = Vec::new();
    let mut count = 0;
    for secret in [
        Secret::token(),
        Secret::connection_string(),
        Secret::key(),
        Secret::refresh_token(),
    ] {
        let search = Search::new(&secret);
        for slot in slots(&document, &secret.text) {
            let mut headers = vec![bearer.as_str()];
            headers.extend(slot.header.as_deref());
            let response = service.send(&slot.method, &slot.target, &headers, &slot.body);
            let shown = format!("{:?}{}", response.headers, response.body);
            assert!(!search.finds(shown.as_bytes()), "{}: {shown}", slot.name);
            count += 1;
        }
        let state = service.get("/dashboard/state").assert_status(200);
        assert!(!search.finds(state.body.as_bytes()), "{}", state.body);
        searches.push(search);
    }
    assert!(count > 100, "{count} slots");
    let run = service.stop();
    for search in searches {
        assert!(!search.finds(run.stderr.as_bytes()), "{}", run.stderr);
    }
}

#[test]
fn the_routes_take_what_the_command_takes() {
    let (home, _emulator) = home();
    let service = Service::start(&home, &[]);
    let post = |target: &str, body: Value| -> Response {
        service.send("POST", target, &[&service.bearer()], &body.to_string())
    };
    let created = post("/identities", json!({})).assert_status(201).json();
    let id = created["identity"]["id"].as_str().expect("an id");
    for body in [
        json!({"scopes": ["chat,voip"]}),
        json!({"scopes": "chat voip"}),
        json!({"scopes": [" 'chat' ", "\"voip\"", "chat"]}),
        json!({"scopes": ["chat"], "expiresInMinutes": "1440"}),
        json!({"scopes": ["chat"], "expiresInMinutes": " 24h "}),
        json!({"scopes": ["chat"], "expiresInMinutes": null}),
    ] {
        let response = post(&format!("/identities/{id}/tokens"), body.clone()).assert_status(200);
        let left = response.json()["expiresInSeconds"]
            .as_u64()
            .expect("a number");
        assert!((86_300..=86_400).contains(&left), "{body}: {left}");
    }
    let quoted = format!("/identities/%20%22{id}%22/revoke");
    post(&quoted, json!({})).assert_status(200);
    for (body, named) in [
        (json!({"scopes": 5}), "`scopes`"),
        (json!({"scopes": ["chat", 5]}), "`scopes`"),
        (
            json!({"scopes": ["chat"], "expiresInMinutes": []}),
            "`expiresInMinutes`",
        ),
        (json!({"scopes": ["chat"], "lifetime": 60}), "`lifetime`"),
        (
            json!({"scopes": ["chat"], "expiresInMinutes": "soon"}),
            "`soon`",
        ),
    ] {
        let response = post(&format!("/identities/{id}/tokens"), body).assert_status(400);
        let message = response.json()["error"]["message"]
            .as_str()
            .expect("text")
            .to_owned();
        assert!(message.contains(named), "{message}");
    }
    service.stop().assert_code(0);
}

#[test]
fn claim_of_a_wrong_type_costs_only_itself() {
    let (home, _emulator) = home();
    let service = Service::start(&home, &[]);
    let ask = |claims: Value| {
        let part = |json: &Value| {
            use base64::Engine as _;
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json.to_string())
        };
        let token = format!("{}.{}.c2ln", part(&json!({"alg": "none"})), part(&claims));
        let header = format!("teams-user-aad-token: Bearer {token}");
        let response = service.send("GET", "/api/token/teams", &[&service.bearer(), &header], "");
        response.json()["error"]["message"]
            .as_str()
            .expect("text")
            .to_owned()
    };
    let readable = ask(json!({"appid": 5, "azp": "a", "oid": "o", "exp": 1}));
    assert!(readable.contains("expired"), "{readable}");
    let named = ask(json!({"appid": "a", "oid": ["o"], "exp": 1}));
    assert!(
        named.contains("`oid`") && named.contains("not text"),
        "{named}"
    );
    service.stop().assert_code(0);
}
