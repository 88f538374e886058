//! The envelope that the three export requests share: resources, in them scopes, in them records. Field numbers are
//! the same in all three (`opentelemetry/proto/{logs,metrics,trace}/v1`).

use super::common::{merge_resource, merge_scope};
use crate::protobuf::{Budget, Outcome, Reader};
use clew_model::{Resource, Scope};
use std::sync::Arc;

/// What a signal calls the levels of the envelope, for error paths.
pub(super) struct Names {
    pub(super) resources: &'static str,
    pub(super) scopes: &'static str,
    pub(super) records: &'static str,
}

/// What takes the records of one signal.
pub(super) trait Sink<'a> {
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
        reader: Reader<'a>,
        resource: &Arc<Resource>,
        scope: &Arc<Scope>,
        budget: &mut Budget,
    ) -> Outcome<()>;

    /// Refuses one record, for what its resource or scope holds.
    fn refuse(&mut self, reader: Reader<'a>, reason: &str, budget: &mut Budget) -> Outcome<()>;

    /// The resource has no more records.
    fn end_resource(&mut self, _budget: &mut Budget) -> Outcome<()> {
        Ok(())
    }
}

/// Walks an export request and hands its records to `sink`; they may take so much memory.
pub(super) fn walk<'a, S: Sink<'a>>(body: &'a [u8], memory: usize, sink: &mut S) -> Outcome<()> {
    let mut budget = Budget::of(memory);
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

/// Reads the resource first, wherever it stands among the fields, then its scopes. One that cannot be accepted costs its own
/// records alone.
fn walk_resource<'a, S: Sink<'a>>(reader: Reader<'a>, sink: &mut S, budget: &mut Budget) -> Outcome<()> {
    let mut resource = Resource::default();
    let mut objection = None;
    let mut first = reader;
    while let Some(field) = first.next()? {
        match field.number {
            1 => {
                let read = field.nested("resource", |reader| merge_resource(reader, &mut resource, budget));
                objection = objection.or(objection_of(read)?);
            }
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
            let objection = objection.clone();
            field.element(S::NAMES.scopes, count, |reader| walk_scope(reader, &resource, objection, sink, budget))?;
            count += 1;
        }
    }
    sink.end_resource(budget)
}

/// Why the records of a resource or scope are refused, if they are.
fn objection_of(read: Outcome<()>) -> Outcome<Option<String>> {
    read.map_or_else(|fault| fault.into_refusal().map(Some), |()| Ok(None))
}

fn walk_scope<'a, S: Sink<'a>>(
    reader: Reader<'a>,
    resource: &Arc<Resource>,
    mut objection: Option<String>,
    sink: &mut S,
    budget: &mut Budget,
) -> Outcome<()> {
    let mut scope = Scope::default();
    let mut first = reader;
    let mut count = 0;
    while let Some(field) = first.next()? {
        match field.number {
            1 => {
                let read = field.nested("scope", |reader| merge_scope(reader, &mut scope, budget));
                objection = objection.or(objection_of(read)?);
            }
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
            field.element(S::NAMES.records, index, |reader| match &objection {
                None => sink.record(reader, resource, &scope, budget),
                Some(reason) => sink.refuse(reader, reason, budget),
            })?;
            index += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DecodeError;

    /// Takes a kilobyte for each record.
    #[derive(Default)]
    struct Greedy(usize);

    impl Sink<'_> for Greedy {
        const NAMES: Names = Names { resources: "resources", scopes: "scopes", records: "records" };

        fn expect(&mut self, _count: usize, _bytes: usize) {}

        fn record(
            &mut self,
            reader: Reader<'_>,
            _resource: &Arc<Resource>,
            _scope: &Arc<Scope>,
            budget: &mut Budget,
        ) -> Outcome<()> {
            budget.take(1_000, reader.offset())?;
            self.0 += 1;
            Ok(())
        }

        fn refuse(&mut self, _reader: Reader<'_>, _reason: &str, _budget: &mut Budget) -> Outcome<()> {
            Ok(())
        }
    }

    #[test]
    fn a_small_body_cannot_become_a_huge_one() {
        // one resource, one scope, ten records of two bytes each
        let body = [&[0x0a, 22, 0x12, 20][..], &[0x12, 0].repeat(10)].concat();
        let mut sink = Greedy::default();
        walk(&body, 10_000, &mut sink).unwrap();
        let mut sink = Greedy::default();
        let error = walk(&body, 5_500, &mut sink).unwrap_err().into_error("test");
        assert_eq!(sink.0, 5);
        assert_eq!(error, DecodeError::Memory { limit: 5_500 });
    }
}
