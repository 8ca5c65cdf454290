//! Other spellings of path and query.

use percent_encoding::percent_decode_str;

use super::parts::{Guess, Parts};

/// Returns the texts with another path or query.
pub(super) fn guesses(parts: &Parts) -> Vec<Guess> {
    let target = parts.target.as_str();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let host = parts.value("host").unwrap_or_default();
    let with_query = |path: &str| match query {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    };
    let mut targets = vec![
        (
            path.to_owned(),
            "the query, with the api-version, is missing in the signed path",
        ),
        (
            without_version(path, query),
            "the api-version is missing in the signed path",
        ),
        (
            target.trim_start_matches('/').to_owned(),
            "the signed path has no slash at its start",
        ),
        (
            format!("/{target}"),
            "the signed path has two slashes at its start",
        ),
        (
            format!("/{}", target.trim_start_matches('/')),
            "the sent path has two slashes at its start, the signed path has one",
        ),
        (
            with_query(&format!("{path}/")),
            "the signed path has a slash at its end",
        ),
        (
            with_query(path.trim_end_matches('/')),
            "the sent path has a slash at its end, the signed path has none",
        ),
        (
            format!("{path}{query}"),
            "the signed path and query have no `?` between them",
        ),
        (
            format!("{path}\n{query}"),
            "the signed path and query are on two lines",
        ),
        (query.to_owned(), "the query was signed without the path"),
        (
            format!("http://{host}{target}"),
            "the whole URL was signed, not path and query",
        ),
        (
            format!("https://{host}{target}"),
            "the whole URL was signed, not path and query",
        ),
        (
            target.to_ascii_lowercase(),
            "path and query were signed in lower case",
        ),
    ];
    let encodings = [
        (
            path.replace(':', "%3A"),
            "the signed path has `%3A`, the sent path has `:`",
        ),
        (
            path.replace(':', "%3a"),
            "the signed path has `%3a`, the sent path has `:`",
        ),
        (
            with_escapes(path, str::to_ascii_uppercase),
            "the signed path has its escapes in capitals",
        ),
        (
            with_escapes(path, str::to_ascii_lowercase),
            "the signed path has its escapes in lower case",
        ),
        (
            path.replace('%', "%25"),
            "the signed path is percent-encoded twice",
        ),
        (
            decoded(path),
            "the signed path is percent-decoded, the sent path is not",
        ),
    ];
    targets.extend(encodings.map(|(path, mistake)| (with_query(&path), mistake)));
    targets.push((
        decoded(target),
        "path and query were signed percent-decoded",
    ));
    let other_query = "the query was signed in another encoding or order than it was sent";
    let queries = queries(query).into_iter();
    targets.extend(queries.map(|query| (format!("{path}?{query}"), other_query)));
    let others = targets.into_iter().filter(|(other, _)| other != target);
    others
        .map(|(other, mistake)| (parts.with_target(other), mistake.to_owned()))
        .collect()
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn without_version(path: &str, query: &str) -> String {
    let is_other = |pair: &&str| !pair.starts_with("api-version=");
    let others: Vec<&str> = query.split('&').filter(is_other).collect();
    match others.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", others.join("&")),
    }
}

/// Changes the escapes of a text.
fn with_escapes(text: &str, change: fn(&str) -> String) -> String {
    let mut parts = text.split('%');
    let mut changed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (escape, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        changed += &format!("%{}{rest}", change(escape));
    }
    changed
}

/// Returns the query in the encoding of forms, of `encodeURIComponent`, decoded, and sorted.
fn queries(query: &str) -> Vec<String> {
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    let form = form.extend_pairs(&pairs).finish();
    let joined = |encode: fn(&str) -> String| {
        let pairs = pairs
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        pairs.collect::<Vec<_>>().join("&")
    };
    let mut sorted: Vec<&str> = query.split('&').collect();
    sorted.sort_unstable();
    let reversed: Vec<&str> = query.split('&').rev().collect();
    vec![
        form.replace('+', "%20"),
        form,
        joined(str::to_owned),
        decoded(query),
        sorted.join("&"),
        reversed.join("&"),
        query.to_ascii_lowercase(),
    ]
}
