//! Which tenants somebody may use.

use crate::id::TenantId;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// The tenants that a user, a token or a caller may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantSet {
    /// All there are and will be.
    Any,
    /// These, by name. Never empty: whoever is given none belongs to `default`.
    Named(Arc<[TenantId]>),
}

impl TenantSet {
    /// How [`TenantSet::Any`] is written.
    pub const ANY: &'static str = "*";

    /// These; `default` where there are none.
    #[must_use]
    pub fn of(tenants: impl IntoIterator<Item = TenantId>) -> Self {
        let names: BTreeSet<TenantId> = tenants.into_iter().collect();
        if names.is_empty() { Self::default() } else { Self::Named(names.into_iter().collect()) }
    }

    /// Those that words name: names, or `*` for any.
    ///
    /// # Errors
    /// The first word that is neither.
    pub fn parse<'w>(words: impl IntoIterator<Item = &'w str>) -> Result<Self, &'w str> {
        let (mut any, mut named) = (false, Vec::new());
        for word in words {
            if word == Self::ANY {
                any = true;
            } else {
                named.push(TenantId::new(word).ok_or(word)?);
            }
        }
        Ok(if any { Self::Any } else { Self::of(named) })
    }

    /// Whether this tenant is among them.
    #[must_use]
    pub fn contains(&self, tenant: &TenantId) -> bool {
        match self {
            TenantSet::Any => true,
            TenantSet::Named(names) => names.contains(tenant),
        }
    }

    /// Whether these are all that there are.
    #[must_use]
    pub fn is_any(&self) -> bool {
        *self == TenantSet::Any
    }

    /// The names; none where they are [`TenantSet::Any`].
    #[must_use]
    pub fn names(&self) -> &[TenantId] {
        match self {
            TenantSet::Any => &[],
            TenantSet::Named(names) => names,
        }
    }

    /// The words that [`TenantSet::parse`] reads.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        match self {
            TenantSet::Any => vec![Self::ANY.to_owned()],
            TenantSet::Named(names) => names.iter().map(|name| name.as_str().to_owned()).collect(),
        }
    }
}

impl Default for TenantSet {
    fn default() -> Self {
        Self::Named(Arc::from([TenantId::default()]))
    }
}

impl fmt::Display for TenantSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.words().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_written_and_none_is_the_default_tenant() {
        for (words, written) in
            [(&["b", "a", "b"][..], &["a", "b"][..]), (&["*"], &["*"]), (&["a", "*"], &["*"]), (&[], &["default"])]
        {
            assert_eq!(TenantSet::parse(words.iter().copied()).unwrap().words(), written);
        }
        assert_eq!(TenantSet::parse(["a", "../b"]), Err("../b"));
        let (a, set) = (TenantId::new("a").unwrap(), TenantSet::parse(["a", "c"]).unwrap());
        assert!(set.contains(&a) && !set.contains(&TenantId::default()) && TenantSet::Any.contains(&a));
    }
}
