//! The way out: each question is a type of plain values that plans how it is answered; [`App::ask`](crate::App::ask) runs
//! it on a bounded pool, with deadline, cancellation and memory, over the stores' readers. HTTP handlers, rules and
//! dashboards ask the same questions.

mod ask;
mod asked;
mod closed;
mod correlate;
pub mod logs;
mod lossy;
pub mod metrics;
mod period;
mod pool;
mod question;
mod resolve;
mod runner;
pub mod services;
pub mod traces;
mod turn;
mod walk;
mod warned;
mod workers;

pub(crate) use closed::Closed;
pub use correlate::{
    AlsoSeen, Correlate, Correlation, Event, EventBody, FirstSeen, FoundIn, Lane, Reached, SignalCounts, Truncation,
    correlate,
};
pub(crate) use lossy::Lossy;
pub use period::Period;
pub use question::{About, Plan, Question, Stores};
pub use resolve::{Named, NamedKind, Resolution, Resolve};
pub use runner::{QueryLimits, QueryRunner};
pub use turn::Turn;
pub use walk::CorrelateQuery;
pub use warned::Warned;
pub use workers::QueryThreads;
