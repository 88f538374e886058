//! Tenants: whether they are told apart, where requests belong that name none, and what each may use.

use clew_app::access::Tenancy;
use clew_app::tenants::{LimitsByTenant, Rate, TenantLimits, TenantOptions};
use clew_config::yaml::{Content, Value};
use clew_model::{TenantId, TenantSet};
use std::collections::BTreeMap;

/// Burst of a rate for which none is written: so many seconds of it.
const BURST_SECONDS: u64 = 2;

/// What a name may be.
const NAME: &str = "a tenant's name has 1 to 64 of a-z, A-Z, 0-9, - and _";

/// Tenants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tenants {
    /// Whether they are told apart.
    pub is_on: bool,
    /// The tenant of requests that name none; `None` refuses them.
    pub missing: Option<TenantId>,
    /// How many there may be.
    pub max: usize,
    /// What each may use.
    pub limits: Limits,
    /// What some may use instead.
    pub overrides: BTreeMap<TenantId, Limits>,
}

/// A limit that may be written: a number, or none.
type Written = Option<Option<u64>>;

/// What a tenant may use, as far as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Limits {
    pub records: Written,
    pub records_burst: Written,
    pub bytes: Written,
    pub bytes_burst: Written,
    pub series: Written,
    pub streams: Written,
    pub queries: Written,
    pub query_memory: Written,
}

impl Limits {
    /// What is written here, else what is usual.
    fn or(self, usual: Self) -> Self {
        // A rate of its own has a burst of its own.
        let burst = |rate: Written, own: Written, usual: Written| if rate.is_some() { own } else { own.or(usual) };
        Self {
            records: self.records.or(usual.records),
            records_burst: burst(self.records, self.records_burst, usual.records_burst),
            bytes: self.bytes.or(usual.bytes),
            bytes_burst: burst(self.bytes, self.bytes_burst, usual.bytes_burst),
            series: self.series.or(usual.series),
            streams: self.streams.or(usual.streams),
            queries: self.queries.or(usual.queries),
            query_memory: self.query_memory.or(usual.query_memory),
        }
    }

    fn resolved(self) -> TenantLimits {
        let rate = |per_second: Written, burst: Written| {
            let per_second = per_second.flatten()?;
            let burst = burst.flatten().unwrap_or_else(|| per_second.saturating_mul(BURST_SECONDS));
            Some(Rate { per_second, burst })
        };
        let count = |limit: Written| limit.flatten().map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        TenantLimits {
            records: rate(self.records, self.records_burst),
            bytes: rate(self.bytes, self.bytes_burst),
            series: count(self.series),
            streams: count(self.streams),
            queries: count(self.queries),
            query_memory: self.query_memory.flatten(),
        }
    }
}

impl Tenants {
    /// Whose requests are.
    pub(crate) fn tenancy(&self) -> Tenancy {
        Tenancy { is_on: self.is_on, missing: self.missing.clone() }
    }

    /// What each may use.
    pub(crate) fn limits(&self) -> LimitsByTenant {
        let own = |(tenant, own): (&TenantId, &Limits)| (tenant.clone(), own.or(self.limits).resolved());
        LimitsByTenant { usual: self.limits.resolved(), overrides: self.overrides.iter().map(own).collect() }
    }

    /// How they are told apart; none where they are not.
    pub(crate) fn options(&self) -> Option<TenantOptions> {
        self.is_on.then(|| TenantOptions { max: self.max, limits: self.limits() })
    }
}

/// `on` and `off`; YAML 1.1 takes both for truth values.
pub(super) fn mode(value: &Value<'_>, into: &mut Tenants) {
    match value.filled_text().map(str::to_ascii_lowercase).as_deref() {
        Some("on" | "true") => into.is_on = true,
        Some("off" | "false") => into.is_on = false,
        Some(other) => value.fault(format!("{other:?} is no mode"), "write `on` or `off`"),
        None => {}
    }
}

/// `refuse`, or a name.
pub(super) fn missing(value: &Value<'_>, into: &mut Tenants) {
    if value.text() == Some("refuse") {
        into.missing = None;
    } else if let Some(tenant) = tenant(value) {
        into.missing = Some(tenant);
    }
}

