//! `docs/reference/errors.md`, from the tables of advice.

use serde_json::Value;

use crate::files::read;

pub(crate) fn page() -> String {
    let mut page = String::from(
        "# Errors\n\n\
         ## Errors of Entra\n\n\
         What acspass reports if Entra refuses a sign-in or a renewal, and what to do about a number\n\
         that only the browser's page shows.\n\n\
         | code or suberror | cause | what you do | what the admin does | where |\n\
         | --- | --- | --- | --- | --- |\n",
    );
    for row in rows("assets/advice/entra.json") {
        let [name, cause, user, admin, place] =
            ["name", "cause", "user", "admin", "place"].map(|key| text(&row, key));
        let cause = cause.replace("{}", "\u{2026}");
        page.push_str(&format!(
            "| `{name}` | {cause} | {user} | {admin} | {place} |\n"
        ));
    }
    page.push_str(
        "\n## Errors of the ACS resource\n\n\
         What acspass reports if the resource refuses a request.\n\n\
         | status, code and field | cause | what you do | what the admin does |\n\
         | --- | --- | --- | --- |\n",
    );
    for row in rows("assets/advice/acs.json") {
        let [known_by, cause, user, admin] =
            ["known_by", "cause", "user", "admin"].map(|key| text(&row, key));
        let cause = cause.replace("{}", "\u{2026}");
        page.push_str(&format!("| {known_by} | {cause} | {user} | {admin} |\n"));
    }
    page.push_str(
        "\n## Errors of an exchange service\n\n\
         What acspass reports if an organisation's exchange service refuses a request.\n\n\
         | status and code | cause | what you do | what the admin does |\n\
         | --- | --- | --- | --- |\n",
    );
    for row in rows("assets/advice/service.json") {
        let [known_by, cause, user, admin] =
            ["known_by", "cause", "user", "admin"].map(|key| text(&row, key));
        let cause = cause.replace("{}", "\u{2026}");
        page.push_str(&format!("| {known_by} | {cause} | {user} | {admin} |\n"));
    }
    page
}

fn rows(path: &str) -> Vec<Value> {
    let rows: Vec<Value> = serde_json::from_str(&read(path)).expect("rows");
    assert!(rows.len() > 8, "{path}");
    rows
}

fn text<'r>(row: &'r Value, key: &str) -> &'r str {
    row[key].as_str().unwrap_or_default()
}
