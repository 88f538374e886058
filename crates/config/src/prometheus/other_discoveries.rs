//! Discoveries that are not built: what may be written in them, so that a configuration is read as it is.

use super::discovery::is_empty_section;
use crate::shape::{AUTHENTICATION, HTTP_CLIENT, Section, Shape, TLS};
use crate::yaml::{Fields, Value};

const CLIENT_AUTH: &[&[&str]] = &[AUTHENTICATION];

const fn with_client(own: &'static [&'static [(&'static str, Shape)]], required: &'static [&'static str]) -> Section {
    Section { keys: own, required, exclusive: CLIENT_AUTH }
}

static FILTER: Section = Section::of(&[&[("name", Shape::Text), ("values", Shape::Texts)]]);

const REFRESH: &[(&str, Shape)] = &[("refresh_interval", Shape::Duration), ("port", Shape::Integer)];

/// Keys of Amazon's.
const AWS: &[(&str, Shape)] = &[
    ("region", Shape::Text),
    ("endpoint", Shape::Text),
    ("access_key", Shape::Text),
    ("secret_key", Shape::Text),
    ("profile", Shape::Text),
    ("role_arn", Shape::Text),
    ("external_id", Shape::Text),
];
const AWS_CLUSTERS: &[(&str, Shape)] = &[("clusters", Shape::Texts), ("request_concurrency", Shape::Integer)];
const FILTERS: &[(&str, Shape)] = &[("filters", Shape::Many(&FILTER))];

const KUBERNETES_ROLE: Shape = Shape::Choice(&["node", "pod", "service", "endpoints", "endpointslice", "ingress"]);

static KUBERNETES: Section = with_client(
    &[
        &[
            ("api_server", Shape::Text),
            ("role", KUBERNETES_ROLE),
            ("kubeconfig_file", Shape::Text),
            ("namespaces", Shape::One(&Section::of(&[&[("own_namespace", Shape::Bool), ("names", Shape::Texts)]]))),
            (
                "selectors",
                Shape::Many(&Section::of(&[&[
                    ("role", KUBERNETES_ROLE),
                    ("label", Shape::Text),
                    ("field", Shape::Text),
                ]])),
            ),
            (
                "attach_metadata",
                Shape::One(&Section::of(&[&[
                    ("node", Shape::Bool),
                    ("namespace", Shape::Bool),
                    ("deployment", Shape::Bool),
                    ("job", Shape::Bool),
                    ("cronjob", Shape::Bool),
                ]])),
            ),
        ],
        HTTP_CLIENT,
    ],
    &["role"],
);

static CONSUL: Section = with_client(
    &[
        &[
            ("server", Shape::Text),
            ("path_prefix", Shape::Text),
            ("token", Shape::Text),
            ("datacenter", Shape::Text),
            ("namespace", Shape::Text),
            ("partition", Shape::Text),
            ("tag_separator", Shape::Text),
            ("scheme", Shape::Text),
            ("username", Shape::Text),
            ("password", Shape::Text),
            ("allow_stale", Shape::Bool),
            ("refresh_interval", Shape::Duration),
            ("services", Shape::Texts),
            ("tags", Shape::Texts),
            ("node_meta", Shape::TextMap),
            ("filter", Shape::Text),
            ("health_filter", Shape::Text),
        ],
        HTTP_CLIENT,
    ],
    &[],
);

static AZURE: Section = with_client(
    &[
        &[
            ("environment", Shape::Text),
            ("subscription_id", Shape::Text),
            ("tenant_id", Shape::Text),
            ("client_id", Shape::Text),
            ("client_secret", Shape::Text),
            ("authentication_method", Shape::Choice(&["OAuth", "ManagedIdentity", "SDK", "WorkloadIdentity"])),
            ("resource_group", Shape::Text),
        ],
        REFRESH,
        HTTP_CLIENT,
    ],
    &["subscription_id"],
);

static DOCKER: Section = with_client(
    &[
        &[
            ("host", Shape::Text),
            ("filters", Shape::Many(&FILTER)),
            ("host_networking_host", Shape::Text),
            ("match_first_network", Shape::Bool),
        ],
        REFRESH,
        HTTP_CLIENT,
    ],
    &["host"],
);

static DOCKER_SWARM: Section = with_client(
    &[
        &[("host", Shape::Text), ("role", Shape::Choice(&["tasks", "services", "nodes"]))],
        FILTERS,
        REFRESH,
        HTTP_CLIENT,
    ],
    &["host", "role"],
);

static OPENSTACK: Section = Section::requiring(
    &[
        &[
            ("identity_endpoint", Shape::Text),
            ("username", Shape::Text),
            ("userid", Shape::Text),
            ("password", Shape::Text),
            ("project_name", Shape::Text),
            ("project_id", Shape::Text),
            ("domain_name", Shape::Text),
            ("domain_id", Shape::Text),
            ("application_credential_name", Shape::Text),
            ("application_credential_id", Shape::Text),
            ("application_credential_secret", Shape::Text),
            ("role", Shape::Choice(&["instance", "hypervisor", "loadbalancer"])),
            ("region", Shape::Text),
            ("all_tenants", Shape::Bool),
            ("tls_config", Shape::One(&TLS)),
            ("availability", Shape::Choice(&["public", "internal", "admin"])),
        ],
        REFRESH,
    ],
    &["role", "region"],
);

static OCI: Section = with_client(
    &[
        &[
            ("auth", Shape::Choice(&["api_key", "instance_principal"])),
            ("tenancy", Shape::Text),
            ("user", Shape::Text),
            ("fingerprint", Shape::Text),
            ("key_file", Shape::Text),
            ("key_passphrase", Shape::Text),
            ("key_passphrase_file", Shape::Text),
            ("region", Shape::Text),
            ("compartments", Shape::Texts),
        ],
        REFRESH,
        HTTP_CLIENT,
    ],
    &["region"],
);

static STACKIT: Section = with_client(
    &[
        &[
            ("project", Shape::Text),
            ("region", Shape::Text),
            ("endpoint", Shape::Text),
            ("service_account_key", Shape::Text),
            ("private_key", Shape::Text),
            ("service_account_key_path", Shape::Text),
            ("private_key_path", Shape::Text),
            ("credentials_file_path", Shape::Text),
        ],
        REFRESH,
        HTTP_CLIENT,
    ],
    &[],
);

static SCALEWAY: Section = Section {
    keys: &[
        &[
            ("project_id", Shape::Text),
            ("api_url", Shape::Text),
            ("zone", Shape::Text),
            ("access_key", Shape::Text),
            ("secret_key", Shape::Text),
            ("secret_key_file", Shape::Text),
            ("name_filter", Shape::Text),
            ("tags_filter", Shape::Texts),
            ("role", Shape::Choice(&["instance", "baremetal"])),
        ],
        REFRESH,
        HTTP_CLIENT,
    ],
    required: &["role", "project_id", "access_key"],
    exclusive: &[&["secret_key", "secret_key_file"], AUTHENTICATION],
};

static OUTSCALE: Section = Section {
    keys: &[
        &[
            ("endpoint", Shape::Text),
            ("region", Shape::Text),
            ("access_key", Shape::Text),
            ("secret_key", Shape::Text),
            ("secret_key_file", Shape::Text),
        ],
        REFRESH,
        HTTP_CLIENT,
    ],
    required: &["region", "access_key"],
    exclusive: &[&["secret_key", "secret_key_file"], AUTHENTICATION],
};

static ZOOKEEPER: Section = Section::requiring(
    &[&[("servers", Shape::Texts), ("paths", Shape::Texts), ("timeout", Shape::Duration)]],
    &["servers", "paths"],
);

static XDS: Section = with_client(
    &[
        &[
            ("server", Shape::HttpUrl),
            ("client_id", Shape::Text),
            ("refresh_interval", Shape::Duration),
            ("fetch_timeout", Shape::Duration),
        ],
        HTTP_CLIENT,
    ],
    &["server"],
);

static SIMPLE: Section = with_client(&[REFRESH, HTTP_CLIENT], &[]);

/// Every discovery of Prometheus' that is not built: its key, and what may be written in it.
static DISCOVERIES: &[(&str, &Section)] = &[
    (
        "aws_sd_configs",
        &with_client(
            &[
                &[("role", Shape::Choice(&["ec2", "ecs", "elasticache", "lightsail", "msk", "rds"]))],
                AWS,
                AWS_CLUSTERS,
                FILTERS,
                REFRESH,
                HTTP_CLIENT,
            ],
            &["role"],
        ),
    ),
    ("azure_sd_configs", &AZURE),
    ("consul_sd_configs", &CONSUL),
    (
        "digitalocean_sd_configs",
        &with_client(&[&[("role", Shape::Choice(&["droplets", "databases"]))], REFRESH, HTTP_CLIENT], &[]),
    ),
    ("docker_sd_configs", &DOCKER),
    ("dockerswarm_sd_configs", &DOCKER_SWARM),
    ("ec2_sd_configs", &with_client(&[AWS, FILTERS, REFRESH, HTTP_CLIENT], &[])),
    ("ecs_sd_configs", &with_client(&[AWS, AWS_CLUSTERS, REFRESH, HTTP_CLIENT], &[])),
    ("elasticache_sd_configs", &with_client(&[AWS, AWS_CLUSTERS, REFRESH, HTTP_CLIENT], &[])),
    (
        "eureka_sd_configs",
        &with_client(&[&[("server", Shape::HttpUrl), ("refresh_interval", Shape::Duration)], HTTP_CLIENT], &["server"]),
    ),
    (
        "gce_sd_configs",
        &Section::requiring(
            &[
                &[
                    ("project", Shape::Text),
                    ("zone", Shape::Text),
                    ("filter", Shape::Text),
                    ("tag_separator", Shape::Text),
                ],
                REFRESH,
            ],
            &["project", "zone"],
        ),
    ),
    (
        "hetzner_sd_configs",
        &with_client(
            &[&[("role", Shape::Choice(&["robot", "hcloud"])), ("label_selector", Shape::Text)], REFRESH, HTTP_CLIENT],
            &["role"],
        ),
    ),
    ("ionos_sd_configs", &with_client(&[&[("datacenter_id", Shape::Text)], REFRESH, HTTP_CLIENT], &["datacenter_id"])),
    ("kubernetes_sd_configs", &KUBERNETES),
    ("kuma_sd_configs", &XDS),
    ("lightsail_sd_configs", &with_client(&[AWS, REFRESH, HTTP_CLIENT], &[])),
    (
        "linode_sd_configs",
        &with_client(&[&[("tag_separator", Shape::Text), ("region", Shape::Text)], REFRESH, HTTP_CLIENT], &[]),
    ),
    (
        "marathon_sd_configs",
        &Section {
            keys: &[
                &[
                    ("servers", Shape::Texts),
                    ("refresh_interval", Shape::Duration),
                    ("auth_token", Shape::Text),
                    ("auth_token_file", Shape::Text),
                ],
                HTTP_CLIENT,
            ],
            required: &["servers"],
            exclusive: &[
                AUTHENTICATION,
                &["auth_token", "auth_token_file", "basic_auth", "bearer_token", "bearer_token_file", "authorization"],
            ],
        },
    ),
    ("msk_sd_configs", &with_client(&[AWS, AWS_CLUSTERS, REFRESH, HTTP_CLIENT], &[])),
    ("nerve_sd_configs", &ZOOKEEPER),
    (
        "nomad_sd_configs",
        &with_client(
            &[
                &[
                    ("allow_stale", Shape::Bool),
                    ("namespace", Shape::Text),
                    ("refresh_interval", Shape::Duration),
                    ("region", Shape::Text),
                    ("server", Shape::Text),
                    ("tag_separator", Shape::Text),
                ],
                HTTP_CLIENT,
            ],
            &[],
        ),
    ),
    ("oci_sd_configs", &OCI),
    ("openstack_sd_configs", &OPENSTACK),
    ("outscale_sd_configs", &OUTSCALE),
    (
        "ovhcloud_sd_configs",
        &Section::requiring(
            &[&[
                ("endpoint", Shape::Text),
                ("application_key", Shape::Text),
                ("application_secret", Shape::Text),
                ("consumer_key", Shape::Text),
                ("refresh_interval", Shape::Duration),
                ("service", Shape::Choice(&["vps", "dedicated_server"])),
            ]],
            &["application_key", "application_secret", "consumer_key", "service"],
        ),
    ),
    (
        "puppetdb_sd_configs",
        &with_client(
            &[
                &[("url", Shape::HttpUrl), ("query", Shape::Text), ("include_parameters", Shape::Bool)],
                REFRESH,
                HTTP_CLIENT,
            ],
            &["url", "query"],
        ),
    ),
    ("rds_sd_configs", &with_client(&[AWS, AWS_CLUSTERS, FILTERS, REFRESH, HTTP_CLIENT], &[])),
    ("scaleway_sd_configs", &SCALEWAY),
    ("serverset_sd_configs", &ZOOKEEPER),
    ("stackit_sd_configs", &STACKIT),
    (
        "triton_sd_configs",
        &Section::requiring(
            &[
                &[
                    ("account", Shape::Text),
                    ("role", Shape::Choice(&["container", "cn"])),
                    ("dns_suffix", Shape::Text),
                    ("endpoint", Shape::Text),
                    ("groups", Shape::Texts),
                    ("tls_config", Shape::One(&TLS)),
                    ("version", Shape::Integer),
                ],
                REFRESH,
            ],
            &["account", "dns_suffix", "endpoint"],
        ),
    ),
    (
        "uyuni_sd_configs",
        &with_client(
            &[
                &[
                    ("server", Shape::Text),
                    ("username", Shape::Text),
                    ("password", Shape::Text),
                    ("entitlement", Shape::Text),
                    ("separator", Shape::Text),
                    ("refresh_interval", Shape::Duration),
                ],
                HTTP_CLIENT,
            ],
            &["server", "username", "password"],
        ),
    ),
    ("vultr_sd_configs", &SIMPLE),
    ("xds_sd_configs", &XDS),
];

/// Reads the discoveries of a job, or of an Alertmanager, that are not built. Answers the keys of those that are
/// written, each after a warning with its line.
pub(super) fn read_other_discoveries(fields: &mut Fields<'_>) -> Vec<&'static str> {
    let mut written = Vec::new();
    for (key, section) in DISCOVERIES {
        let Some(value) = fields.get_written(key) else { continue };
        for item in value.items() {
            if !is_empty_section(&item) {
                section.check(&item);
                check_beyond_keys(key, &item);
            }
        }
        fields.warn_at(
            key,
            "is not built, left out: the targets that it would find are not scraped, everything else of the job is",
            "list the targets under static_configs, or have them written for file_sd_configs or http_sd_configs",
        );
        written.push(*key);
    }
    written
}

/// What Prometheus checks beyond keys and kinds of values.
fn check_beyond_keys(key: &str, item: &Value<'_>) {
    let mut fields = item.fields();
    match key {
        "kubernetes_sd_configs" => check_kubernetes(&mut fields),
        "consul_sd_configs" | "nomad_sd_configs" => {
            // They have defaults, so only a server that is written empty is none.
            if let Some(server) = fields.get("server")
                && server.text().is_some_and(|text| text.trim().is_empty())
            {
                server.fault("is empty", "write host:port");
            }
        }
        "azure_sd_configs" => {
            let method = fields.get_written("authentication_method");
            if method.is_none_or(|method| method.text() == Some("OAuth")) {
                for key in ["tenant_id", "client_id", "client_secret"] {
                    if fields.get_written(key).is_none() {
                        item.fault(format!("{key} is missing"), format!("add `{key}`"));
                    }
                }
            }
        }
        "ec2_sd_configs" => {
            for filter in fields.get_written("filters").map(|value| value.items()).unwrap_or_default() {
                if filter.fields().get_written("values").is_none() {
                    filter.fault("has no values", "add `values: [value]`");
                }
            }
        }
        "scaleway_sd_configs" | "outscale_sd_configs" => {
            let keys = ["secret_key", "secret_key_file"];
            if keys.into_iter().all(|key| fields.get_written(key).is_none()) {
                item.fault("secret_key is missing", "add `secret_key` or `secret_key_file`");
            }
        }
        _ => {}
    }
}

fn check_kubernetes(fields: &mut Fields<'_>) {
    let api_server = fields.get_written("api_server").is_some();
    let kubeconfig = fields.get_written("kubeconfig_file");
    let own_namespace = fields.get("namespaces").and_then(|value| {
        let mut inner = value.fields();
        inner.get("own_namespace").filter(|own| own.bool() == Some(true))
    });
    if let (true, Some(kubeconfig)) = (api_server, &kubeconfig) {
        kubeconfig.fault("both api_server and kubeconfig_file are given", "keep one of them");
    }
    if let Some(own_namespace) = own_namespace
        && (api_server || kubeconfig.is_some())
    {
        own_namespace
            .fault("own_namespace is that of a pod, which api_server and kubeconfig_file exclude", "keep one of them");
    }
    let client = HTTP_CLIENT.iter().find_map(|(key, _)| fields.get_written(key));
    if let (false, Some(client)) = (api_server, client) {
        client.fault("says how to reach an api_server, and none is given", "add api_server");
    }
    let role = fields.get("role").and_then(|value| value.text()).unwrap_or_default();
    let allowed: &[&str] = match role {
        "pod" => &["pod", "node"],
        "endpoints" => &["pod", "service", "endpoints"],
        "endpointslice" => &["pod", "service", "endpointslice"],
        other => &[other],
    };
    let mut seen = Vec::new();
    for selector in fields.get("selectors").map(|value| value.items()).unwrap_or_default() {
        let own = selector.fields().get("role").and_then(|value| value.text()).unwrap_or_default();
        if seen.contains(&own) {
            selector.fault(format!("a second selector of the role {own:?}"), "keep one of them");
        } else if !allowed.contains(&own) {
            selector.fault(
                format!("the role {role:?} takes no selector of the role {own:?}"),
                format!("write one of {}", allowed.join(", ")),
            );
        }
        seen.push(own);
    }
}
