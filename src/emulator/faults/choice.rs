//! The choice of the faults that affect a request.

use serde_json::{Value, json};

use super::route::Route;
use super::selection::{FaultSelection, WrongSelection};
use super::subject::{faults_of, subject};
use super::table::{Chosen, Subject};
use crate::emulator::http::{Reply, Request};

/// The header with faults for its own request: `NAME;PARAMETER=VALUE;route=ROUTE, NAME`.
pub(crate) const HEADER: &str = "x-acspass-fault";

/// Returns the faults of a request: those of its header, else the first stored one, else those of
/// its user.
///
/// # Errors
/// Returns the problem of a header that is not valid. A request with a misspelled fault must not pass
/// as one without a fault.
pub(crate) fn chosen(
    request: &Request,
    route: Option<Route>,
) -> Result<Vec<Chosen>, WrongSelection> {
    let named = header(request, route)?;
    let Some(route) = route.filter(|_| named.is_empty()) else {
        return Ok(named);
    };
    let has_personas = request
        .world
        .users
        .iter()
        .any(|user| !faults_of(user).is_empty());
    let needs_subject = has_personas || request.state().faults.needs_subject(route);
    let (subject, user) = match needs_subject {
        true => subject(request, route),
        false => (Subject::default(), None),
    };
    if let Some(stored) = request.state().faults.next(route, &subject) {
        return Ok(vec![stored]);
    }
    let names = user.as_deref().map(faults_of).into_iter().flatten();
    let selections = names.map(|name| FaultSelection::named(name));
    Ok(selections
        .filter_map(|selection| selection.check().ok())
        .filter(|(fault, _)| fault.is_at(route))
        .map(|(fault, effect)| Chosen {
            id: None,
            name: fault.name,
            effect,
        })
        .collect())
}

/// Returns the faults of the header. One with another route than the request's has no effect.
fn header(request: &Request, route: Option<Route>) -> Result<Vec<Chosen>, WrongSelection> {
    let mut chosen = Vec::new();
    for value in request.head.headers.get_all(HEADER) {
        let value = value.to_str().map_err(|_| WrongSelection {
            field: HEADER.to_owned(),
            message: "The header is not ASCII text.".to_owned(),
        })?;
        for item in value
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
        {
            let selection = parse(item)?;
            let (fault, effect) = selection.check()?;
            let (name, is_here) = (fault.name, route.is_some_and(|route| fault.is_at(route)));
            match selection.route {
                Some(wanted) if Some(wanted) != route => continue,
                None if !is_here => {
                    let routes = fault.route_names();
                    return Err(WrongSelection {
                        field: "route".to_owned(),
                        message: format!("The fault `{name}` has the routes {routes}."),
                    });
                }
                _ => chosen.push(Chosen {
                    id: None,
                    name,
                    effect,
                }),
            }
        }
    }
    Ok(chosen)
}

/// Reads one fault of the header.
fn parse(item: &str) -> Result<FaultSelection, WrongSelection> {
    let mut parts = item.split(';').map(str::trim);
    let mut selection = FaultSelection::named(parts.next().unwrap_or_default());
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        if name == "route" {
            let routes = Route::ALL.map(Route::as_str).join(", ");
            selection.route = Some(Route::named(value).ok_or_else(|| WrongSelection {
                field: "route".to_owned(),
                message: format!("Unknown route. The routes are {routes}."),
            })?);
            continue;
        }
        let number = value.parse::<u64>().map(Value::from);
        let value = number.unwrap_or_else(|_| value.into());
        selection.parameters.insert(name.to_owned(), value);
    }
    Ok(selection)
}

/// Returns the reply to a header that is not valid.
pub(crate) fn refuse(wrong: WrongSelection) -> Reply {
    let WrongSelection { field, message } = wrong;
    let message = format!("{HEADER}: {field}: {message}");
    let body = json!({"error": {"code": "InvalidFault", "message": message}});
    Reply::json(400, &body)
        .named("fault")
        .because("the header's fault is not valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_the_header_has_parameters_and_a_route() {
        let selection = parse("latency; milliseconds=5 ;route=token").expect("valid");
        assert_eq!(selection.name, "latency");
        assert_eq!(selection.route, Some(Route::Token));
        assert_eq!(selection.parameters["milliseconds"], 5);
        let selection = parse("member-missing;member=keys").expect("valid");
        assert_eq!(selection.parameters["member"], "keys");
        let wrong = parse("latency;route=tokens").expect_err("no such route");
        assert!(wrong.message.contains("managed-identity"), "{wrong:?}");
    }
}
