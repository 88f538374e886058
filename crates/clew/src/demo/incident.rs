//! What goes wrong, and when: a fixed timetable, so that any moment's incident is known without a history.

use super::dice::SECOND;

/// An incident begins once in so long.
pub(super) const INCIDENT_PERIOD: i64 = 300 * SECOND;

/// It begins so long into its period.
const BEGINS: i64 = 60 * SECOND;

/// It lasts so long.
const LASTS: i64 = 90 * SECOND;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IncidentKind {
    /// The LLM gateway's upstream answers slowly or not at all: deadlines pass, requests are tried again, queues grow.
    SlowGateway,
    /// A bad release of the coder runs out of memory at every task: one of its instances crashes again and again.
    CrashLoop,
    /// A task whose payload no worker can read: every attempt fails, then it is set aside.
    PoisonedTask,
}

impl IncidentKind {
    /// What a person would call it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            IncidentKind::SlowGateway => "a slow LLM gateway",
            IncidentKind::CrashLoop => "a worker that crashes again and again",
            IncidentKind::PoisonedTask => "a poisoned task",
        }
    }
}

/// An incident that is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Incident {
    /// What goes wrong.
    pub kind: IncidentKind,
    /// Which period of the timetable it belongs to.
    pub period: i64,
    /// When it began.
    pub from: i64,
}

/// The incident at this moment, if there is one.
pub(super) fn incident_at(time: i64) -> Option<Incident> {
    let period = time.div_euclid(INCIDENT_PERIOD);
    let into = time.rem_euclid(INCIDENT_PERIOD);
    let kind = match period.rem_euclid(3) {
        0 => IncidentKind::SlowGateway,
        1 => IncidentKind::CrashLoop,
        _ => IncidentKind::PoisonedTask,
    };
    let incident = Incident { kind, period, from: period * INCIDENT_PERIOD + BEGINS };
    (BEGINS..BEGINS + LASTS).contains(&into).then_some(incident)
}

/// Whether this incident goes on at this moment.
pub(super) fn is_on(kind: IncidentKind, time: i64) -> bool {
    incident_at(time).is_some_and(|incident| incident.kind == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_hour_holds_each_incident_twice() {
        let start = 1_800_000_123 * SECOND;
        for kind in [IncidentKind::SlowGateway, IncidentKind::CrashLoop, IncidentKind::PoisonedTask] {
            let seconds = (0..1800).filter(|second| is_on(kind, start + second * SECOND)).count();
            assert_eq!(seconds, 180, "{kind:?}");
        }
    }
}
