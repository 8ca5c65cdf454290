//! A route of the control API, the request as its handler receives it, and the errors.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::emulator::context::Context;
use crate::emulator::http::{Reply, Request};

/// The header of each request that changes something, and its only value.
pub(super) const HEADER: (&str, &str) = ("X-Acspass-Emulator", "1");

/// A route, its description and its handler.
pub(super) struct Route {
    pub(super) method: Method,
    /// The path below `/_emulator/v1`. A segment in braces is a parameter.
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    pub(super) parameters: &'static [Parameter],
    pub(super) body: Body,
    /// The description and schema of the response with status 200; without a schema it is 204.
    pub(super) success: (&'static str, Option<Schema>),
    /// Further statuses of this route and their meaning.
    pub(super) refusals: &'static [(u16, &'static str)],
    pub(super) handler: fn(&Call<'_>) -> Result<Reply, Refusal>,
}

/// Makes a JSON Schema with the keywords of `schema.rs`.
pub(super) type Schema = fn() -> Value;

/// A parameter in the path or in the query.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) schema: Schema,
}

/// The JSON body of a request.
#[derive(Clone, Copy)]
pub(super) enum Body {
    None,
    /// No body is the empty object.
    Optional(Schema),
    Required(Schema),
}

impl Body {
    pub(super) fn schema(self) -> Option<Schema> {
        match self {
            Body::None => None,
            Body::Optional(schema) | Body::Required(schema) => Some(schema),
        }
    }
}

impl Route {
    /// Returns whether a request changes the emulator and needs the header.
    pub(super) fn changes(&self) -> bool {
        self.method != Method::GET
    }

    /// Returns the parameters in the path, or those in the query.
    pub(super) fn parameters(&self, in_path: bool) -> impl Iterator<Item = &'static Parameter> {
        let path = self.path;
        let is_in_path = move |parameter: &&Parameter| {
            path.split('/')
                .any(|segment| is_named(segment, parameter.name))
                == in_path
        };
        self.parameters.iter().filter(is_in_path)
    }
}

/// Returns whether a segment of a pattern is the parameter of this name.
fn is_named(segment: &str, name: &str) -> bool {
    segment
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        == Some(name)
}

/// A checked request.
pub(super) struct Call<'a> {
    pub(super) request: &'a Request,
    /// The parameters of the path and of the query.
    pub(super) parameters: BTreeMap<&'static str, Value>,
    pub(super) body: Value,
}

impl Call<'_> {
    pub(super) fn context(&self) -> &Context {
        &self.request.context
    }

    /// Returns the text of a parameter; empty if it is absent.
    pub(super) fn text(&self, name: &str) -> &str {
        let value = self.parameters.get(name).and_then(Value::as_str);
        value.unwrap_or_default()
    }

    /// Reads the body, which matches its schema.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        T::deserialize(&self.body).map_err(|error| Refusal::invalid("$", &error.to_string()))
    }
}

/// Responds with 200 and JSON.
pub(super) fn shown(value: &impl Serialize) -> Result<Reply, Refusal> {
    let text = serde_json::to_string(value);
    let text = text.map_err(|_| Refusal::new(500, "Internal", "The response has no JSON form."))?;
    Ok(Reply::new(200, text).with("content-type", "application/json; charset=utf-8"))
}

/// Responds with 204.
#[expect(clippy::unnecessary_wraps, reason = "the result of a handler")]
pub(super) fn done() -> Result<Reply, Refusal> {
    Ok(Reply::new(204, ()))
}

/// An error of the control API.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: u16,
    code: &'static str,
    message: Cow<'static, str>,
    allow: Option<String>,
}

impl Refusal {
    pub(super) fn new(
        status: u16,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Refusal {
        Refusal {
            status,
            code,
            message: message.into(),
            allow: None,
        }
    }

    /// A request that does not match the schema at this JSON path.
    pub(super) fn invalid(path: &str, problem: &str) -> Refusal {
        Refusal::new(400, "InvalidRequest", format!("{path}: {problem}"))
    }

    /// An object that does not exist.
    pub(super) fn unknown(kind: &str, name: &str) -> Refusal {
        let name = crate::text::quoted(name);
        Refusal::new(404, "NotFound", format!("No {kind} has the name {name}."))
    }

    /// A method that the path does not have.
    pub(super) fn method(allow: String) -> Refusal {
        let message = format!("The path accepts {allow} only.");
        Refusal {
            allow: Some(allow),
            ..Refusal::new(405, "MethodNotAllowed", message)
        }
    }

    pub(super) fn into_reply(self) -> Reply {
        let error = json!({"code": self.code, "message": self.message});
        let reply = Reply::json(self.status, &json!({"error": error}));
        let reply = reply.with_some("allow", self.allow.as_deref());
        reply.because(self.message)
    }
}
