//! Of which tenant a request is: the one that it names, among those that its caller may use (`tenants` in the
//! configuration).

use clew_model::{Caller, TenantId, TenantSet};

/// Whether tenants are kept apart, and where requests belong that name none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tenancy {
    /// Whether tenants are told apart; where not, everything is of the tenant `default` and what requests name is not looked at.
    pub is_on: bool,
    /// The tenant of requests that name none and whose callers may use several; `None` refuses them.
    pub missing: Option<TenantId>,
}

/// What a request shows of its tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// What its headers name: one value for each header.
    pub headers: Vec<String>,
    /// What a reader of the page chose.
    pub chosen: Option<String>,
    /// Whether the page asks: it is shown a tenant of its reader's in any case.
    pub is_page: bool,
}

/// Why a request is of no tenant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TenantRefusal {
    /// It names none, and its caller may use several.
    #[error("no org id: this server keeps tenants apart, and the request does not say which it is about")]
    Missing,
    /// What it names can be none.
    #[error("{0:?} is no tenant")]
    Invalid(String),
    /// It names several.
    #[error("{0:?} names several tenants; a request is about one")]
    Several(String),
    /// Its caller may not use it.
    #[error("{principal} may not use the tenant {tenant:?}; it may use {may}")]
    NotTheirs {
        /// What it names.
        tenant: String,
        /// Who calls.
        principal: String,
        /// What they may use.
        may: TenantSet,
    },
}

impl TenantRefusal {
    /// What to do instead.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            TenantRefusal::Missing => {
                "send the header X-Scope-OrgID with the name of a tenant, or set tenants.missing on the server"
            }
            TenantRefusal::Invalid(_) => "a tenant's name has 1 to 64 of a-z, A-Z, 0-9, - and _",
            TenantRefusal::Several(_) => {
                "name one in X-Scope-OrgID, and ask once for each; questions across tenants are not built"
            }
            TenantRefusal::NotTheirs { .. } => "name another in X-Scope-OrgID, or have an operator add it",
        }
    }
}

impl Tenancy {
    /// The caller within the tenant of a request.
    ///
    /// # Errors
    /// What the request shows names no tenant that the caller may use.
    pub fn within(&self, caller: Caller, shown: &Shown) -> Result<Caller, TenantRefusal> {
        if !self.is_on {
            return Ok(Caller { tenant: TenantId::default(), tenants: TenantSet::Any, ..caller });
        }
        let tenant = match &shown.headers[..] {
            [] => self.unnamed(&caller, shown)?,
            [name] => {
                let tenant = read(name)?;
                if !caller.tenants.contains(&tenant) {
                    let (principal, may) = (caller.principal.to_string(), caller.tenants);
                    return Err(TenantRefusal::NotTheirs { tenant: tenant.to_string(), principal, may });
                }
                tenant
            }
            several => return Err(TenantRefusal::Several(several.join(", "))),
        };
        Ok(Caller { tenant, ..caller })
    }

    fn unnamed(&self, caller: &Caller, shown: &Shown) -> Result<TenantId, TenantRefusal> {
        let may_use = |tenant: &TenantId| caller.tenants.contains(tenant);
        if let [only] = caller.tenants.names() {
            return Ok(only.clone());
        }
        // A choice that was made for somebody else is none.
        if let Some(chosen) = shown.chosen.as_deref().and_then(TenantId::new).filter(may_use) {
            return Ok(chosen);
        }
        if let Some(missing) = self.missing.as_ref().filter(|missing| may_use(missing)) {
            return Ok(missing.clone());
        }
        if shown.is_page {
            let first = caller.tenants.names().first().cloned();
            return Ok(Some(TenantId::default()).filter(may_use).or(first).unwrap_or_default());
        }
        Err(TenantRefusal::Missing)
    }
}

