//! Tenants: who there are, what each may use, and what came of each since the start.
//!
//! Whose a record or a question is stands in its [`Caller`](clew_model::Caller), and stores keep tenants apart by themselves.
//! Here is what is counted and bounded by tenant. While tenants are not told apart there is none of it, and nothing is paid.

mod limits;
mod rate;
mod streams;
mod tenant;

pub use limits::{LimitsByTenant, Rate, TenantLimits};
pub use tenant::{Arrival, Tenant};

use crate::error::AppError;
use arc_swap::ArcSwap;
use clew_model::{MemoryShare, TenantId};
use clew_telemetry::{Registry, table};
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What tenants that are not known are called in Clew's own metrics; no name can be this.
const UNKNOWN: &str = "(unknown)";

/// How tenants are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantOptions {
    /// Tenants that there may be (`tenants.max`).
    pub max: usize,
    /// What each may use.
    pub limits: LimitsByTenant,
}

/// The tenants that there are.
pub struct Tenants {
    max: usize,
    known: ArcSwap<HashMap<TenantId, Arc<Tenant>>>,
    /// Held while one is added; the limits in force.
    limits: Mutex<LimitsByTenant>,
    /// Stands for all whose names are not known: they have nothing that could be asked for.
    unknown: Arc<Tenant>,
    registry: Arc<Registry>,
    /// What all queries may hold together.
    queries: MemoryShare,
}

impl Tenants {
    /// Those that have something, and those that the limits name.
    #[must_use]
    pub(crate) fn new(
        options: TenantOptions,
        have: BTreeSet<TenantId>,
        registry: Arc<Registry>,
        queries: MemoryShare,
    ) -> Self {
        let TenantOptions { max, limits } = options;
        let mut names = have;
        names.extend(limits.overrides.keys().cloned());
        names.insert(TenantId::default());
        // A name that nobody has must not become a label.
        let unknown = Tenant::new(TenantId::default(), UNKNOWN, limits.usual, &registry, &queries);
        let made = names.into_iter().map(|id| {
            let own = limits.of(&id);
            (id.clone(), Arc::new(Tenant::new(id.clone(), id.as_str(), own, &registry, &queries)))
        });
        let known: HashMap<TenantId, Arc<Tenant>> = made.collect();
        registry.gauge(&table::TENANTS, []).set_count(known.len() as u64);
        let (known, limits) = (ArcSwap::from_pointee(known), Mutex::new(limits));
        Self { max, known, limits, unknown: Arc::new(unknown), registry, queries }
    }

    /// The tenant that records are of; a name that was never seen becomes one.
    ///
    /// # Errors
    /// There are as many as there may be.
    pub(crate) fn of_records(&self, id: &TenantId) -> Result<Arc<Tenant>, AppError> {
        if let Some(tenant) = self.known.load().get(id) {
            return Ok(Arc::clone(tenant));
        }
        let limits = self.limits.lock();
        let known = self.known.load_full();
        if let Some(tenant) = known.get(id) {
            return Ok(Arc::clone(tenant));
        }
        if known.len() >= self.max {
            self.registry.counter(&table::TENANT_REFUSED, [UNKNOWN, "ingest", "tenants"]).inc();
            return Err(AppError::TooManyTenants { tenant: id.clone(), max: self.max });
        }
        let made = Arc::new(Tenant::new(id.clone(), id.as_str(), limits.of(id), &self.registry, &self.queries));
        let mut more = HashMap::clone(&known);
        more.insert(id.clone(), Arc::clone(&made));
        self.registry.gauge(&table::TENANTS, []).set_count(more.len() as u64);
        self.known.store(Arc::new(more));
        tracing::info!(tenant = id.as_str(), "a tenant sends for the first time");
        Ok(made)
    }

    /// The tenant that a question is about; asking makes none.
    pub(crate) fn of_question(&self, id: &TenantId) -> Arc<Tenant> {
        self.known.load().get(id).map_or_else(|| Arc::clone(&self.unknown), Arc::clone)
    }

    /// All that are known, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Tenant>> {
        let mut all: Vec<_> = self.known.load().values().cloned().collect();
        all.sort_by(|a, b| a.id().cmp(b.id()));
        all
    }

    /// Puts other limits in force, from the next request on.
    pub fn configure(&self, limits: LimitsByTenant) {
        let mut own = self.limits.lock();
        // Whom the configuration names is there, however many others there are.
        let known = self.known.load_full();
        let mut more = HashMap::clone(&known);
        for id in limits.overrides.keys() {
            more.entry(id.clone()).or_insert_with(|| {
                Arc::new(Tenant::new(id.clone(), id.as_str(), limits.of(id), &self.registry, &self.queries))
            });
        }
        if more.len() > known.len() {
            self.registry.gauge(&table::TENANTS, []).set_count(more.len() as u64);
            self.known.store(Arc::new(more));
        }
        for tenant in self.known.load().values() {
            tenant.configure(limits.of(tenant.id()), &self.queries);
        }
        self.unknown.configure(limits.usual, &self.queries);
        *own = limits;
    }
}

#[cfg(test)]
mod tests;
