import { HUES } from '$lib/format/hues';

/** What a time chart is given. Times are Unix milliseconds; values stand in the chart's unit. */

/** The unit of a chart's values: plain numbers, bytes, seconds, nanoseconds, shares of one. */
export type Unit = 'number' | 'bytes' | 'seconds' | 'nanos' | 'percent';

export interface ChartSeries {
	/** Unique in the chart and the same after a refresh. */
	key: string;
	/** What the legend calls it. */
	label: string;
	/** One for each time; `null` where there is none: the line has a gap there. */
	values: readonly (number | null)[];
	/** The custom property of its colour; the palette by position unless told. */
	color?: string;
	/** How its line is dashed, where lines of one colour must be told apart. */
	dash?: number[];
	/** Whether the area below the line is filled. */
	fill?: boolean;
}

/** A mark on the chart, drawn as a diamond: an exemplar, a deploy. */
export interface ChartPoint {
	key: string;
	time: number;
	/** Where on the y axis; `null` puts it at the foot of the chart. */
	value: number | null;
	label: string;
}

/** A level drawn across the chart. */
export interface Threshold {
	value: number;
	label: string;
	/** The custom property of its colour. */
	color?: string;
}

/** The custom property of the colour of a chart's series. */
export function colorOf(series: ChartSeries, index: number): string {
	return series.color ?? `--service-${index % HUES}`;
}

/** Dashes once the colours repeat, so that two lines of one colour stay apart. */
export function dashOf(series: ChartSeries, index: number): number[] | undefined {
	if (series.color !== undefined) return series.dash;
	return [undefined, [6, 3], [2, 3], [10, 3, 2, 3]][Math.floor(index / HUES) % 4];
}

/** Least, greatest, mean and last value of a series; `null` where it has no values. */
export interface Summary {
	min: number | null;
	max: number | null;
	mean: number | null;
	last: number | null;
}

export function summarize(values: readonly (number | null)[]): Summary {
	let min: number | null = null;
	let max: number | null = null;
	let last: number | null = null;
	let sum = 0;
	let count = 0;
	for (const value of values) {
		if (value === null) continue;
		if (min === null || value < min) min = value;
		if (max === null || value > max) max = value;
		last = value;
		sum += value;
		count += 1;
	}
	return { min, max, mean: count === 0 ? null : sum / count, last };
}

/** Each series on top of those before it. A gap counts as nothing, and stays a gap where every series has one. */
export function stacked(series: readonly (readonly (number | null)[])[]): (number | null)[][] {
	const length = series[0]?.length ?? 0;
	const sums = new Array<number>(length).fill(0);
	const empty = Array.from({ length }, (_, at) => series.every((values) => values[at] === null));
	return series.map((values) =>
		values.map((value, at) => {
			sums[at] = (sums[at] ?? 0) + (value ?? 0);
			return empty[at] ? null : (sums[at] ?? 0);
		})
	);
}

/** What is hidden after a click on a legend entry: it alone is shown, or all again when it was alone. */
export function isolate(keys: readonly string[], hidden: ReadonlySet<string>, key: string): Set<string> {
	const alone = !hidden.has(key) && hidden.size === keys.length - 1;
	return alone ? new Set() : new Set(keys.filter((one) => one !== key));
}

/** What is hidden after a click with Ctrl: this one entry changes. The last one shown stays. */
export function toggle(keys: readonly string[], hidden: ReadonlySet<string>, key: string): Set<string> {
	const next = new Set([...hidden].filter((one) => keys.includes(one)));
	if (!next.delete(key)) next.add(key);
	return next.size === keys.length ? new Set(hidden) : next;
}
