import { clockAt, offsetAt } from '$lib/time/zone.svelte';

/** Where a time axis is labelled, and how. */

const LADDER = [
	1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3, 1800e3, 3600e3,
	7200e3, 10800e3, 21600e3, 43200e3, 86400e3, 172800e3, 604800e3, 1209600e3, 2592000e3
];

/** The narrowest step of the ladder of which at most `count` fit into `width` milliseconds. */
export function niceStep(width: number, count: number): number {
	const wanted = width / Math.max(1, count);
	return LADDER.find((step) => step >= wanted) ?? Math.ceil(wanted / 2592000e3) * 2592000e3;
}

export interface Tick {
	/** Unix milliseconds. */
	at: number;
	label: string;
}

/** At most about `count` ticks at round times of the page's zone within a range of Unix milliseconds. */
export function timeTicks(start: number, end: number, count: number): Tick[] {
	if (!(end > start)) return [];
	const step = niceStep(end - start, count);
	const offset = -offsetAt(start);
	const ticks: Tick[] = [];
	for (let at = Math.ceil((start - offset) / step) * step + offset; at <= end; at += step) {
		ticks.push({ at, label: tickLabel(at, step) });
	}
	return ticks;
}

/** As precise as the step needs: a day's first instant is its date. */
export function tickLabel(at: number, step: number): string {
	const date = clockAt(at);
	const two = (value: number) => String(value).padStart(2, '0');
	const midnight = date.getUTCHours() === 0 && date.getUTCMinutes() === 0 && date.getUTCSeconds() === 0;
	if (step >= 86400e3 || (midnight && step >= 60e3)) return `${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
	const minutes = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
	if (step >= 60e3) return minutes;
	const seconds = `${minutes}:${two(date.getUTCSeconds())}`;
	return step >= 1e3 ? seconds : `${seconds}.${String(date.getUTCMilliseconds()).padStart(3, '0')}`;
}

/** The width of a histogram's bucket as the API takes it, for about `count` buckets. */
export function stepParam(width: number, count: number): string {
	return `${niceStep(width, count)}ms`;
}
