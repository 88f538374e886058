import type { Schema } from '$lib/api/client';
import type { View } from '$lib/state/view.svelte';
import { absolute, type TimeRange } from '$lib/time/range';
import { toMillis } from './time';
import type { Trace } from './tree';

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

/** The log records of a span in Logs, one of them selected. */
export function spanLogsLink(view: View, trace: Trace, span: string, selected?: Schema['LogDto']): string {
	return view.link('/logs', { q: `span_id:"${span}"`, sel: selected?.id, ...rangeOf(trace) });
}