pub(super) fn max(value: &Value<'_>, into: &mut Tenants) {
    match value.count().map(usize::try_from) {
        Some(Ok(max)) if (1..=100_000).contains(&max) => into.max = max,
        Some(_) => value.fault("is not between 1 and 100000", "write how many tenants there may be"),
        None => {}
    }
}

/// How many, one at least.
pub(super) fn count(value: &Value<'_>, into: &mut Written) {
    if is_unlimited(value) {
        *into = Some(None);
    } else if let Some(count) = value.count() {
        if count == 0 {
            value.fault("is zero", "write a number, or `unlimited`");
        } else {
            *into = Some(Some(count));
        }
    }
}

/// Bytes.
pub(super) fn size(value: &Value<'_>, into: &mut Written) {
    if is_unlimited(value) {
        *into = Some(None);
    } else if let Some(size) = value.size(1000) {
        if size < 1024 {
            value.fault("is less than 1 KiB", "write a size such as 4MiB, or `unlimited`");
        } else {
            *into = Some(Some(size));
        }
    }
}

fn is_unlimited(value: &Value<'_>) -> bool {
    is_written(value, "unlimited")
}

fn is_written(value: &Value<'_>, word: &str) -> bool {
    matches!(&value.node().content, Content::Scalar(text) if text == word)
}

/// Tenants with limits of their own.
pub(super) fn overrides(value: &Value<'_>, into: &mut BTreeMap<TenantId, Limits>) {
    into.clear();
    for (name, own) in value.entries() {
        let Some(tenant) = TenantId::new(name) else {
            own.fault(format!("{name:?} is no tenant"), NAME);
            continue;
        };
        let mut limits = Limits::default();
        let mut fields = own.fields();
        let mut read = |key, read: fn(&Value<'_>, &mut Written), into: &mut Written| {
            fields.get(key).into_iter().for_each(|value| read(&value, into));
        };
        read("ingest_records", count, &mut limits.records);
        read("ingest_records_burst", count, &mut limits.records_burst);
        read("ingest_bytes", size, &mut limits.bytes);
        read("ingest_bytes_burst", size, &mut limits.bytes_burst);
        read("series", count, &mut limits.series);
        read("streams", count, &mut limits.streams);
        read("queries", count, &mut limits.queries);
        read("query_memory", size, &mut limits.query_memory);
        fields.finish();
        into.insert(tenant, limits);
    }
}

/// The tenants that a user, a token or a group may use: a list of names, or `*` for all.
pub(super) fn set(value: &Value<'_>) -> Option<TenantSet> {
    if is_written(value, TenantSet::ANY) {
        return Some(TenantSet::Any);
    }
    let items = value.items();
    if items.is_empty() {
        value.fault("names no tenant", "write a list of names, or '*' for all");
        return None;
    }
    let words: Vec<Option<&str>> = items.iter().map(|item| word(item)).collect();
    let words: Option<Vec<&str>> = words.into_iter().collect();
    TenantSet::parse(words?).ok()
}

fn word<'v>(item: &Value<'v>) -> Option<&'v str> {
    let text = item.filled_text()?;
    if text != TenantSet::ANY && TenantId::new(text).is_none() {
        item.fault(format!("{text:?} is no tenant"), format!("{NAME}; '*' stands for all"));
        return None;
    }
    Some(text)
}

fn tenant(value: &Value<'_>) -> Option<TenantId> {
    let text = value.filled_text()?;
    let tenant = TenantId::new(text);
    if tenant.is_none() {
        value.fault(format!("{text:?} is neither `refuse` nor a tenant"), NAME);
    }
    tenant
}

#[cfg(test)]
mod tests {
    use super::super::{Loaded, Overrides, load};
    use super::*;

