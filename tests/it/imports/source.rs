//! Reads which paths of the crate a source file imports.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file and its imports.
pub(super) struct Source {
    /// The module's path, such as `["entra", "sign_in"]` for `src/entra/sign_in/mod.rs`.
    pub(super) path: Vec<String>,
    /// The paths that it imports or names, from the crate's root.
    pub(super) imports: Vec<Vec<String>>,
}

/// Reads all files below `src`, without those that contain tests only.
pub(super) fn read_all(src: &Path) -> Vec<Source> {
    let mut files = Vec::new();
    find(src, &mut files);
    let texts: Vec<(Vec<String>, String)> = files
        .iter()
        .map(|file| {
            let inside = file
                .strip_prefix(src)
                .expect("below src")
                .with_extension("");
            let parts = inside
                .iter()
                .map(|part| part.to_string_lossy().into_owned());
            let path: Vec<String> = parts.filter(|part| part != "mod").collect();
            (path, fs::read_to_string(file).expect("a source file"))
        })
        .filter(|(path, _)| {
            !path
                .iter()
                .any(|part| part == "tests" || part.ends_with("_tests"))
        })
        .collect();
    let bare: Vec<Source> = texts
        .iter()
        .map(|(path, _)| Source {
            path: path.clone(),
            imports: Vec::new(),
        })
        .collect();
    texts
        .iter()
        .map(|(path, text)| {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            Source::of(&path, text, &bare)
        })
        .collect()
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of src") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

impl Source {
    /// Reads the imports of `text`, the file of the module `path`. `others` are the crate's files: a
    /// path that begins with the name of a child module leads there.
    pub(super) fn of(path: &[&str], text: &str, others: &[Source]) -> Source {
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        let code = code_of(text);
        let imports = paths(&code)
            .into_iter()
            .filter_map(|named| absolute(&path, named, others))
            .filter(|named| !named.is_empty())
            .collect();
        Source { path, imports }
    }
}

/// The text without comments, strings and the module of its tests.
fn code_of(text: &str) -> String {
    let text = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let mut code = String::new();
    for line in text.lines() {
        let mut rest = line;
        let mut kept = String::new();
        // Strings are removed first, because `//` can be part of one.
        while let Some(at) = rest.find('"') {
            let before = &rest[..at];
            if before.contains("//") {
                break;
            }
            kept.push_str(before);
            let mut end = at + 1;
            let bytes = rest.as_bytes();
            while end < bytes.len() && bytes[end] != b'"' {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        kept.push_str(rest.split("//").next().unwrap_or_default());
        code.push_str(&kept);
        code.push('\n');
    }
    without_visibilities(&code)
}

/// Removes `pub(in path)`, which imports nothing.
fn without_visibilities(code: &str) -> String {
    let mut parts = code.split("pub(in ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |done, part| {
        done + "pub" + part.split_once(')').map_or(part, |(_, rest)| rest)
    })
}

/// The paths of `use` items, with their groups written out, and the paths in the code.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = next_use(rest) {
        let (before, item) = rest.split_at(at);
        inline_paths(before, &mut found);
        let end = item.find(';').unwrap_or(item.len());
        expand(&item["use".len()..end], &[], &mut found);
        rest = &item[end..];
    }
    inline_paths(rest, &mut found);
    found
}

fn next_use(code: &str) -> Option<usize> {
    code.match_indices("use ").map(|(at, _)| at).find(|at| {
        let before = code[..*at].trim_end_matches(' ');
        before.is_empty() || before.ends_with(['\n', ')', ';', '}', '{']) || before.ends_with("pub")
    })
}

/// Writes out `a::{b, c::{d, e}}`.
fn expand(tree: &str, before: &[String], found: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let (head, group) = match tree.split_once('{') {
        Some((head, group)) => (head, group.rsplit_once('}').map(|(group, _)| group)),
        None => (tree, None),
    };
    let mut path = before.to_vec();
    let segments = head.split("::").map(|part| part.split(" as ").next());
    path.extend(
        segments
            .flatten()
            .map(|part| part.trim().to_owned())
            .filter(|part| !part.is_empty()),
    );
    let Some(group) = group else {
        found.push(path);
        return;
    };
    let (mut depth, mut start) = (0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&group[start..at], &path, found);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !group[start..].trim().is_empty() {
        expand(&group[start..], &path, found);
    }
}

/// The paths of two and more segments in code.
fn inline_paths(code: &str, found: &mut Vec<Vec<String>>) {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    for word in code.split(|c: char| !is_part(c)) {
        let segments: Vec<String> = word
            .split("::")
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
        if segments.len() > 1 && !word.starts_with(':') {
            found.push(segments);
        }
    }
}

/// The path from the crate's root; `None` if it leads to another crate or to a local name.
fn absolute(module: &[String], named: Vec<String>, others: &[Source]) -> Option<Vec<String>> {
    let module = match module {
        [root] if root == "lib" || root == "main" => &[],
        module => module,
    };
    match named.first()?.as_str() {
        "crate" | "acspass" => Some(named[1..].to_vec()),
        "self" | "super" => {
            let ups = named.iter().take_while(|part| *part == "super").count();
            let names = named
                .iter()
                .skip_while(|part| *part == "super" || *part == "self");
            let base = module.len().checked_sub(ups)?;
            Some(module[..base].iter().chain(names).cloned().collect())
        }
        child => {
            let path = module.iter().map(String::as_str).chain([child]);
            let is_child = others
                .iter()
                .any(|other| other.path.iter().map(String::as_str).eq(path.clone()));
            is_child.then(|| module.iter().chain(&named).cloned().collect())
        }
    }
}
