//! Patterns of file names, as Go's `filepath.Glob` reads them.

use regex::Regex;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// What a pattern names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Matching {
    /// The files, sorted.
    pub(crate) files: Vec<PathBuf>,
    /// Whether there may be more.
    pub(crate) is_cut: bool,
}

/// The files that a pattern names, the first `limit` of them at most, in the order of their names. `*`, `?`, `[…]` and
/// `\\` in a part of the path stand for what Go takes them for; a part without them is taken literally. Blocks. Folders
/// that cannot be read name none.
pub(crate) fn matching(pattern: &Path, limit: usize) -> Matching {
    let mut is_cut = false;
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let Component::Normal(name) = part else {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        };
        let wild = name.to_str().filter(|name| name.contains(['*', '?', '[', '\\']));
        match wild.map(|name| Regex::new(&wildcard_regex(name))) {
            None => found.iter_mut().for_each(|path| path.push(name)),
            Some(Ok(regex)) => {
                let entries = found.iter().flat_map(|folder| entries(folder, &regex, limit));
                found = entries.take(limit.saturating_add(1)).collect();
            }
            Some(Err(_)) => return Matching::default(),
        }
        is_cut |= found.len() > limit;
        found.truncate(limit);
    }
    found.retain(|path| path.is_file());
    Matching { files: found, is_cut }
}

/// The entries of a folder whose names match, sorted, the first of them and one more than `limit` at most.
fn entries(folder: &Path, regex: &Regex, limit: usize) -> Vec<PathBuf> {
    let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = std::fs::read_dir(place) else { return Vec::new() };
    let names = entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().into_string().ok());
    let mut first = BTreeSet::new();
    for name in names.filter(|name| regex.is_match(name)) {
        first.insert(name);
        if first.len() > limit.saturating_add(1) {
            first.pop_last();
        }
    }
    first.into_iter().map(|name| folder.join(name)).collect()
}

/// A pattern of Go's `filepath.Match` as a regular expression.
fn wildcard_regex(pattern: &str) -> String {
    let mut regex = String::from("^");
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => {
                let class: String = characters.by_ref().take_while(|character| *character != ']').collect();
                regex.push_str(&format!("[{}]", class.replace('[', "\\[").replace('&', "\\&").replace('~', "\\~")));
            }
            '\\' => regex.extend(characters.next().map(|next| regex::escape(&next.to_string()))),
            other => regex.push_str(&regex::escape(&other.to_string())),
        }
    }
    regex.push('$');
    regex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_files_in_folders_that_match_too() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a/web-1.yml", "a/web-2.yml", "a/db-1.yml", "b/web-1.yml", "a/web-1.txt", ".h/web-1.yml"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        for (pattern, expected) in [
            ("a/web-*.yml", "a/web-1.yml a/web-2.yml"),
            ("a/*-*.yml", "a/db-1.yml a/web-1.yml a/web-2.yml"),
            ("[ab]/web-1.yml", "a/web-1.yml b/web-1.yml"),
            ("?/web-1.*", "a/web-1.txt a/web-1.yml b/web-1.yml"),
            ("*/web-1.yml", ".h/web-1.yml a/web-1.yml b/web-1.yml"),
            ("./a/../a/db-1.yml", "a/../a/db-1.yml"),
            ("a/web\\-1.yml", "a/web-1.yml"),
            ("c/*.yml", ""),
            ("a", ""),
            ("a/[", ""),
        ] {
            let found = matching(&folder.path().join(pattern), 100);
            assert!(!found.is_cut, "{pattern}");
            let shown: Vec<_> = found
                .files
                .iter()
                .map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string())
                .collect();
            assert_eq!(shown.join(" "), expected, "{pattern}");
        }
        assert_eq!(matching(&folder.path().join("a/*"), 2).files.len(), 2);
    }

    #[test]
    fn of_more_files_than_may_be_the_first_are_named() {
        let folder = tempfile::tempdir().unwrap();
        // Neither written in the order of their names nor, in most file systems, listed in it.
        let numbers = (0..50).map(|number| (number * 37) % 50);
        for number in numbers {
            for sub in ["a", "b"] {
                std::fs::create_dir_all(folder.path().join(sub)).unwrap();
                std::fs::write(folder.path().join(format!("{sub}/{number:02}.yml")), "").unwrap();
            }
        }
        let pattern = folder.path().join("a/*.yml");
        let first: Vec<PathBuf> = (0..7).map(|number| folder.path().join(format!("a/{number:02}.yml"))).collect();
        assert_eq!(matching(&pattern, 7), Matching { files: first, is_cut: true });
        let both = folder.path().join("*/*.yml");
        for (pattern, limit, files, is_cut) in
            [(&pattern, 49, 49, true), (&pattern, 50, 50, false), (&both, 99, 99, true), (&both, 100, 100, false)]
        {
            let found = matching(pattern, limit);
            assert_eq!((found.files.len(), found.is_cut), (files, is_cut), "{}", pattern.display());
        }
    }

    #[test]
    fn wildcards_match_as_in_go() {
        for (pattern, name, expected) in [
            ("*.json", "a.json", true),
            ("*.json", "ajson", false),
            ("a?.yml", "ab.yml", true),
            ("a[0-9].yml", "a5.yml", true),
            ("a[^0-9].yml", "a5.yml", false),
            ("a\\*.yml", "ab.yml", false),
            ("a+b*.yml", "a+bc.yml", true),
        ] {
            assert_eq!(Regex::new(&wildcard_regex(pattern)).unwrap().is_match(name), expected, "{pattern} {name}");
        }
    }
}