    fn read(text: &str) -> Result<Loaded, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("clew.yml");
        std::fs::write(&file, text).unwrap();
        load(Some(&file), &BTreeMap::new(), &Overrides::default())
            .map_err(|faults| faults.iter().map(|fault| format!("{fault}\n")).collect())
    }

    fn tenants(text: &str) -> Tenants {
        read(&format!("tenants: {{ {text} }}")).unwrap().config.tenants
    }

    #[test]
    fn they_are_off_until_configured() {
        let off = read("").unwrap().config.tenants;
        assert_eq!((off.is_on, off.options(), off.tenancy()), (false, None, Tenancy::default()));
        for (written, is_on) in [("on", true), ("'on'", true), ("off", false), ("'off'", false), ("true", true)] {
            assert_eq!(tenants(&format!("mode: {written}")).is_on, is_on, "{written}");
        }
        let on = tenants("mode: on, missing: default");
        assert_eq!(on.tenancy(), Tenancy { is_on: true, missing: Some(TenantId::default()) });
        assert_eq!(tenants("mode: on").missing, None);
        assert_eq!(tenants("mode: on").options().unwrap().max, 1_000);
    }

    #[test]
    fn what_is_written_for_one_takes_the_place_of_what_is_usual() {
        let limits = tenants(
            "limits: { ingest_records: 1000, ingest_bytes: 1MiB, ingest_bytes_burst: 3MiB, series: 500 }, overrides: \
             { a: { ingest_records: 50, series: unlimited, queries: 2 }, b: {}, c: { ingest_bytes: 2MiB } }",
        )
        .limits();
        let rate = |per_second, burst| Some(Rate { per_second, burst });
        let usual = TenantLimits {
            records: rate(1_000, 2_000),
            bytes: rate(1 << 20, 3 << 20),
            series: Some(500),
            ..TenantLimits::default()
        };
        let of = |name: &str| limits.of(&TenantId::new(name).unwrap());
        assert_eq!((of("b"), of("other")), (usual, usual));
        assert_eq!(of("a"), TenantLimits { records: rate(50, 100), series: None, queries: Some(2), ..usual });
        assert_eq!(of("c"), TenantLimits { bytes: rate(2 << 20, 4 << 20), ..usual });
    }

    #[test]
    fn users_tokens_and_groups_have_tenants() {
        let digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let token = |tenants: &str| {
            let text = format!("auth: {{ tokens: [{{ name: a, digest: '{digest}', scopes: [read]{tenants} }}] }}");
            read(&text).unwrap().config.auth.tokens.remove(0).tenants.words()
        };
        assert_eq!(token(""), ["default"]);
        assert_eq!(token(", tenants: [b, a]"), ["a", "b"]);
        assert_eq!(token(", tenants: '*'"), ["*"]);
        assert_eq!(token(", tenants: ['*']"), ["*"]);
        let oidc = read("auth: { oidc: { tenants: { ops: ['*'], devs: [a, b] }, tenants_claim: org } }").unwrap();
        let oidc = oidc.config.auth.oidc;
        let groups: Vec<_> = oidc.tenants.iter().map(|(group, set)| (group.as_str(), set.words())).collect();
        assert_eq!(groups, [("ops", vec!["*".to_owned()]), ("devs", vec!["a".to_owned(), "b".to_owned()])]);
        assert_eq!(oidc.tenants_claim, "org");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, expected) in [
            ("tenants: { mode: maybe }", "is no mode"),
            ("tenants: { missing: 'a b' }", "neither `refuse` nor a tenant"),
            ("tenants: { max: 0 }", "not between 1 and 100000"),
            ("tenants: { limits: { series: 0 } }", "is zero"),
            ("tenants: { limits: { ingest_bytes: 5 } }", "is not a size in bytes"),
            ("tenants: { limits: { query_memory: 0.5KiB } }", "less than 1 KiB"),
            ("tenants: { limits: { serious: 5 } }", "did you mean `series`?"),
            ("tenants: { overrides: { 'a/b': { series: 5 } } }", "is no tenant"),
            ("tenants: { overrides: { a: { serious: 5 } } }", "serious"),
            ("tenants: { overrides: { a: { series: many } } }", "series"),
            ("auth: { tokens: [{ name: a, digest: DIGEST, scopes: [read], tenants: [] }] }", "names no tenant"),
            ("auth: { tokens: [{ name: a, digest: DIGEST, scopes: [read], tenants: ['a|b'] }] }", "is no tenant"),
            ("auth: { oidc: { tenants: { ops: ['a b'] } } }", "is no tenant"),
            ("auth: { oidc: { tenants: { ops: 'a' } } }", "list"),
        ] {
            let digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
            let faults = read(&text.replace("DIGEST", digest)).unwrap_err();
            assert!(faults.contains(expected) && faults.contains("clew.yml:1:"), "{text}: {faults}");
        }
    }
}
