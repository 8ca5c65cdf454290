//! Other values of host and date, and other separators.

use super::parts::{Guess, Parts};
use crate::emulator::verify::DATES;
use crate::time::Timestamp;

/// The largest difference of two dates of one request, in seconds.
const MAX_DRIFT: i64 = 5;

/// Returns the texts with another host.
pub(super) fn hosts(parts: &Parts, names: &[String]) -> Vec<Guess> {
    let Some(sent) = parts.value("host") else {
        return Vec::new();
    };
    let (name, port) = match sent.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (sent, None),
    };
    let mut hosts = vec![
        (name.to_owned(), "the host was signed without its port"),
        (format!("{name}:443"), "the host was signed with port 443"),
        (format!("{name}:80"), "the host was signed with port 80"),
        (
            format!("{sent}/"),
            "the host was signed with a slash at its end",
        ),
        (
            format!("http://{sent}"),
            "the host was signed with its scheme",
        ),
        (
            format!("https://{sent}"),
            "the host was signed with its scheme",
        ),
        (
            format!("https://{sent}/"),
            "the whole endpoint was signed as the host",
        ),
        (
            format!("http://{sent}/"),
            "the whole endpoint was signed as the host",
        ),
        (
            sent.to_ascii_lowercase(),
            "the host was signed in lower case, but not sent so",
        ),
        (sent.to_ascii_uppercase(), "the host was signed in capitals"),
        (String::new(), "the host was signed as an empty text"),
    ];
    if let Some(port) = port {
        let twice = "the host was signed with its port twice";
        hosts.push((format!("{sent}:{port}"), twice));
        let once = "the host was sent with its port twice and signed with it once";
        hosts.extend(name.ends_with(port).then(|| (name.to_owned(), once)));
    }
    let other_name = "another name of this host was signed than the Host header has";
    for own in names {
        let own = if own.contains(':') {
            format!("[{own}]")
        } else {
            own.clone()
        };
        hosts.push((own.clone(), other_name));
        hosts.extend(port.map(|port| (format!("{own}:{port}"), other_name)));
    }
    let others = hosts.into_iter().filter(|(host, _)| host != sent);
    let text =
        |(host, mistake): (String, &str)| (parts.with_value("host", &host), mistake.to_owned());
    others.map(text).collect()
}

/// Returns the texts with another date.
pub(super) fn dates<'a>(parts: &Parts, header: &dyn Fn(&str) -> Option<&'a str>) -> Vec<Guess> {
    let named = DATES
        .into_iter()
        .find_map(|name| Some((name, parts.value(name)?)));
    let Some((name, sent)) = named else {
        return Vec::new();
    };
    let mut dates = vec![(
        String::new(),
        "the date was signed as an empty text".to_owned(),
    )];
    for other in DATES.into_iter().filter(|other| *other != name) {
        if let Some(value) = header(other).filter(|value| *value != sent) {
            let mistake =
                format!("the value of {other} was signed, but SignedHeaders names {name}");
            dates.push((value.to_owned(), mistake));
        }
    }
    if let Some(date) = Timestamp::parse_http_date(sent) {
        let form = |text: String| {
            (
                text,
                "the date was signed in another form than it was sent".to_owned(),
            )
        };
        let whole = date.to_string();
        dates.extend([
            form(whole.replace('Z', ".000Z")),
            form(whole.replace('Z', "+00:00")),
            form(whole),
            form(sent.replace("GMT", "+0000")),
            form(sent.replace("GMT", "UTC")),
            form(sent.replace(", 0", ", ")),
            form(date.unix_seconds().to_string()),
        ]);
        for seconds in (1..=MAX_DRIFT).flat_map(|seconds| [seconds, -seconds]) {
            let mistake = format!(
                "the signed date is {} s {} than the sent one: the client read the clock twice",
                seconds.abs(),
                if seconds > 0 { "later" } else { "earlier" },
            );
            dates.push((date.shifted(seconds).to_http_date(), mistake));
        }
    }
    let others = dates.into_iter().filter(|(date, _)| date != sent);
    others
        .map(|(date, mistake)| (parts.with_value(name, &date), mistake))
        .collect()
}

/// Returns the texts with other separators or another order of the headers.
pub(super) fn separators(parts: &Parts) -> Vec<Guess> {
    let head = format!("{}\n{}\n", parts.method, parts.target);
    let values: Vec<&str> = parts
        .values
        .iter()
        .map(|(_, value)| value.as_str())
        .collect();
    let mut guesses = Vec::new();
    for (separator, name) in [
        (",", "a comma"),
        ("&", "an ampersand"),
        ("\n", "a line feed"),
        ("; ", "a semicolon and a space"),
        (", ", "a comma and a space"),
        (" ", "a space"),
        ("", "nothing"),
    ] {
        let text = format!("{head}{}", values.join(separator));
        let mistake = format!("the signed headers are separated by {name}, not by a semicolon");
        guesses.push((text, mistake));
    }
    let text = parts.text();
    let named: Vec<String> = parts
        .values
        .iter()
        .map(|(name, value)| format!("{name}:{value}"))
        .collect();
    let others = [
        (
            text.replace('\n', "\r\n"),
            "the lines of the signed text end with CR LF, not with LF",
        ),
        (
            text.replacen('\n', " ", 1),
            "method and path of the signed text are separated by a space",
        ),
        (text.replace('\n', ""), "the signed text has no line feeds"),
        (
            text.replace('\n', "\\n"),
            "the signed text has a backslash and `n` for each line feed",
        ),
        (
            format!("{text}\n"),
            "the signed text has a line feed at its end",
        ),
        (
            format!("{text};"),
            "the signed text has a semicolon at its end",
        ),
        (
            format!("{head}{}", named.join(";")),
            "the names of the headers are in the signed text",
        ),
        (
            format!("{head}{}", named.join("\n")),
            "the names of the headers are in the signed text",
        ),
    ];
    guesses.extend(others.map(|(text, mistake)| (text, mistake.to_owned())));
    if let [a, b, c] = values[..] {
        let mistake = "the signed headers are in another order than SignedHeaders names them";
        let orders = [[a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]];
        let text = |order: [&str; 3]| (format!("{head}{}", order.join(";")), mistake.to_owned());
        guesses.extend(orders.map(text));
    }
    guesses
}
