//! The known words that a misspelled one may have been meant to be.

/// The candidate nearest to `word`, when it is near enough to be a misspelling: at most a third of its characters
/// (but two at least) inserted, dropped, changed or swapped with their neighbour; case and `-` aside.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = folded(word);
    let misspelled = |candidate: &'a str| misspelling(&folded, candidate).map(|distance| (distance, candidate));
    candidates.into_iter().filter_map(misspelled).min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// At most `most` candidates that `word` may have been meant to be, the likeliest first: the same but for case and
/// separators, those that it begins or that begin it (`http_requests` and `http_requests_total`), misspellings, those that
/// share its parts.
#[must_use]
pub fn near<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>, most: usize) -> Vec<&'a str> {
    let own = folded(word);
    let bare = without_separators(&own);
    let (length, is_number) = (own.chars().count(), own.chars().all(|c| c.is_ascii_digit()));
    let rank = |candidate: &str| {
        let other = folded(candidate);
        if without_separators(&other) == bare {
            return Some((0, 0));
        }
        let (short, long) = if other.len() < own.len() { (&other, &own) } else { (&own, &other) };
        if short.chars().count() >= LEAST_PART && long.starts_with(short.as_str()) {
            return Some((1, long.len() - short.len()));
        }
        // Of short words nearly every one is a misspelling of every other, and numbers are not misspelt.
        if let Some(distance) =
            misspelling(&own, candidate).filter(|distance| *distance <= (length / 3).max(1) && !is_number)
        {
            return Some((2, distance));
        }
        let shared = parts(&own).filter(|part| parts(&other).any(|own| own == *part)).count();
        (shared >= 2 || (shared == 1 && parts(&own).count() == 1)).then(|| (3, usize::MAX - shared))
    };
    let mut ranked: Vec<((usize, usize), &str)> = Vec::new();
    for candidate in candidates.into_iter().filter(|candidate| *candidate != word) {
        if let Some(rank) = rank(candidate) {
            ranked.push((rank, candidate));
            // What cannot be among the first is dropped now and then, so that a long list costs no memory.
            if ranked.len() >= most.saturating_add(64).saturating_mul(2) {
                ranked.sort_unstable();
                ranked.truncate(most);
            }
        }
    }
    ranked.sort_unstable();
    ranked.dedup();
    ranked.into_iter().take(most).map(|(_, candidate)| candidate).collect()
}

/// Characters that a part of a name must have to tell anything.
const LEAST_PART: usize = 3;

fn folded(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

fn without_separators(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).collect()
}

fn parts(word: &str) -> impl Iterator<Item = &str> {
    word.split(|c: char| !c.is_alphanumeric()).filter(|part| part.chars().count() >= LEAST_PART)
}

/// The distance of a folded word from a candidate, when it is a misspelling of it.
fn misspelling(folded_word: &str, candidate: &str) -> Option<usize> {
    let length = folded_word.chars().count();
    let allowed = (length / 3).max(2);
    let count = candidate.chars().count();
    // No cheaper way between words of so different lengths.
    if length.abs_diff(count) > allowed {
        return None;
    }
    let distance = distance(folded_word, &candidate.to_lowercase());
    (distance <= allowed && distance < count).then_some(distance)
}

/// Optimal string alignment distance.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, own) in left.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let at = |cells: &[usize], index: usize| cells.get(index).copied().unwrap_or(usize::MAX - 1);
            let mut best = (at(&last, column) + usize::from(own != other))
                .min(at(&last, column + 1) + 1)
                .min(at(&next, column) + 1);
            let swapped =
                row > 0 && column > 0 && left.get(row - 1) == Some(other) && right.get(column - 1) == Some(own);
            if swapped {
                best = best.min(at(&before, column - 1) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_word_finds_the_known_one_and_a_strange_word_none() {
        let known = ["scrape_interval", "scrape_timeout", "scheme", "job_name", "age"];
        for (word, expected) in [
            ("scrape_intervall", Some("scrape_interval")),
            ("scrape-timeout", Some("scrape_timeout")),
            ("shceme", Some("scheme")),
            ("jobname", Some("job_name")),
            ("bandwidth", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }

    #[test]
    fn distances_count_edits() {
        for (left, right, edits) in [("", "abc", 3), ("kitten", "sitting", 3), ("ab", "ba", 1), ("same", "same", 0)] {
            assert_eq!(distance(left, right), edits, "{left} {right}");
            assert_eq!(distance(right, left), edits, "{right} {left}");
        }
    }

    #[test]
    fn the_likeliest_names_come_first() {
        let known = [
            "http_requests_total",
            "http_request_duration_seconds_bucket",
            "http.server.request.duration",
            "node_cpu_seconds_total",
            "up",
            "userId",
            "user_id_hash",
            "200",
        ];
        for (word, expected) in [
            (
                "http_requests",
                vec!["http_requests_total", "http_request_duration_seconds_bucket", "http.server.request.duration"],
            ),
            ("htp_requests_total", vec!["http_requests_total"]),
            ("user_id", vec!["userId", "user_id_hash"]),
            ("UserID", vec!["userId"]),
            ("node_cpu_seconds", vec!["node_cpu_seconds_total"]),
            ("node_cpu_seconds_total_sum", vec!["node_cpu_seconds_total"]),
            ("duration", vec!["http.server.request.duration", "http_request_duration_seconds_bucket"]),
            ("bandwidth", vec![]),
            ("up", vec![]),
            ("404", vec![]),
        ] {
            let mut found = near(word, known, 3);
            if word == "http_requests" {
                found.truncate(1);
                assert_eq!(found, expected[..1], "{word}");
                continue;
            }
            assert_eq!(found, expected, "{word}");
        }
        let many: Vec<String> = (0..10_000).map(|number| format!("metric_{number}")).collect();
        assert_eq!(near("metric_77", many.iter().map(String::as_str), 2).len(), 2);
    }
}
