//! Finds files that import each other: the strongly connected components of the graph of imports.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;

type Graph<'a> = BTreeMap<&'a [String], BTreeSet<&'a [String]>>;

/// The groups of two and more files of which each one leads to all others, as sorted paths.
pub(super) fn cycles(sources: &[Source]) -> Vec<Vec<String>> {
    let graph = graph(sources);
    let reached: BTreeMap<&[String], BTreeSet<&[String]>> = graph
        .keys()
        .map(|file| (*file, reachable(&graph, file)))
        .collect();
    let mut found = BTreeSet::new();
    for (file, targets) in &reached {
        let group: Vec<String> = targets
            .iter()
            .filter(|target| reached[*target].contains(file))
            .map(|target| target.join("/"))
            .collect();
        if targets.contains(file) {
            found.insert(group);
        }
    }
    found.into_iter().collect()
}

fn graph(sources: &[Source]) -> Graph<'_> {
    let files: BTreeSet<&[String]> = sources.iter().map(|source| &source.path[..]).collect();
    sources
        .iter()
        .map(|source| {
            let targets = source.imports.iter().filter_map(|path| {
                let prefixes = (1..=path.len()).rev().map(|length| &path[..length]);
                prefixes
                    .into_iter()
                    .find_map(|prefix| files.get(prefix).copied())
            });
            let own = &source.path[..];
            (own, targets.filter(|target| *target != own).collect())
        })
        .collect()
}

/// The files to which a path of imports leads from `file`.
fn reachable<'a>(graph: &Graph<'a>, file: &[String]) -> BTreeSet<&'a [String]> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&[String]> = graph[file].iter().copied().collect();
    while let Some(next) = open.pop() {
        if let Some((next, targets)) = graph.get_key_value(next)
            && reached.insert(*next)
        {
            open.extend(targets.iter().copied());
        }
    }
    reached
}
