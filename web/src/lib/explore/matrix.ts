import type { Answer, Point, QueryData, Series } from '$lib/api/prometheus';
import type { ChartSeries, Unit } from '$lib/chart/model';
import { summarize } from '$lib/chart/model';

/** From answers of range queries to the lines of a chart. */

/** How many points a line may have. */
export const MAX_POINTS = 1_000;
/** How many lines one chart draws: with `MAX_POINTS` that is the 100,000 points that a chart may take. */
export const MAX_SERIES = 100;
/** The least distance of two points, in seconds. */
const LEAST_STEP = 1;

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/** The times at which a range query is evaluated, in seconds. */
export interface Grid {
	start: number;
	end: number;
	step: number;
	/** Unix milliseconds. */
	times: number[];
}

/**
 * The grid for a range (Unix milliseconds) drawn this many pixels wide: round steps, about two pixels each, on whole
 * multiples of the step, so that a refresh a moment later asks for the same times.
 */
export function gridOf(range: { start: number; end: number }, width: number): Grid {
	const points = Math.max(60, Math.min(MAX_POINTS, Math.floor(width / 2)));
	const least = Math.max(LEAST_STEP, (range.end - range.start) / 1000 / points);
	const step = STEPS.find((one) => one >= least) ?? Math.ceil(least / 86400) * 86400;
	const start = Math.ceil(range.start / 1000 / step) * step;
	const end = Math.max(start, Math.floor(range.end / 1000 / step) * step);
	const times = Array.from({ length: Math.round((end - start) / step) + 1 }, (_, at) => (start + at * step) * 1000);
	return { start, end, step, times };
}

/** A value as Prometheus writes it. */
export function parseValue(text: string): number {
	if (text === '+Inf') return Number.POSITIVE_INFINITY;
	if (text === '-Inf') return Number.NEGATIVE_INFINITY;
	return Number(text);
}

/** Points on the grid; a time without a point, or whose value is no finite number, is a gap. */
function onGrid(points: readonly Point[], grid: Grid): (number | null)[] {
	const values = new Array<number | null>(grid.times.length).fill(null);
	for (const [time, text] of points) {
		const at = Math.round((time - grid.start) / grid.step);
		const value = parseValue(text);
		if (at >= 0 && at < values.length && Number.isFinite(value)) values[at] = value;
	}
	return values;
}

/** A series as PromQL writes it: `up{job="clew"}`. */
export function selectorOf(metric: Record<string, string>): string {
	const { __name__: name = '', ...labels } = metric;
	const pairs = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
	return pairs.length === 0 && name !== '' ? name : `${name}{${pairs.join(', ')}}`;
}

/** What a line is called: the labels in which the lines differ, or the whole series when it is alone. */
export function labelsOf(metrics: readonly Record<string, string>[], query: string): string[] {
	const first = metrics[0];
	if (!first) return [];
	const names = new Set(metrics.flatMap((metric) => Object.keys(metric)));
	const telling = [...names].filter((name) => metrics.some((metric) => metric[name] !== first[name]));
	if (metrics.length === 1) return [Object.keys(first).length === 0 ? query : selectorOf(first)];
	return metrics.map((metric) => {
		const parts = telling.filter((name) => metric[name] !== undefined);
		if (telling.length === 1 && parts.length === 1) return metric[telling[0] ?? ''] ?? '';
		const { __name__: name = '' } = telling.includes('__name__') ? metric : {};
		const pairs = parts.filter((one) => one !== '__name__').map((one) => `${one}=${metric[one]}`);
		return [name, pairs.join(', ')].filter(Boolean).join(' ') || selectorOf(metric);
	});
}

/** The lines of one query. */
export interface Lines {
	series: Line[];
	/** How many series the answer has. */
	found: number;
	/** Series of native histograms: they have no single value to draw. */
	histograms: number;
}

export interface Line extends ChartSeries {
	metric: Record<string, string>;
	/** Which query it belongs to. */
	query: number;
}

