//! A target's labels and those that it exposes itself, put together.

use super::LabelBuilder;

/// Adds a target's labels to those of a series that it exposes.
///
/// With `honor_labels` the exposed ones win, and a label that is exposed without a value (`empty`) keeps the target's
/// away, too. Otherwise the target's win; what they displace is kept under a name with `exported_` before it, as often as
/// needed.
pub fn attach_target_labels(
    labels: &mut LabelBuilder,
    target: &[(String, String)],
    honor_labels: bool,
    empty: &[String],
) {
    if honor_labels {
        for (name, value) in target.iter().filter(|(name, _)| !empty.contains(name)) {
            labels.set_default(name, value);
        }
    } else {
        overwrite(labels, target);
    }
}

fn overwrite(labels: &mut LabelBuilder, target: &[(String, String)]) {
    let mut displaced: Vec<(&str, String)> = Vec::new();
    for (name, value) in target {
        let exposed = labels.get(name);
        if !exposed.is_empty() {
            displaced.push((name, exposed.to_owned()));
        }
        labels.set(name, value);
    }
    // Short names first, so that a displaced `exported_job` does not take the place of a displaced `job`.
    displaced.sort_by_key(|(name, _)| name.len());
    for (name, value) in displaced {
        let mut free = format!("exported_{name}");
        while !labels.get(&free).is_empty() {
            free.insert_str(0, "exported_");
        }
        labels.set(free, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_model::metrics::Labels;

    #[test]
    fn conflicting_labels_follow_honor_labels() {
        // The cases of Prometheus' scrape_test.go (TestScrapeLoopAppend and the conflict tests).
        let name = ("__name__", "m");
        for (honor, target, exposed, expected) in [
            (false, vec![("n", "1")], vec![name, ("n", "2")], "__name__=m,exported_n=2,n=1"),
            (true, vec![("n", "1")], vec![name, ("n", "2")], "__name__=m,n=2"),
            (false, vec![("n", "1")], vec![name, ("n", "")], "__name__=m,n=1"),
            (true, vec![("n", "1")], vec![name, ("n", "")], "__name__=m"),
            (
                false,
                vec![("foo", "1")],
                vec![name, ("foo", "2"), ("exported_foo", "3")],
                "__name__=m,exported_exported_foo=2,exported_foo=3,foo=1",
            ),
            (
                false,
                vec![("foo", "1"), ("exported_foo", "2")],
                vec![name, ("foo", "3"), ("exported_foo", "4")],
                "__name__=m,exported_exported_exported_foo=4,exported_exported_foo=3,exported_foo=2,foo=1",
            ),
        ] {
            let target: Vec<_> = target.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            let empty: Vec<_> = exposed.iter().filter(|(_, v)| v.is_empty()).map(|(n, _)| (*n).to_owned()).collect();
            let mut labels = LabelBuilder::new(Labels::new(exposed.iter().copied()).unwrap().iter());
            attach_target_labels(&mut labels, &target, honor, &empty);
            let shown: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(shown.join(","), expected, "{exposed:?} {honor}");
        }
    }
}
