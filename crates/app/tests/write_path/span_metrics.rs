//! Metrics of spans: switched off and on again.

use crate::Whole;
use crate::signals::{NOW, send_span, start_with};
use clew_app::reads::services::{ListServices, ShowServiceMap};
use clew_app::reads::{About, Plan};
use clew_app::{App, AppOptions};
use clew_host::{SimClock, SimFiles};
use clew_model::{Caller, TimeRange};
use std::sync::Arc;
use std::time::Duration;

/// The samples of all calls counters, in order of time.
async fn calls(app: &Arc<App>) -> Vec<f64> {
    app.write_span_metrics().await.unwrap();
    let plan = Plan::new(About::new("test"), |context, stores| {
        let view = stores.metrics.view(context);
        let found = clew_query::metrics::samples(context, &*view, &[], TimeRange::ALL)?;
        let is_calls = |name: Option<&str>| name == Some("traces_spanmetrics_calls_total");
        let calls = found.into_iter().filter(|series| is_calls(series.labels.get("__name__")));
        Ok(Whole(calls.flat_map(|series| series.values).collect()))
    });
    app.ask(&Caller::anonymous(), plan).await.unwrap().0
}

/// Spans by the list of services, and services by the map.
async fn pages(app: &Arc<App>) -> (u64, usize) {
    let anyone = Caller::anonymous();
    let listed = app.ask(&anyone, ListServices::default()).await.unwrap();
    let map = app.ask(&anyone, ShowServiceMap::default()).await.unwrap();
    (
        listed.services.iter().filter_map(|service| service.traced.as_ref()).map(|own| own.spans).sum(),
        map.services.len(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn without_them_pages_about_services_answer_and_with_them_again_counts_begin_at_zero() {
    let dir = tempfile::tempdir().unwrap();
    let (files, clock) = (SimFiles::new(), SimClock::new(NOW));
    let start =
        |is_on: bool| start_with(dir.path(), &files, &clock, |options: &mut AppOptions| options.span_metrics = is_on);
    let app = start(true);
    send_span(&app, NOW - 10).await;
    send_span(&app, NOW - 9).await;
    assert_eq!((calls(&app).await, pages(&app).await), (vec![2.0], (2, 1)));
    assert!(app.traces().maintenance().seal_now());
    app.stop();
    drop(app);

    let app = start(false);
    clock.advance(Duration::from_secs(60));
    send_span(&app, NOW - 8).await;
    assert_eq!((calls(&app).await, pages(&app).await), (vec![2.0], (3, 1)));
    assert_eq!(app.span_metrics().spans(), 0);
    // What was counted lacks this span and cannot learn of it any more.
    assert!(app.traces().maintenance().seal_now());
    app.stop();
    drop(app);

    let app = start(true);
    clock.advance(Duration::from_secs(60));
    send_span(&app, NOW - 7).await;
    assert_eq!((calls(&app).await, pages(&app).await), (vec![2.0, 1.0], (4, 1)));
    app.stop();
}