/** The series of an answer that is a matrix, the greatest first when there are more than are drawn. */
export function linesOf(data: QueryData, grid: Grid, query: { index: number; text: string }, most: number): Lines {
	const result = data.resultType === 'matrix' ? (data.result as Series[]) : [];
	const drawable = result.filter((one) => one.values !== undefined && one.values.length > 0);
	const valued = drawable.map((one) => ({ metric: one.metric, values: onGrid(one.values ?? [], grid) }));
	const kept = valued.length > most ? greatest(valued, most) : valued;
	const labels = labelsOf(
		kept.map((one) => one.metric),
		query.text
	);
	const series = kept.map((one, at) => ({
		...one,
		key: `${query.index}:${selectorOf(one.metric)}`,
		label: labels[at] ?? '',
		query: query.index
	}));
	series.sort((a, b) => a.label.localeCompare(b.label, 'en', { numeric: true }));
	return { series, found: result.length, histograms: result.length - drawable.length };
}

function greatest<T extends { values: (number | null)[] }>(series: T[], most: number): T[] {
	const ranked = series.map((one) => ({ one, max: summarize(one.values).max ?? Number.NEGATIVE_INFINITY }));
	ranked.sort((a, b) => b.max - a.max);
	return ranked.slice(0, most).map(({ one }) => one);
}

/**
 * An answer over a range put together from the one before, whose end it overlaps: `news` holds all points from `from` (Unix
 * milliseconds) on; points before `start` are left out. Both stand on the same grid.
 */
export function joinedMatrix(before: QueryData, news: QueryData, start: number, from: number): QueryData {
	if (before.resultType !== 'matrix' || news.resultType !== 'matrix') return news;
	const all = new Map<string, Series>();
	const kept = ([time]: [number, ...unknown[]]) => time * 1000 >= start && time * 1000 < from;
	for (const one of before.result as Series[]) {
		const values = one.values?.filter(kept);
		const histograms = one.histograms?.filter(kept);
		if (!values?.length && !histograms?.length) continue;
		all.set(selectorOf(one.metric), { ...one, ...(values && { values }), ...(histograms && { histograms }) });
	}
	for (const one of news.result as Series[]) {
		const key = selectorOf(one.metric);
		const own = all.get(key);
		const values = own?.values || one.values ? [...(own?.values ?? []), ...(one.values ?? [])] : undefined;
		const histograms =
			own?.histograms || one.histograms ? [...(own?.histograms ?? []), ...(one.histograms ?? [])] : undefined;
		all.set(key, { ...one, ...(values && { values }), ...(histograms && { histograms }) });
	}
	return { resultType: 'matrix', result: [...all.values()] };
}

/**
 * The same with what is said of it. What warned of the older part warns of the whole; infos are those of the answer that
 * has the data: why a short part is empty says nothing about a graph that is not.
 */
export function joinedAnswer(
	before: Answer<QueryData>,
	news: Answer<QueryData>,
	start: number,
	from: number
): Answer<QueryData> {
	const data = joinedMatrix(before.data, news.data, start, from);
	const warnings = [...new Set([...before.warnings, ...news.warnings])];
	const infos = data.result.length === 0 || before.data.result.length === 0 ? news.infos : before.infos;
	return { data, warnings, infos };
}

/** Whether each point depends on the ends of the range, so that a part of it asked alone has other values. */
export function dependsOnRange(query: string): boolean {
	return /@\s*(?:start|end)\s*\(/.test(query);
}

/** The unit that a query's metrics are most likely in, by the names that OpenMetrics prescribes. */
export function unitOf(query: string): Unit {
	const bare = query.replace(/\{[^}]*\}|"[^"]*"|'[^']*'/g, '');
	if (/\bcount\b|\bcount_values\b|\bchanges\b|\btime\b\s*\(/.test(bare)) return 'number';
	const names = bare.match(/[a-zA-Z_:][\w:]*_(?:seconds|bytes|ratio)(?:_(?:total|sum|bucket|created))?\b/g) ?? [];
	const units = new Set(names.map((name) => /_(seconds|bytes|ratio)(?:_[a-z]+)?$/.exec(name)?.[1]));
	if (units.size !== 1) return 'number';
	const [unit] = units;
	if (unit === 'ratio') return 'percent';
	if (unit === 'bytes') return bare.includes('/') && names.length > 1 ? 'number' : 'bytes';
	if (/(?:time|timestamp)_seconds\b/.test(names[0] ?? '')) return 'number';
	if (/\bhistogram_quantile\b|\bhistogram_avg\b/.test(bare)) return 'seconds';
	if (bare.includes('/')) return names.some((name) => name.endsWith('_sum')) ? 'seconds' : 'number';
	return /\b(?:rate|irate|increase|deriv)\b/.test(bare) || names.some((name) => name.endsWith('_bucket'))
		? 'number'
		: 'seconds';
}
