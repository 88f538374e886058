//! The system that the demo plays: its services, their instances, what they say of themselves.

use clew_model::value::Attributes;
use clew_model::{Attribute, Resource, Scope};
use std::sync::Arc;

/// A service of the played system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(super) enum Service {
    /// Takes requests from outside.
    #[default]
    ApiGateway,
    /// Splits requests into tasks and follows them.
    Orchestrator,
    /// Decides which tasks a request needs.
    Planner,
    /// Worker: looks things up.
    Researcher,
    /// Worker: writes code.
    Coder,
    /// Worker: reviews what was made; takes its work from files.
    Reviewer,
    /// Worker: publishes the result.
    Publisher,
    /// The message broker.
    Queue,
    /// The way to the language models.
    LlmGateway,
    /// Finds documents by embedding.
    VectorStore,
}

impl Service {
    /// All of them.
    pub(super) const ALL: [Service; 10] = [
        Service::ApiGateway,
        Service::Orchestrator,
        Service::Planner,
        Service::Researcher,
        Service::Coder,
        Service::Reviewer,
        Service::Publisher,
        Service::Queue,
        Service::LlmGateway,
        Service::VectorStore,
    ];

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Service::ApiGateway => "api-gateway",
            Service::Orchestrator => "orchestrator",
            Service::Planner => "planner",
            Service::Researcher => "researcher",
            Service::Coder => "coder",
            Service::Reviewer => "reviewer",
            Service::Publisher => "publisher",
            Service::Queue => "queue",
            Service::LlmGateway => "llm-gateway",
            Service::VectorStore => "vector-store",
        }
    }

    /// How many instances run.
    pub(super) fn instances(self) -> usize {
        match self {
            Service::Researcher => 3,
            Service::Coder | Service::LlmGateway => 2,
            _ => 1,
        }
    }

    /// The language it is written in, as OpenTelemetry names it.
    fn language(self) -> &'static str {
        match self {
            Service::ApiGateway | Service::LlmGateway => "go",
            Service::VectorStore => "rust",
            Service::Queue => "erlang",
            _ => "python",
        }
    }

    fn version(self) -> &'static str {
        match self {
            Service::ApiGateway => "3.11.0",
            Service::Orchestrator | Service::Planner => "2.7.4",
            Service::Coder => "1.8.2",
            Service::LlmGateway => "0.19.3",
            Service::VectorStore => "1.14.1",
            Service::Queue => "4.1.2",
            Service::Researcher | Service::Reviewer | Service::Publisher => "1.8.2",
        }
    }
}

/// The coder's release that runs out of memory.
pub(super) const BAD_RELEASE: &str = "1.8.3";

/// One running instance of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(super) struct Instance {
    /// Of which service.
    pub service: Service,
    /// Which one, from 1.
    pub number: usize,
}

impl Instance {
    /// The only or first instance of a service.
    pub(super) fn first(service: Service) -> Self {
        Self { service, number: 1 }
    }

    /// Its name: the service and its number.
    pub(super) fn name(self) -> String {
        format!("{}-{}", self.service.name(), self.number)
    }
}

/// Every instance.
pub(super) fn instances() -> impl Iterator<Item = Instance> {
    Service::ALL
        .into_iter()
        .flat_map(|service| (1..=service.instances()).map(move |number| Instance { service, number }))
}

/// What spans and logs share: each resource once.
#[derive(Debug, Clone)]
pub(super) struct System {
    resources: Vec<(Instance, Arc<Resource>)>,
    bad_coder: Arc<Resource>,
    scope: Arc<Scope>,
}

impl System {
    /// The system at rest.
    pub(super) fn new() -> Self {
        let bad = Instance { service: Service::Coder, number: 2 };
        Self {
            resources: instances().map(|one| (one, resource(one, one.service.version()))).collect(),
            bad_coder: resource(bad, BAD_RELEASE),
            scope: Arc::new(Scope {
                name: "agents.instrumentation".into(),
                version: "1.4.0".into(),
                ..Scope::default()
            }),
        }
    }

    /// The resource of an instance; that of the bad release where it `runs_bad_release`.
    pub(super) fn resource(&self, instance: Instance, runs_bad_release: bool) -> Arc<Resource> {
        if runs_bad_release && instance == (Instance { service: Service::Coder, number: 2 }) {
            return Arc::clone(&self.bad_coder);
        }
        let found = self.resources.iter().find(|(one, _)| *one == instance);
        found.map(|(_, resource)| Arc::clone(resource)).unwrap_or_default()
    }

    /// The instrumentation scope of all spans.
    pub(super) fn scope(&self) -> Arc<Scope> {
        Arc::clone(&self.scope)
    }
}

fn resource(instance: Instance, version: &str) -> Arc<Resource> {
    let service = instance.service;
    let attributes: Attributes = vec![
        Attribute::new("service.name", service.name()),
        Attribute::new("service.version", version),
        Attribute::new("service.instance.id", instance.name()),
        Attribute::new("deployment.environment.name", "demo"),
        Attribute::new("host.name", format!("node-{}", host(instance))),
        Attribute::new("telemetry.sdk.language", service.language()),
        Attribute::new("telemetry.sdk.name", "opentelemetry"),
    ];
    Arc::new(Resource { attributes, ..Resource::default() })
}

/// The machine that an instance runs on, 1 to 3.
pub(super) fn host(instance: Instance) -> usize {
    (instance.service as usize + instance.number) % 3 + 1
}
