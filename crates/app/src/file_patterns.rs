//! Patterns of file names, as Go's `filepath.Glob` reads them.

use regex::Regex;
use std::path::{Component, Path, PathBuf};

/// The files that a pattern names, sorted, `limit` of them at most. `*`, `?`, `[…]` and `\\` in a part of the path stand
/// for what Go takes them for; a part without them is taken literally. Blocks. Folders that cannot be read name none.
pub(crate) fn matching(pattern: &Path, limit: usize) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let Component::Normal(name) = part else {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        };
        let wild = name.to_str().filter(|name| name.contains(['*', '?', '[', '\\']));
        match wild.map(|name| Regex::new(&wildcard_regex(name))) {
            None => found.iter_mut().for_each(|path| path.push(name)),
            Some(Ok(regex)) => found = found.iter().flat_map(|folder| entries(folder, &regex, limit)).collect(),
            Some(Err(_)) => return Vec::new(),
        }
        found.truncate(limit);
    }
    found.retain(|path| path.is_file());
    found
}

/// The entries of a folder whose names match, sorted.
fn entries(folder: &Path, regex: &Regex, limit: usize) -> Vec<PathBuf> {
    let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = std::fs::read_dir(place) else { return Vec::new() };
    let names = entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| regex.is_match(name)).take(limit).collect();
    names.sort();
    names.into_iter().map(|name| folder.join(name)).collect()
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
            let shown: Vec<_> =
                found.iter().map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string()).collect();
            assert_eq!(shown.join(" "), expected, "{pattern}");
        }
        assert_eq!(matching(&folder.path().join("a/*"), 2).len(), 2);
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
