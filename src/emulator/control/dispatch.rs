//! Finds the route of a request, checks the request, and calls the handler.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::route::{Body, Call, HEADER, Refusal, Route};
use super::schema::{self, Problem};
use super::table::ROUTES;
use crate::emulator::http::{CONTROL_PREFIX, Reply, Request};

/// Gives the server's refusal of a request, which it did not read completely, the form of this API.
pub(crate) fn refused(reply: Reply) -> Reply {
    let refusal = match reply.response.status().as_u16() {
        400 => Refusal::new(400, "BadRequest", "The request has no valid Host header."),
        408 => Refusal::new(408, "TooSlow", "The body did not arrive within 10 s."),
        413 => Refusal::new(413, "TooLarge", "The body is too large or incomplete."),
        421 => Refusal::new(
            421,
            "WrongHost",
            "The Host header does not name the emulator.",
        ),
        _ => return reply,
    };
    refusal.into_reply()
}

/// Responds to a request below its prefix.
pub(crate) fn respond(request: &Request) -> Reply {
    let outcome = find(request).and_then(|(route, segments)| {
        let call = checked(request, route, segments)?;
        (route.handler)(&call)
    });
    outcome.unwrap_or_else(Refusal::into_reply).not_stored()
}

/// Returns the route and the parameters of its path.
fn find(request: &Request) -> Result<(&'static Route, Segments), Refusal> {
    let path = request
        .path
        .strip_prefix(CONTROL_PREFIX)
        .unwrap_or_default();
    let at_path: Vec<(&Route, Segments)> = ROUTES
        .iter()
        .filter_map(|route| Some((route, segments(route.path, path)?)))
        .collect();
    let methods: Vec<&str> = at_path
        .iter()
        .map(|(route, _)| route.method.as_str())
        .collect();
    if methods.is_empty() {
        return Err(Refusal::new(
            404,
            "NotFound",
            "The control API has no such path.",
        ));
    }
    let allow = methods.join(", ");
    let mut routes = at_path.into_iter();
    let found = routes.find(|(route, _)| route.method == request.head.method);
    found.ok_or_else(|| Refusal::method(allow))
}

/// The parameters of a path.
type Segments = Vec<(&'static str, String)>;

/// Returns the parameters of a path if it matches the pattern. Each segment is decoded once.
fn segments(pattern: &'static str, path: &str) -> Option<Segments> {
    let mut found = Vec::new();
    let mut parts = path.split('/');
    for wanted in pattern.split('/') {
        let part = parts.next()?;
        match wanted
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'))
        {
            Some(_) if part.is_empty() => return None,
            Some(name) => {
                let text = percent_decode_str(part).decode_utf8().ok()?;
                found.push((name, text.into_owned()));
            }
            None if wanted == part => {}
            None => return None,
        }
    }
    parts.next().is_none().then_some(found)
}

/// Checks header, parameters and body, in that order.
fn checked<'a>(
    request: &'a Request,
    route: &Route,
    segments: Segments,
) -> Result<Call<'a>, Refusal> {
    if route.changes() && request.header(HEADER.0) != Some(HEADER.1) {
        let message = "A request that changes something needs the header `X-Acspass-Emulator: 1`.";
        return Err(Refusal::new(403, "HeaderRequired", message));
    }
    let mut parameters = BTreeMap::new();
    for (name, text) in segments {
        parameters.insert(name, Value::String(text));
    }
    for parameter in route.parameters(true) {
        let value = parameters.entry(parameter.name).or_insert(Value::Null);
        // A name that the schema forbids belongs to no object.
        schema::check(&(parameter.schema)(), value, parameter.name)
            .map_err(|_| Refusal::new(404, "NotFound", "No object has this name."))?;
    }
    read_query(request, route, &mut parameters)?;
    let body = read_body(request, route.body)?;
    Ok(Call {
        request,
        parameters,
        body,
    })
}

fn read_query(
    request: &Request,
    route: &Route,
    parameters: &mut BTreeMap<&'static str, Value>,
) -> Result<(), Refusal> {
    for (name, text) in url::form_urlencoded::parse(request.query().as_bytes()) {
        let known = route
            .parameters(false)
            .find(|parameter| parameter.name == name);
        let known = known.ok_or_else(|| {
            let name = crate::text::one_line(&name, 60);
            Refusal::invalid(&format!("query.{name}"), "is not a parameter of this route")
        })?;
        let path = format!("query.{}", known.name);
        let schema = (known.schema)();
        let mut value = typed(&schema, &text);
        schema::check(&schema, &mut value, &path).map_err(invalid)?;
        if parameters.insert(known.name, value).is_some() {
            return Err(Refusal::invalid(&path, "is given twice"));
        }
    }
    Ok(())
}

/// Reads the text of a parameter as the type of its schema; other text stays text.
fn typed(schema: &Value, text: &str) -> Value {
    let value = match schema["type"].as_str() {
        Some("integer") => text.parse::<i64>().ok().map(Value::from),
        Some("boolean") => text.parse::<bool>().ok().map(Value::from),
        _ => None,
    };
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn read_body(request: &Request, body: Body) -> Result<Value, Refusal> {
    let is_empty = request.body.is_empty();
    let schema = match body {
        Body::None if is_empty => return Ok(json!({})),
        Body::None => return Err(Refusal::invalid("$", "the route has no body")),
        // The schema of an optional body accepts the empty object.
        Body::Optional(_) if is_empty => return Ok(json!({})),
        Body::Optional(schema) | Body::Required(schema) => schema(),
    };
    if !request.is_of_type("application/json") {
        let message = "The body must have the content type `application/json`.";
        return Err(Refusal::new(415, "UnsupportedMediaType", message));
    }
    let value = serde_json::from_slice(&request.body);
    let mut value: Value = value.map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let place = format!("is not JSON (line {line}, column {column})");
        Refusal::invalid("$", &place)
    })?;
    schema::check(&schema, &mut value, "$").map_err(invalid)?;
    Ok(value)
}

fn invalid(Problem { path, text }: Problem) -> Refusal {
    Refusal::invalid(&path, &text)
}
