import type { Schema } from '$lib/api/client';
import { type StoryItem, seriesText } from './story';

/** What a story leads to: its traces, its metrics, the other IDs. */

export interface RelatedTrace {
	id: string;
	/** What its first span without a parent here is called, empty when none of its spans is in the story. */
	service: string;
	operation: string;
	spans: number;
	errors: number;
	/** Milliseconds from the story's origin. */
	at: number;
	end: number;
	/** How far from the ID it stands. */
	distance: number;
}

/** The traces in the order in which the server lists them, those nearest to the ID first. */
export function tracesOf(ids: readonly string[], items: readonly StoryItem[]): RelatedTrace[] {
	const byId = new Map<string, RelatedTrace>();
	for (const id of ids) {
		byId.set(id, {
			id,
			service: '',
			operation: '',
			spans: 0,
			errors: 0,
			at: 0,
			end: 0,
			distance: Number.MAX_SAFE_INTEGER
		});
	}
	const roots = new Set<string>();
	for (const item of items) {
		if (item.event.kind !== 'span') continue;
		const { span } = item.event;
		const trace = byId.get(span.trace_id);
		if (!trace) continue;
		const isRoot = !span.parent_span_id && !roots.has(trace.id);
		if (isRoot) roots.add(trace.id);
		if (isRoot || trace.spans === 0) {
			trace.service = span.service;
			trace.operation = span.name;
		}
		trace.at = trace.spans === 0 ? item.at : Math.min(trace.at, item.at);
		trace.end = Math.max(trace.end, item.end);
		trace.distance = Math.min(trace.distance, item.distance);
		trace.spans += 1;
		if (item.error) trace.errors += 1;
	}
	return [...byId.values()].sort((a, b) => a.distance - b.distance);
}

export interface RelatedSeries {
	/** The series as PromQL writes it. */
	text: string;
	name: string;
	/** A query that draws what the exemplars were measured of. */
	query: string;
	count: number;
	/** Milliseconds from the story's origin. */
	first: number;
	last: number;
}

/** The series whose exemplars stand in the story, one entry for all buckets of a histogram. */
export function seriesOf(items: readonly StoryItem[]): RelatedSeries[] {
	const byText = new Map<string, RelatedSeries>();
	for (const item of items) {
		if (item.event.kind !== 'exemplar') continue;
		const { le: _bucket, ...series } = item.event.exemplar.series;
		const text = seriesText(series);
		const known = byText.get(text);
		if (known) {
			known.count += 1;
			known.last = item.at;
		} else {
			const name = series.__name__ ?? '';
			byText.set(text, { text, name, query: queryFor(name, text), count: 1, first: item.at, last: item.at });
		}
	}
	return [...byText.values()];
}

/** Counters are drawn as rates, buckets as a quantile, anything else as it is. */
function queryFor(name: string, series: string): string {
	if (name.endsWith('_bucket')) return `histogram_quantile(0.95, sum by (le) (rate(${series}[5m])))`;
	if (/_(?:total|count|sum)$/.test(name)) return `rate(${series}[5m])`;
	return series;
}

export interface SeenGroup {
	field: string;
	ids: Schema['AlsoSeenDto'][];
}

/** The other IDs by the field in which they were seen, in the server's order: most frequent first. */
export function alsoSeen(ids: readonly Schema['AlsoSeenDto'][]): SeenGroup[] {
	const groups = new Map<string, Schema['AlsoSeenDto'][]>();
	for (const one of ids) {
		const group = groups.get(one.field);
		if (group) group.push(one);
		else groups.set(one.field, [one]);
	}
	return [...groups].map(([field, of]) => ({ field, ids: of }));
}
