use super::*;

/// docs/errors.md, as the table makes it.
fn page() -> String {
    let mut page = String::from(
        "# Entra's errors, and what to do\n\n\
         What acspass says where Entra refuses a sign-in or a renewal, and what to do about a number \
         that only the browser's page shows. Made from the table in `src/entra/aadsts/`; a test \
         holds the two together.\n\n\
         | code or suberror | cause | what you do | what the admin does | where |\n\
         | --- | --- | --- | --- | --- |\n",
    );
    for row in rows() {
        let name = match row.on {
            On::Code(number) => format!("AADSTS{number}"),
            On::Suberror(word) => word.to_owned(),
        };
        page.push_str(&format!(
            "| `{name}` | {} | {} | {} | {} |\n",
            row.cause, row.user, row.admin, row.place
        ));
    }
    page
}

#[test]
fn every_row_is_complete_and_written_as_an_error_is() {
    for row in rows() {
        for text in [row.cause, row.user, row.admin, row.place] {
            assert!(text.len() > 10, "{row:?}");
            assert!(!text.ends_with(['.', ' ']), "{row:?}");
            assert!(!text.contains("  ") && !text.contains('|'), "{row:?}");
            assert_eq!(text.matches('`').count() % 2, 0, "{row:?}");
        }
        assert!(row.cause.len() <= 120, "one sentence: {row:?}");
        assert!(!row.cause.contains(". "), "one sentence: {row:?}");
        for text in [row.user, row.admin] {
            assert!(text.starts_with(char::is_lowercase), "{row:?}");
        }
        let is_a_name = ["Entra", "Conditional Access "]
            .iter()
            .any(|name| row.cause.starts_with(name));
        assert!(
            is_a_name || row.cause.starts_with(char::is_lowercase),
            "{row:?}"
        );
    }
}

#[test]
fn no_code_has_two_rows_and_there_are_enough() {
    let all: Vec<&Advice> = rows().collect();
    for (place, row) in all.iter().enumerate() {
        assert!(
            !all[..place].iter().any(|before| before.on == row.on),
            "{row:?}"
        );
    }
    assert!(all.len() >= 45, "{}", all.len());
}

#[test]
fn the_number_is_the_finer_of_the_two() {
    let cause = |code, suberror| advice(code, suberror).map(|row| row.on);
    let bad_token = Some(On::Suberror("bad_token"));
    assert_eq!(
        cause(Some("AADSTS50173"), Some("bad_token")),
        Some(On::Code(50173))
    );
    assert_eq!(cause(Some("AADSTS1"), Some("bad_token")), bad_token);
    assert_eq!(cause(None, Some("bad_token")), bad_token);
    assert_eq!(cause(Some("AADSTS0"), Some("unheard_of")), None);
    assert_eq!(cause(Some("invalid_grant"), None), None);
}

#[test]
fn the_page_of_errors_is_this_table() {
    let written = include_str!("../../../docs/errors.md");
    let page = page();
    // What follows is the resource's.
    assert!(
        written.starts_with(&format!("{page}\n# ")),
        "docs/errors.md is to be:\n{page}"
    );
}
