//! The steps of the model of the session protocol: each is a function of the program. The model itself
//! is checked by `tests/model/run.sh`.

use crate::files::read;

const PAGE: &str = "docs/reference/verification.md";

/// Returns the name in backquotes.
fn code(cell: &str) -> Option<&str> {
    cell.trim().strip_prefix('`')?.strip_suffix('`')
}

#[test]
fn each_step_of_the_model_is_a_function_of_the_program() {
    let page = read(PAGE);
    let table = page.split("| step | function | file |").nth(1);
    let table = table.expect("the table of the steps");
    let mut count = 0;
    for line in table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
    {
        let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
        let (function, file) = (code(cells[1]), code(cells[2]));
        let (function, file) = function.zip(file).expect(line);
        let text = read(file);
        let has = |start: char| text.contains(&format!("fn {function}{start}"));
        assert!(
            has('(') || has('<'),
            "{PAGE}: {file} has no function {function}"
        );
        count += 1;
    }
    assert!(count >= 30, "{count}");
}
