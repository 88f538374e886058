//! The envelope that the three export requests share: resources, in them scopes, in them records. Field numbers are
//! the same in all three (`opentelemetry/proto/{logs,metrics,trace}/v1`).

use super::budget::Budget;
use super::common::{merge_resource, merge_scope};
use super::fault::Outcome;
use super::wire::Reader;
use clew_model::{Resource, Scope};
use std::sync::Arc;

/// What a signal calls the levels of the envelope, for error paths.
pub(super) struct Names {
    pub(super) resources: &'static str,
    pub(super) scopes: &'static str,
    pub(super) records: &'static str,
}

/// What takes the records of one signal.
pub(super) trait Sink {
    /// The names of the envelope's levels.
    const NAMES: Names;

    /// About `count` records follow, written in `bytes` bytes.
    fn expect(&mut self, count: usize, bytes: usize);

    /// The records that follow come from this resource.
    fn begin_resource(&mut self, _resource: &Arc<Resource>, _budget: &mut Budget) -> Outcome<()> {
        Ok(())
    }

    /// The records that follow come from this scope of the resource.
    fn begin_scope(&mut self, _scope: &Arc<Scope>) {}

    /// Takes one record.
    fn record(
        &mut self,
        reader: Reader<'_>,
        resource: &Arc<Resource>,
        scope: &Arc<Scope>,
        budget: &mut Budget,
    ) -> Outcome<()>;

    /// The resource has no more records.
    fn end_resource(&mut self, _budget: &mut Budget) -> Outcome<()> {
        Ok(())
    }
}

/// Walks an export request and hands its records to `sink`.
pub(super) fn walk<S: Sink>(body: &[u8], sink: &mut S) -> Outcome<()> {
    let mut budget = Budget::new();
    let mut reader = Reader::new(body);
    let mut count = 0;
    while let Some(field) = reader.next()? {
        if field.number == 1 {
            field.element(S::NAMES.resources, count, |reader| walk_resource(reader, sink, &mut budget))?;
            count += 1;
        }
    }
    Ok(())
}

/// Reads the resource first, wherever it stands among the fields, then its scopes.
fn walk_resource<S: Sink>(reader: Reader<'_>, sink: &mut S, budget: &mut Budget) -> Outcome<()> {
    let mut resource = Resource::default();
    let mut first = reader;
    while let Some(field) = first.next()? {
        match field.number {
            1 => field.nested("resource", |reader| merge_resource(reader, &mut resource, budget))?,
            3 => resource.schema_url = field.string("schema_url")?.into(),
            _ => {}
        }
    }
    let resource = Arc::new(resource);
    sink.begin_resource(&resource, budget)?;
    let mut second = reader;
    let mut count = 0;
    while let Some(field) = second.next()? {
        if field.number == 2 {
            field.element(S::NAMES.scopes, count, |reader| walk_scope(reader, &resource, sink, budget))?;
            count += 1;
        }
    }
    sink.end_resource(budget)
}

fn walk_scope<S: Sink>(reader: Reader<'_>, resource: &Arc<Resource>, sink: &mut S, budget: &mut Budget) -> Outcome<()> {
    let mut scope = Scope::default();
    let mut first = reader;
    let mut count = 0;
    while let Some(field) = first.next()? {
        match field.number {
            1 => field.nested("scope", |reader| merge_scope(reader, &mut scope, budget))?,
            2 => count += 1,
            3 => scope.schema_url = field.string("schema_url")?.into(),
            _ => {}
        }
    }
    let scope = Arc::new(scope);
    sink.begin_scope(&scope);
    sink.expect(count, reader.remaining());
    let mut second = reader;
    let mut index = 0;
    while let Some(field) = second.next()? {
        if field.number == 2 {
            field.element(S::NAMES.records, index, |reader| sink.record(reader, resource, &scope, budget))?;
            index += 1;
        }
    }
    Ok(())
}
