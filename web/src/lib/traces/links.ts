import type { Schema } from '$lib/api/client';
import { logQuery } from '$lib/services/errors';
import type { View } from '$lib/state/view.svelte';
import { absolute, type TimeRange } from '$lib/time/range';
import { toMillis } from './time';
import type { SpanNode, Trace } from './tree';

/** Milliseconds around a trace in which its log records are shown in Logs. */
const MARGIN = 60_000;

/** The range that shows a trace with what stands around it. */
export function rangeOf(trace: Pick<Trace, 'origin' | 'duration'>): TimeRange {
	const start = toMillis(trace.origin);
	return absolute(start - MARGIN, start + trace.duration / 1e6 + MARGIN);
}

/** The log records of a trace in Logs, one of them selected. */
export function traceLogsLink(view: View, trace: Trace, selected?: Schema['LogDto']): string {
	return view.link('/logs', { q: `trace_id:"${trace.id}"`, sel: selected?.id, ...rangeOf(trace) });
}

/** The log records of a span in Logs. */
export function spanLogsLink(view: View, trace: Trace, span: string): string {
	return view.link('/logs', { q: `span_id:"${span}"`, ...rangeOf(trace) });
}

/** Milliseconds around a span in which what was logged beside it is shown. */
const BESIDE = 5_000;

/**
 * Where the Logs link of a span leads, and what it says. A span that no record names has those of its trace at that time,
 * and where no record names the trace either, those of its service.
 */
export function logsOfSpan(
	view: View,
	trace: Trace,
	node: SpanNode,
	found: { span: number; trace: number }
): { href: string; title: string } {
	const { span } = node;
	if (found.span > 0) return { href: spanLogsLink(view, trace, span.span_id), title: 'The log records of this span' };
	const start = toMillis(trace.origin) + node.start / 1e6;
	const range = absolute(start - BESIDE, start + (node.end - node.start) / 1e6 + BESIDE);
	return found.trace > 0
		? {
				href: view.link('/logs', { q: `trace_id:"${trace.id}"`, ...range }),
				title: 'No record names this span: those of its trace at that time'
			}
		: {
				href: view.link('/logs', { q: logQuery(span.service), ...range }),
				title: 'No record names this trace: those of the service at that time'
			};
}
