import type { Schema } from '$lib/api/client';

/** Spans for tests: the name is the ID, times are nanoseconds after an arbitrary instant. */
const EPOCH = 1_790_000_000_000_000_000n;

export function spanOf(
	name: string,
	parent: string | null,
	start: number,
	end: number,
	more: Partial<Schema['SpanDto']> = {}
): Schema['SpanDto'] {
	return {
		trace_id: '0af7651916cd43dd8448eb211c80319c',
		span_id: name,
		parent_span_id: parent,
		service: 'service',
		name,
		kind: 'internal',
		start: '',
		start_unix_nano: String(EPOCH + BigInt(start)),
		end_unix_nano: String(EPOCH + BigInt(end)),
		duration_nanos: end - start,
		status: { code: 'unset' },
		attributes: {},
		...more
	};
}

/** A trace as the API answers it: spans by start. */
export function traceOf(...spans: Schema['SpanDto'][]): Pick<Schema['TraceDto'], 'trace_id' | 'spans'> {
	const sorted = spans.toSorted((a, b) => (BigInt(a.start_unix_nano) < BigInt(b.start_unix_nano) ? -1 : 1));
	return { trace_id: '0af7651916cd43dd8448eb211c80319c', spans: sorted };
}

/** A log record of a span at a time of the same clock. */
export function logOf(
	id: string,
	span: string | null,
	at: number,
	more: Partial<Schema['LogDto']> = {}
): Schema['LogDto'] {
	return {
		id,
		time: '',
		time_unix_nano: String(EPOCH + BigInt(at)),
		observed_time: '',
		severity: 'INFO',
		severity_number: 9,
		severity_text: 'INFO',
		message: id,
		service: 'service',
		span_id: span,
		attributes: {},
		...more
	};
}
