import type { Schema } from '$lib/api/client';
import { SEVERITIES, type SeverityKey } from '$lib/format/severity';

/** The geometry of a histogram stacked by severity: pure, in pixels. */

export interface Bucket {
	/** Unix milliseconds of its first instant. */
	start: number;
	/** Unix milliseconds of the first instant after it. */
	end: number;
	total: number;
	counts: Record<SeverityKey, number>;
}

export function bucketsOf(data: Schema['HistogramDto']): Bucket[] {
	const step = Number(data.step_nanos) / 1e6;
	return data.buckets.map((bucket) => {
		const start = Number(bucket.start_unix_nano) / 1e6;
		return { start, end: start + step, total: bucket.total, counts: bucket.counts };
	});
}

/** The counts of all buckets together. */
export function totals(buckets: readonly Bucket[]): Record<SeverityKey, number> {
	const sums = Object.fromEntries(SEVERITIES.map((key) => [key, 0])) as Record<SeverityKey, number>;
	for (const bucket of buckets) for (const key of SEVERITIES) sums[key] += bucket.counts[key];
	return sums;
}

/** The least round number that is not below `value`: 1, 2 or 5 times a power of ten. */
export function niceMax(value: number): number {
	if (!(value > 0)) return 1;
	const power = 10 ** Math.floor(Math.log10(value));
	const factor = [1, 2, 5, 10].find((one) => one * power >= value) ?? 10;
	return Math.max(1, factor * power);
}

export interface Plot {
	left: number;
	width: number;
	height: number;
	start: number;
	end: number;
}

export function xOf(plot: Plot, millis: number): number {
	const share = (millis - plot.start) / Math.max(1, plot.end - plot.start);
	return plot.left + Math.max(0, Math.min(1, share)) * plot.width;
}

export function millisAt(plot: Plot, x: number): number {
	const share = Math.max(0, Math.min(1, (x - plot.left) / Math.max(1, plot.width)));
	return plot.start + share * (plot.end - plot.start);
}

/** The bucket at an instant, or -1. */
export function bucketAt(buckets: readonly Bucket[], millis: number): number {
	return buckets.findIndex((bucket) => millis >= bucket.start && millis < bucket.end);
}

/** One path of rectangles for each severity that occurs, the most severe at the base. */
export function stackPaths(buckets: readonly Bucket[], plot: Plot, max: number): { key: SeverityKey; d: string }[] {
	const parts = new Map<SeverityKey, string[]>();
	for (const bucket of buckets) {
		const x = xOf(plot, bucket.start);
		const wide = xOf(plot, bucket.end) - x;
		const width = Math.max(1, wide > 4 ? wide - 1 : wide);
		let base = plot.height;
		for (const key of SEVERITIES) {
			const count = bucket.counts[key];
			if (count === 0) continue;
			// What occurs is seen, however rare: at least a pixel.
			const height = Math.max(1, (count / max) * plot.height);
			const top = Math.max(0, base - height);
			const part = `M${x.toFixed(1)} ${top.toFixed(1)}h${width.toFixed(1)}V${base.toFixed(1)}h-${width.toFixed(1)}z`;
			parts.set(key, [...(parts.get(key) ?? []), part]);
			base = top;
		}
	}
	return SEVERITIES.filter((key) => parts.has(key)).map((key) => ({ key, d: (parts.get(key) ?? []).join('') }));
}
