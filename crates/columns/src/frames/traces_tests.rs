use super::*;
use crate::spans::samples::{any_spans, shown};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(spans in any_spans(0..12), arrived: i64) {
        let tenant = TenantId::new("team-a").unwrap();
        let mut out = Vec::new();
        encode(&mut out, &tenant, arrived, &spans);
        let read = decode(&out).unwrap();
        prop_assert_eq!((read.tenant, read.arrived), (tenant, arrived));
        prop_assert_eq!(shown(&read.spans), shown(&spans));
    }

    #[test]
    fn damaged_frames_never_panic(spans in any_spans(1..4), at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let mut out = Vec::new();
        encode(&mut out, &TenantId::default(), 0, &spans);
        let whole = out.clone();
        let place = at.index(out.len());
        out[place] = byte;
        let _ = decode(&out);
        prop_assert!(decode(&whole[..cut.index(whole.len())]).is_err());
    }
}

#[test]
fn a_newer_frame_is_refused_by_its_version() {
    let mut out = Vec::new();
    encode(&mut out, &TenantId::default(), 0, &[]);
    out[0] = VERSION + 1;
    assert!(matches!(decode(&out), Err(ColumnsError::Version { found: 1, newest: 0, .. })));
}

#[test]
fn a_resource_shared_by_spans_stands_once() {
    let resource = |name: &str| {
        Arc::new(Resource { attributes: vec![clew_model::Attribute::new("service.name", name)], ..Resource::default() })
    };
    let long = "checkout".repeat(20);
    let span =
        |resource: &Arc<Resource>| Span { resource: resource.clone(), ..Span::new(TraceId([1; 16]), SpanId([2; 8])) };
    let (one, same) = (resource(&long), resource(&long));
    let mut out = Vec::new();
    encode(&mut out, &TenantId::default(), 0, &[span(&one), span(&one), span(&same)]);
    let found = out.windows(long.len()).filter(|window| *window == long.as_bytes()).count();
    assert_eq!(found, 1);
}
