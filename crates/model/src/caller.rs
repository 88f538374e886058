//! Who asks or sends, and what they may do: made once from a request, carried by everything that is done for it.

use crate::id::TenantId;
use crate::tenants::TenantSet;
use std::ops::BitOr;
use std::sync::Arc;

/// On whose behalf something is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Whose data.
    pub tenant: TenantId,
    /// Who, for logs and limits.
    pub principal: Arc<str>,
    /// What they may do.
    pub scopes: Scopes,
    /// The tenants that they may use.
    pub tenants: TenantSet,
}

impl Caller {
    /// Whoever calls while authentication is off: the default tenant at first, and nothing is forbidden.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::of_all(Arc::from("anonymous"))
    }

    /// The server itself, for work that nobody asked for just now (scraping, the demo); `part` names which.
    #[must_use]
    pub fn server(part: &str) -> Self {
        Self::of_all(Arc::from(format!("clew:{part}")))
    }

    fn of_all(principal: Arc<str>) -> Self {
        Self { tenant: TenantId::default(), principal, scopes: Scopes::ALL, tenants: TenantSet::Any }
    }

    /// Whether they are to know of their tenants alone: what is of the whole server (other tenants' names and numbers, users,
    /// files, memory) is not shown to them.
    #[must_use]
    pub fn is_confined(&self) -> bool {
        !self.tenants.is_any()
    }
}

/// What a caller may do: a set of the scopes that users and tokens have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Send records.
    pub const INGEST: Self = Self(1);
    /// Ask what is kept.
    pub const READ: Self = Self(1 << 1);
    /// See and change how the server runs.
    pub const ADMIN: Self = Self(1 << 2);
    /// Everything.
    pub const ALL: Self = Self((1 << 3) - 1);

    /// Each scope with its name in configuration files.
    pub const NAMED: [(&'static str, Self); 3] =
        [("ingest", Self::INGEST), ("read", Self::READ), ("admin", Self::ADMIN)];

    /// The names of those in this set.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        Self::NAMED.into_iter().filter(|(_, scope)| self.contain(*scope)).map(|(name, _)| name).collect()
    }

    /// Whether all of `wanted` are in this set.
    #[must_use]
    pub fn contain(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }
}

impl BitOr for Scopes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_contains_what_was_put_in_and_nothing_else() {
        let agent = Scopes::INGEST | Scopes::READ;
        assert!(agent.contain(Scopes::READ) && agent.contain(agent) && agent.contain(Scopes::NONE));
        assert!(!agent.contain(Scopes::ADMIN) && !Scopes::READ.contain(agent));
        assert_eq!(agent | Scopes::ADMIN, Scopes::ALL);
        assert_eq!(Caller::anonymous().scopes, Scopes::ALL);
    }
}
