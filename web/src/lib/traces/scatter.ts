import type { Schema } from '$lib/api/client';
import { duration } from '$lib/format/number';
import { toMillis, toNanos } from './time';

/** A trace as a point: when it started and how long it took. */
export interface Point {
	trace: Schema['TraceSummaryDto'];
	/** Unix milliseconds. */
	at: number;
	/** Nanoseconds. */
	took: number;
	error: boolean;
}

/** An area of the plot. */
export interface Area {
	/** Unix milliseconds. */
	from: number;
	to: number;
	/** Nanoseconds. */
	min: number;
	max: number;
}

/** What was selected in the plot, as the server can be asked for it: whole milliseconds and nanoseconds, all inclusive. */
export interface Selection extends Area {
	/** Whether it reaches to the left edge, where the traces stand that started before the range. */
	open: boolean;
}

/** Where the plot lies in its canvas, in pixels. */
export interface Frame {
	left: number;
	top: number;
	width: number;
	height: number;
}

export function pointsOf(traces: readonly Schema['TraceSummaryDto'][]): Point[] {
	return traces.map((trace) => ({
		trace,
		at: toMillis(toNanos(trace.start_unix_nano)),
		took: Math.max(1, trace.duration_nanos),
		error: trace.errors > 0
	}));
}

/** What the plot spans: the range asked for, and durations with some air; never a single line. */
export function extent(points: readonly Point[], range: { start: number; end: number }): Area {
	let min = Number.POSITIVE_INFINITY;
	let max = 0;
	for (const point of points) {
		min = Math.min(min, point.took);
		max = Math.max(max, point.took);
	}
	if (max === 0) return { from: range.start, to: Math.max(range.end, range.start + 1), min: 1e6, max: 1e9 };
	const air = 1.25;
	const narrow = max / min < 2 ? 1.5 : 1;
	return {
		from: range.start,
		to: Math.max(range.end, range.start + 1),
		min: min / air / narrow,
		max: max * air * narrow
	};
}

/** What started before the range stands at its left edge. */
export function xAt(at: number, area: Area, frame: Frame): number {
	return frame.left + (Math.max(0, at - area.from) / (area.to - area.from)) * frame.width;
}

/** Durations stand on a logarithmic axis, the longest on top. */
export function yAt(took: number, area: Area, frame: Frame): number {
	const share = Math.log(took / area.min) / Math.log(area.max / area.min);
	return frame.top + (1 - share) * frame.height;
}

/** The area between two corners in pixels, cut to the frame. */
export function areaBetween(a: [number, number], b: [number, number], area: Area, frame: Frame): Area {
	const share = (value: number, from: number, length: number) => Math.max(0, Math.min(1, (value - from) / length));
	const x = [a[0], b[0]].map((one) => share(one, frame.left, frame.width)).sort((one, other) => one - other);
	const y = [a[1], b[1]].map((one) => 1 - share(one, frame.top, frame.height)).sort((one, other) => one - other);
	const at = (one = 0) => area.from + one * (area.to - area.from);
	const took = (one = 0) => area.min * (area.max / area.min) ** one;
	return { from: at(x[0]), to: at(x[1]), min: took(y[0]), max: took(y[1]) };
}

/** What the server is asked for an area: less than a unit larger on each side, nothing of it is lost. */
export function selected(area: Area, plot: Area): Selection {
	return {
		from: Math.floor(area.from),
		to: Math.ceil(area.to),
		min: Math.floor(area.min),
		max: Math.ceil(area.max),
		open: area.from <= plot.from
	};
}

/** Whether the server would find the trace in a selection. */
export function holds(area: Selection, point: Point): boolean {
	const began = Math.floor(point.at);
	const inTime = (area.open || began >= area.from) && began <= area.to;
	return inTime && point.took >= area.min && point.took <= area.max;
}

/** Index of the point nearest to a pixel within a radius, or -1. */
export function nearest(
	points: readonly Point[],
	x: number,
	y: number,
	radius: number,
	area: Area,
	frame: Frame
): number {
	let best = -1;
	let least = radius * radius;
	points.forEach((point, index) => {
		const dx = xAt(point.at, area, frame) - x;
		const dy = yAt(point.took, area, frame) - y;
		if (dx * dx + dy * dy > least) return;
		least = dx * dx + dy * dy;
		best = index;
	});
	return best;
}

/** Labels of the duration axis: 1, 2 and 5 times powers of ten, or powers alone when there are many. */
export function durationTicks(area: Area, most: number): { took: number; label: string }[] {
	const found: number[] = [];
	for (let power = 10 ** Math.floor(Math.log10(area.min)); power <= area.max; power *= 10) {
		for (const step of [1, 2, 5]) if (step * power >= area.min && step * power <= area.max) found.push(step * power);
	}
	const powers = found.filter((took) => Number.isInteger(Math.round(Math.log10(took) * 1e9) / 1e9));
	const kept = found.length <= most ? found : powers.length > 0 ? powers : found;
	const every = Math.ceil(kept.length / Math.max(1, most));
	return kept.filter((_, index) => index % every === 0).map((took) => ({ took, label: duration(took) }));
}

const UNITS: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9, d: 86400e9 };

/** Nanoseconds of a duration as the API takes it (`250ms`, `1.5s`; a bare number is seconds), or `null`. */
export function parseDuration(text: string): number | null {
	const [, number, unit] = /^\s*(\d+(?:\.\d+)?)\s*([a-zµ]*)\s*$/.exec(text) ?? [];
	const nanos = unit === '' ? 1e9 : UNITS[unit ?? ''];
	return number === undefined || nanos === undefined ? null : Number(number) * nanos;
}

/** The durations of a selection for the URL: to the nanosecond, so that it opens what was counted. */
export function durationParams(selection: Pick<Selection, 'min' | 'max'>): { tmin: string; tmax: string } {
	return { tmin: `${selection.min}ns`, tmax: `${selection.max}ns` };
}