fn read(name: &str) -> Result<TenantId, TenantRefusal> {
    let name = name.trim();
    if name.is_empty() {
        return Err(TenantRefusal::Missing);
    }
    TenantId::new(name).ok_or_else(|| {
        let several = name.contains(['|', ',']);
        let shown: String = name.chars().take(100).collect();
        if several { TenantRefusal::Several(shown) } else { TenantRefusal::Invalid(shown) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(tenants: &[&str]) -> Caller {
        Caller { tenants: TenantSet::parse(tenants.iter().copied()).unwrap(), ..Caller::anonymous() }
    }

    fn shown(headers: &[&str]) -> Shown {
        Shown { headers: headers.iter().map(|&name| name.to_owned()).collect(), ..Shown::default() }
    }

    fn on() -> Tenancy {
        Tenancy { is_on: true, missing: None }
    }

    #[test]
    fn a_request_is_of_the_tenant_that_it_names_among_those_of_its_caller() {
        // Which the caller may use, what the headers name, and the tenant or what the refusal says.
        for (may, headers, expected) in [
            (&["a"][..], &[][..], Ok("a")),
            (&["a"], &["a"], Ok("a")),
            (&["a"], &[" a "], Ok("a")),
            (&["a"], &["b"], Err("caller may not use the tenant \"b\"; it may use a")),
            (&["a", "b"], &["b"], Ok("b")),
            (&["a", "b"], &[], Err("no org id")),
            (&["a", "b"], &["c"], Err("it may use a, b")),
            (&["*"], &["c"], Ok("c")),
            (&["*"], &[], Err("no org id")),
            (&["*"], &[""], Err("no org id")),
            (&[], &[], Ok("default")),
            (&[], &["a"], Err("it may use default")),
            (&["*"], &["a|b"], Err("\"a|b\" names several")),
            (&["*"], &["a,b"], Err("names several")),
            (&["*"], &["a", "a"], Err("\"a, a\" names several")),
            (&["*"], &["../a"], Err("\"../a\" is no tenant")),
            (&["*"], &["ä"], Err("is no tenant")),
        ] {
            let caller = Caller { principal: "caller".into(), ..caller(may) };
            let found = on().within(caller, &shown(headers));
            match (found, expected) {
                (Ok(found), Ok(tenant)) => assert_eq!(found.tenant.as_str(), tenant, "{may:?} {headers:?}"),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (found, _) => panic!("{may:?} {headers:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn what_names_none_is_of_the_chosen_then_the_configured_and_a_page_is_shown_one_in_any_case() {
        let within = |may: &[&str], missing: Option<&str>, chosen: Option<&str>, is_page| {
            let tenancy = Tenancy { is_on: true, missing: missing.and_then(TenantId::new) };
            let shown = Shown { headers: Vec::new(), chosen: chosen.map(str::to_owned), is_page };
            tenancy.within(caller(may), &shown).ok().map(|caller| caller.tenant.to_string())
        };
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(within(&["a", "b"], None, Some("b"), true), some("b"));
        assert_eq!(within(&["a", "b"], None, Some("c"), true), some("a"), "a choice that is not theirs is none");
        assert_eq!(within(&["a", "b"], None, Some("c"), false), None);
        assert_eq!(within(&["a", "b"], Some("b"), None, false), some("b"));
        assert_eq!(within(&["a", "b"], Some("c"), None, false), None);
        assert_eq!(within(&["*"], Some("c"), Some("../"), false), some("c"));
        assert_eq!(within(&["*"], None, None, true), some("default"));
        assert_eq!(within(&["a"], Some("b"), Some("b"), false), some("a"), "who has one needs none");
    }

    #[test]
    fn while_tenants_are_not_told_apart_all_is_of_the_default_and_headers_are_not_looked_at() {
        for headers in [&[][..], &["a"], &["../a", "b"]] {
            let caller = Tenancy::default().within(caller(&["b"]), &shown(headers)).unwrap();
            assert_eq!((caller.tenant, caller.tenants), (TenantId::default(), TenantSet::Any));
        }
    }
}
