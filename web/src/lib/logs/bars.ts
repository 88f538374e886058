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

/**
 * The counts with records that came after they were made: those that happened after `until` (Unix milliseconds), the last
 * instant that was counted. So a histogram moves while a tail runs, without the server counting anew.
 */
export function withArrivals(data: Histogram, arrived: readonly Arrival[], until: number): Histogram {
	const step = BigInt(data.step_nanos);
	const first = data.buckets[0];
	const limit = BigInt(Math.floor(until)) * 1_000_000n + 999_999n;
	const fresh = arrived.filter((log) => BigInt(log.time_unix_nano) > limit);
	if (fresh.length === 0 || step <= 0n || !first) return data;
	const buckets = data.buckets.map((bucket) => ({ ...bucket, counts: { ...bucket.counts } }));
	const start = BigInt(first.start_unix_nano);
	let put = 0;
	for (const log of fresh) {
		const after = BigInt(log.time_unix_nano) - start;
		const place = Number(after / step);
		if (after < 0n || place >= data.buckets.length + MOST_NEW) continue;
		while (buckets.length <= place) {
			const at = start + BigInt(buckets.length) * step;
			const counts = Object.fromEntries(SEVERITIES.map((key) => [key, 0])) as Record<SeverityKey, number>;
			buckets.push({
				start: new Date(Number(at / 1_000_000n)).toISOString(),
				start_unix_nano: String(at),
				total: 0,
				counts
			});
		}
		const bucket = buckets[place];
		if (!bucket) continue;
		const key = (log.severity === '' ? 'unspecified' : log.severity.toLowerCase()) as SeverityKey;
		bucket.total += 1;
		bucket.counts[key] += 1;
		put += 1;
	}
	// What no bucket holds is not counted: the total is what the bars show.
	return { ...data, buckets, total: data.total + put };
}

/**
 * What of a histogram must be counted anew when its range has moved: the first bucket, of which a part fell out, up to
 * `headEnd`, and all from `tailStart` on, where `from` is the first instant of which something new may have come. `null`
 * where too little stays for it to be worth while.
 */
export function endsOf(
	before: Histogram,
	range: { start: number; end: number },
	from: number
): { headEnd: number; tailStart: number } | null {
	const step = Number(before.step_nanos) / 1e6;
	if (!Number.isInteger(step) || step <= 0) return null;
	const headEnd = Math.floor(range.start / step) * step + step - 1;
	const tailStart = Math.floor(from / step) * step;
	return tailStart - headEnd > 2 * step ? { headEnd, tailStart } : null;
}

/** The counts of a range by those of its ends, and what was counted before of what lies between. */
export function joined(head: Histogram, before: Histogram, tail: Histogram): Histogram {
	const start = (bucket: Histogram['buckets'][number] | undefined) => BigInt(bucket?.start_unix_nano ?? 0);
	const [headEnd, tailStart] = [start(head.buckets.at(-1)), start(tail.buckets[0])];
	const between = before.buckets.filter((bucket) => start(bucket) > headEnd && start(bucket) < tailStart);
	const buckets = [...head.buckets, ...between, ...tail.buckets];
	const warnings = [...new Set([...(head.warnings ?? []), ...(tail.warnings ?? [])])];
	return { ...tail, buckets, warnings, total: buckets.reduce((sum, bucket) => sum + bucket.total, 0) };
}

type Histogram = Schema['HistogramDto'];
type Arrival = Pick<Schema['LogDto'], 'time_unix_nano' | 'severity'>;

/** Buckets that what arrives may add; the counts are made anew long before. */
const MOST_NEW = 100;

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
