//! Every link of the documents leads to a file or a heading, and no document names a folder of the
//! machine that it was written on.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::files::{below, read, root};
use crate::markdown::{anchors, lines};

/// The documents beside those below `docs`; the ones that do not exist are left out.
const PAGES: [&str; 8] = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "RELEASING.md",
    "examples/refreshers/README.md",
    "packaging/npm/acspass/README.md",
    "packaging/pypi/README.md",
];

pub(crate) fn pages() -> BTreeMap<String, String> {
    let pages = PAGES
        .into_iter()
        .map(str::to_owned)
        .chain(below("docs", "md"));
    let pages = pages.filter(|path| root().join(path).exists());
    pages.map(|path| (path.clone(), read(&path))).collect()
}

/// The targets of links and pictures in a page, each with its line.
fn targets(page: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for line in lines(page).iter().filter(|line| !line.is_code) {
        // Code in a line has no links.
        let text = line.text.split('`').step_by(2).collect::<Vec<_>>().join("");
        for rest in text.split("](").skip(1) {
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            found.push((line.number, target.to_owned()));
        }
        for attribute in ["src=\"", "href=\"", "srcset=\""] {
            for rest in text.split(attribute).skip(1) {
                let target = rest.split(['"', ' ']).next().unwrap_or_default();
                found.push((line.number, target.to_owned()));
            }
        }
        // `[name]: target` and `<https://…>`.
        if let Some((name, target)) = text.trim_start().split_once("]: ")
            && name.starts_with('[')
        {
            found.push((line.number, target.trim().to_owned()));
        }
        for rest in text.split("<http").skip(1) {
            let target = rest.split('>').next().unwrap_or_default();
            found.push((line.number, format!("http{target}")));
        }
    }
    found
}

/// Returns what is wrong with a link; `page` is the path of its document.
fn fault(page: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return match url::Url::parse(target) {
            Ok(url) if url.scheme() == "https" && url.host_str().is_some() => None,
            // A page of a program that the text tells the reader to start.
            Ok(url) if url.host_str() == Some("localhost") => None,
            Ok(_) => Some("not https".to_owned()),
            Err(error) => Some(error.to_string()),
        };
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    if path.starts_with('/') {
        return Some("an absolute path".to_owned());
    }
    let path = match path {
        "" => PathBuf::from(page),
        path => Path::new(page).parent().unwrap_or(Path::new("")).join(path),
    };
    let Some(path) = normal(&path) else {
        return Some("outside of the repository".to_owned());
    };
    if !root().join(&path).exists() {
        return Some("no such file".to_owned());
    }
    if anchor.is_empty() {
        return None;
    }
    let text = fs::read_to_string(root().join(path)).unwrap_or_default();
    let has_anchor = anchors(&text).iter().any(|name| name == anchor);
    (!has_anchor).then(|| "no such heading".to_owned())
}

/// Removes `.` and `..`; `None` if the path leaves the repository.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                parts.pop()?;
            }
            Component::Normal(name) => parts.push(name),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.iter().collect())
}

#[test]
fn every_link_leads_to_a_file_or_a_heading() {
    let mut faults = Vec::new();
    let mut count = 0;
    for (path, page) in pages() {
        for (line, target) in targets(&page) {
            count += 1;
            if let Some(fault) = fault(&path, &target) {
                faults.push(format!("{path}:{line}: {target}: {fault}"));
            }
        }
    }
    assert!(count > 20, "only {count} links were found");
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn no_document_names_a_folder_of_a_machine() {
    let here = root().to_str().expect("a plain path");
    for (path, page) in pages() {
        for name in [here, "/Users/"] {
            assert!(!page.contains(name), "{path} names {name}");
        }
        let homes = page.split("/home/").skip(1);
        let names = homes.map(|rest| rest.split('/').next().unwrap_or_default());
        let wrong: Vec<&str> = names
            .filter(|name| !["ada", "USER"].contains(name))
            .collect();
        assert!(wrong.is_empty(), "{path} names a home folder: {wrong:?}");
    }
}

#[test]
fn links_that_lead_nowhere_are_seen() {
    let page = "[a](b.md#c) `[no](code)` ![p](q.png \"t\")\n<img src=\"r.svg\">\n[x]: https://y.example\n```\n[z](z)\n```\n";
    let found: Vec<String> = targets(page)
        .into_iter()
        .map(|(_, target)| target)
        .collect();
    assert_eq!(found, ["b.md#c", "q.png", "r.svg", "https://y.example"]);
    for right in [
        "voice.md",
        "../README.md",
        "#voice",
        "https://example.com/x",
    ] {
        assert_eq!(fault("docs/voice.md", right), None, "{right}");
    }
    for wrong in [
        "nosuch.md",
        "#nosuch",
        "../README.md#nosuch",
        "/etc/hosts",
        "../../x",
        "http://example.com/",
        "https://",
        "ftp://example.com/",
    ] {
        assert!(fault("docs/voice.md", wrong).is_some(), "{wrong}");
    }
}
