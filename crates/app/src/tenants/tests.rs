//! Tenants as a whole.

use super::*;
use clew_model::{ErrorKind, Signal};
use clew_telemetry::{BuildInfo, Format};

fn name(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

fn tenants(max: usize, limits: LimitsByTenant) -> Tenants {
    let registry = Arc::new(Registry::new(BuildInfo { version: "0", revision: "0" }));
    let have = [name("kept")].into();
    Tenants::new(TenantOptions { max, limits }, have, registry, MemoryShare::new(64 << 20))
}

fn limits(usual: TenantLimits) -> LimitsByTenant {
    LimitsByTenant { usual, ..LimitsByTenant::default() }
}

#[test]
fn a_tenant_beyond_the_most_is_refused_by_name_and_asking_makes_none() {
    let tenants = tenants(3, LimitsByTenant::default());
    for n in 0..100 {
        let _ = tenants.of_question(&name(&format!("asked-{n}")));
    }
    assert!(tenants.of_records(&name("third")).is_ok(), "beside `default` and the one that has something");
    let refused = tenants.of_records(&name("fourth")).map(|_| ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::LimitExceeded);
    assert!(refused.to_string().contains("\"fourth\"") && refused.to_string().contains("3 (tenants.max)"), "{refused}");
    assert!(tenants.of_records(&name("kept")).is_ok() && tenants.of_records(&name("third")).is_ok());
    let names: Vec<String> = tenants.all().iter().map(|tenant| tenant.id().to_string()).collect();
    assert_eq!(names, ["default", "kept", "third"]);
}

#[test]
fn each_has_its_own_rates_and_they_change_with_the_configuration() {
    let rate = |per_second| Some(Rate { per_second, burst: per_second });
    let mut given = limits(TenantLimits { records: rate(10), ..TenantLimits::default() });
    given.overrides.insert(name("large"), TenantLimits { bytes: rate(1_000), ..TenantLimits::default() });
    let tenants = tenants(10, given);
    let arrival = |records, bytes| Arrival { signal: Signal::Logs, records, bytes };
    let (a, b) = (tenants.of_records(&name("a")).unwrap(), tenants.of_records(&name("b")).unwrap());
    assert!(a.admit(arrival(10, 1)).is_ok());
    let refused = a.admit(arrival(5, 1)).unwrap_err();
    let expected = "ingestion rate limit exceeded for tenant \"a\": 10 records a second with a burst of 10 \
                    (tenants.limits.ingest_records), while 5 were to be written; send again in 1 s";
    assert_eq!((refused.kind(), refused.to_string().as_str()), (ErrorKind::RateLimited, expected));
    assert!(b.admit(arrival(10, 1)).is_ok(), "what one uses is not another's");
    let large = tenants.of_records(&name("large")).unwrap();
    assert!(large.admit(arrival(500, 1_000)).is_ok());
    assert!(large.admit(arrival(1, 500)).unwrap_err().to_string().contains("1000 bytes a second"));
    tenants.configure(LimitsByTenant::default());
    assert!(a.admit(arrival(5_000, 1)).is_ok() && large.admit(arrival(1, 5_000)).is_ok());
    let shown = tenants.registry.render(Format::Prometheus);
    for line in [
        "clew_tenant_refused_total{tenant=\"a\",signal=\"logs\",reason=\"ingest_records\"} 5",
        "clew_tenant_refused_total{tenant=\"large\",signal=\"logs\",reason=\"ingest_bytes\"} 1",
        "clew_tenant_ingest_bytes_total{tenant=\"b\",signal=\"logs\"} 1",
    ] {
        assert!(shown.contains(line), "{line} is not in\n{shown}");
    }
}

#[test]
fn what_was_not_written_is_given_back_and_never_makes_more_than_the_burst() {
    let rate = |per_second| Some(Rate { per_second, burst: per_second });
    let tenants = tenants(10, limits(TenantLimits { records: rate(10), bytes: rate(10), ..TenantLimits::default() }));
    let a = tenants.of_records(&name("a")).unwrap();
    let arrival = |records, bytes| Arrival { signal: Signal::Logs, records, bytes };
    assert!(a.admit(arrival(10, 10)).is_ok() && a.admit(arrival(5, 5)).is_err());
    a.give_back(arrival(10, 0));
    let refused = a.admit(arrival(5, 5)).unwrap_err().to_string();
    assert!(refused.contains("tenants.limits.ingest_bytes"), "the bytes were not given back: {refused}");
    a.give_back(arrival(1_000, 1_000));
    assert!(a.admit(arrival(10, 10)).is_ok() && a.admit(arrival(5, 5)).is_err());
}

#[test]
fn what_one_rate_refuses_is_not_taken_from_the_other() {
    let rate = |per_second| Some(Rate { per_second, burst: per_second });
    let tenants = tenants(10, limits(TenantLimits { records: rate(10), bytes: rate(10), ..TenantLimits::default() }));
    let a = tenants.of_records(&name("a")).unwrap();
    let arrival = |records, bytes| Arrival { signal: Signal::Traces, records, bytes };
    assert!(a.admit(arrival(1, 10)).is_ok());
    assert!(a.admit(arrival(9, 10)).is_err());
    assert!(a.admit(arrival(9, 0)).is_ok(), "the records that were refused are not counted");
}

#[test]
fn queries_under_way_are_bounded_for_each() {
    let tenants = tenants(10, limits(TenantLimits { queries: Some(2), ..TenantLimits::default() }));
    let a = tenants.of_records(&name("a")).unwrap();
    let first = a.begin_query().unwrap();
    let _second = a.begin_query().unwrap();
    let refused = a.begin_query().map(|_| ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::RateLimited);
    assert!(refused.to_string().contains("\"a\" are under way: 2 (tenants.limits.queries)"), "{refused}");
    assert!(tenants.of_question(&name("kept")).begin_query().is_ok());
    drop(first);
    assert!(a.begin_query().is_ok());
    assert_eq!(a.queries(), 1);
}
