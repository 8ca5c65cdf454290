//! Every shell block of the README, the guides and the concepts runs, or gives a reason.
//!
//! The blocks of one page run in order, as one bash script with `set -euo pipefail`, in a
//! [`Sandbox`]. A block that cannot run there has the line `<!-- not run: REASON -->` above it.

use std::fs::{self, File};
use std::process::Stdio;

use crate::files::{below, read};
use crate::markdown::lines;
use crate::sandbox::Sandbox;

/// The seconds that a page may take.
const DEADLINE: u32 = 120;

/// A block of a page.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    line: usize,
    script: String,
    /// The reason that it does not run.
    reason: Option<String>,
}

fn pages() -> Vec<String> {
    let book = ["docs/guides", "docs/concepts"].map(|folder| below(folder, "md"));
    let readme = "README.md".to_owned();
    std::iter::once(readme)
        .chain(book.into_iter().flatten())
        .collect()
}

/// Returns the blocks that begin with ```` ```sh ````.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, Block)> = None;
    let mut above = "";
    for line in lines(page) {
        let bare = line.text.trim();
        match &mut open {
            Some(_) if bare == "```" => blocks.extend(open.take().map(|(_, block)| block)),
            Some((indent, block)) => {
                let text = line.text.get(*indent..).unwrap_or_default();
                block.script.push_str(&format!("{text}\n"));
            }
            None if bare == "```sh" => {
                let indent = line.text.len() - line.text.trim_start().len();
                let block = Block {
                    line: line.number,
                    script: String::new(),
                    reason: reason(above),
                };
                open = Some((indent, block));
            }
            None => {}
        }
        if !bare.is_empty() {
            above = bare;
        }
    }
    assert!(open.is_none(), "a block does not end");
    blocks
}

fn reason(line: &str) -> Option<String> {
    let reason = line.strip_prefix("<!-- not run:")?.strip_suffix("-->")?;
    Some(reason.trim().to_owned())
}

/// Runs the blocks of a page. The error names the block that failed, with the output.
fn run(name: &str, page: &str, seconds: u32) -> Result<(), String> {
    let blocks = blocks(page);
    let without_reason = blocks
        .iter()
        .find(|block| block.reason.as_deref() == Some(""));
    if let Some(block) = without_reason {
        return Err(format!("{name}:{}: the reason is missing", block.line));
    }
    let mut script =
        String::from("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n");
    let mut count = 0;
    for block in &blocks {
        if block.reason.is_none() {
            count += 1;
            let at = format!("printf '\\n>>> {name}:{}\\n' >&2\n", block.line);
            script.push_str(&format!("{at}{}", block.script));
        }
    }
    if count == 0 {
        return Ok(());
    }
    let sandbox = Sandbox::new();
    let file = sandbox.folder.path().join("page.sh");
    let log = sandbox.folder.path().join("page.log");
    fs::write(&file, script).expect("the script is written");
    let output = File::create(&log).expect("a file");
    let errors = output.try_clone().expect("the same file");
    let status = sandbox
        .command(seconds, "bash")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .status()
        .expect("timeout, of coreutils");
    let log = fs::read_to_string(&log).expect("text");
    match status.code() {
        Some(0) => Ok(()),
        Some(124 | 137) => Err(format!("no end within {seconds} s: {log}")),
        code => Err(format!("exit code {code:?}: {log}")),
    }
}

#[test]
fn every_shell_block_runs_or_gives_a_reason() {
    let mut failed = Vec::new();
    for name in pages() {
        let page = read(&name);
        for block in blocks(&page) {
            if let Some(reason) = block.reason {
                println!("not run: {name}:{}: {reason}", block.line);
            }
        }
        failed.extend(run(&name, &page, DEADLINE).err());
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn blocks_that_fail_or_hang_or_lack_a_reason_are_seen() {
    let fails = |page: &str, words: &str| {
        let error = run("x.md", page, 2).expect_err("it fails");
        assert!(error.contains(words), "{error}");
    };
    let first = "```sh\nacspass login\n```\n\nText.\n\n";
    fails(
        &format!("{first}```sh\nfalse\necho not here\n```\n"),
        ">>> x.md:7\n",
    );
    fails("```sh\nacspass nosuch | cat\n```\n", "exit code Some(2)");
    fails("```sh\necho $NO_SUCH_VARIABLE\n```\n", "NO_SUCH_VARIABLE");
    fails("```sh\nsleep 60\n```\n", "no end within 2 s");
    fails(
        "<!-- not run: -->\n```sh\ntrue\n```\n",
        "x.md:2: the reason is missing",
    );
    let page = "<!-- not run: it cannot end -->\n\n```sh\nsleep 60\n```\n```json\nfalse\n```\n";
    assert_eq!(run("x.md", page, 2), Ok(()));
}

#[test]
fn a_page_signs_in_and_its_blocks_share_one_shell() {
    let page = "1. Sign in:\n\n   ```sh\n   acspass login --account ben@contoso.example\n   who=ben\n   ```\n\n\
        2. Use it:\n\n   ```sh\n   acspass status | grep \"$who\"\n   acspass get | grep -q '^eyJ'\n   \
        acspass serve --port 0 &\n   ```\n";
    assert_eq!(run("x.md", page, DEADLINE), Ok(()));
}

#[test]
fn blocks_are_found_with_their_reasons() {
    let page = "<!-- not run: no tenant -->\n```sh\na\n```\n- b\n  ```sh\n  c\n\n    d\n  ```\n";
    let block = |line, script: &str, reason: Option<&str>| Block {
        line,
        script: script.to_owned(),
        reason: reason.map(str::to_owned),
    };
    let expected = [
        block(2, "a\n", Some("no tenant")),
        block(6, "c\n\n  d\n", None),
    ];
    assert_eq!(blocks(page), expected);
}
