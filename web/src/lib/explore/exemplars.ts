import type { ChartPoint } from '$lib/chart/model';
import { parseValue, selectorOf } from './matrix';

/** Exemplars: single observations of a metric that name the trace they were made in. */

interface ExemplarSeries {
	seriesLabels: Record<string, string>;
	exemplars: { labels: Record<string, string>; value: string; timestamp: number }[];
}

export type ExemplarAnswer = ExemplarSeries[];

export interface Exemplar extends ChartPoint {
	/** The value observed. */
	observed: number;
	series: Record<string, string>;
	labels: Record<string, string>;
	traceId: string;
	spanId: string;
}

/** How many diamonds one chart shows: so many that they stand side by side. */
export const MAX_EXEMPLARS = 100;

/** The exemplars that one query, or all of a chart, has in a range. */
export interface Exemplars {
	/** Those that are drawn, newest last. */
	shown: Exemplar[];
	/** All that were found. */
	found: Exemplar[];
	/** When. */
	range: { start: number; end: number };
}

/**
 * The exemplars of a range, newest last: the greatest of each of `MAX_EXEMPLARS` stretches of time. `onScale` says that
 * the chart's values are in the unit of what was observed; otherwise the diamonds stand at the foot.
 */
export function exemplarsOf(
	answer: ExemplarAnswer,
	range: { start: number; end: number },
	onScale: boolean
): Exemplars {
	const all = answer.flatMap((one) => one.exemplars.map((exemplar) => toPoint(one.seriesLabels, exemplar, onScale)));
	const inside = all.filter((one) => one.time >= range.start && one.time <= range.end && Number.isFinite(one.observed));
	const unique = byKey(inside);
	return { shown: shownOf(unique, range), found: unique, range };
}

function shownOf(found: readonly Exemplar[], range: { start: number; end: number }): Exemplar[] {
	return thinned(found, range).sort((a, b) => a.time - b.time);
}

/** The exemplars of several queries together: two queries may ask for the same metric, and then find the same ones. */
export function together(all: readonly Exemplars[]): Pick<Exemplars, 'shown' | 'found'> {
	return {
		shown: byKey(all.flatMap((one) => one.shown)).sort((a, b) => a.time - b.time),
		found: byKey(all.flatMap((one) => one.found))
	};
}

/** Each exemplar once; the one that has a place on the chart's scale, if there is one. */
function byKey(all: readonly Exemplar[]): Exemplar[] {
	const kept = new Map<string, Exemplar>();
	for (const one of all) {
		if (kept.get(one.key)?.value == null) kept.set(one.key, one);
	}
	return [...kept.values()];
}

function toPoint(
	series: Record<string, string>,
	exemplar: ExemplarSeries['exemplars'][number],
	onScale: boolean
): Exemplar {
	const observed = parseValue(exemplar.value);
	const time = exemplar.timestamp * 1000;
	const traceId = exemplar.labels.trace_id ?? exemplar.labels.traceID ?? '';
	const spanId = exemplar.labels.span_id ?? '';
	return {
		key: `${selectorOf(series)} ${time} ${traceId} ${spanId}`,
		time,
		value: onScale ? observed : null,
		observed,
		series,
		labels: exemplar.labels,
		traceId,
		spanId,
		label: `${traceId === '' ? 'Exemplar' : `Trace ${traceId}`}, value ${exemplar.value}`
	};
}

/** One exemplar in each of `MAX_EXEMPLARS` stretches: the greatest. */
function thinned(all: readonly Exemplar[], range: { start: number; end: number }): Exemplar[] {
	const width = Math.max(1, range.end - range.start);
	const best = new Map<number, Exemplar>();
	for (const one of all) {
		const slot = Math.min(MAX_EXEMPLARS - 1, Math.floor(((one.time - range.start) / width) * MAX_EXEMPLARS));
		const before = best.get(slot);
		if (!before || one.observed > before.observed) best.set(slot, one);
	}
	return [...best.values()];
}

/**
 * The exemplars of the lines shown alone: their series has every label of a line. What is found is counted with them, so
 * that no diamond of a hidden line is told.
 */
export function chosen(all: Exemplars, lines: readonly { metric: Record<string, string> }[]): Exemplars {
	const belongs = (one: Exemplar, line: { metric: Record<string, string> }) =>
		Object.entries(line.metric).every(([name, value]) => name === '__name__' || one.series[name] === value);
	const found = all.found.filter((one) => lines.some((line) => belongs(one, line)));
	return { ...all, found, shown: shownOf(found, all.range) };
}

/** Whether the values of a query are in the unit of single observations: quantiles of a histogram are. */
export function isOnScale(query: string): boolean {
	return /\bhistogram_quantile\s*\(/.test(query);
}
