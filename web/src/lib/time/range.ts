import { clockAt, instantOf } from './zone.svelte';

/**
 * Time ranges as the URL writes them: `from` and `to` are relative (`now-1h`, `now`), RFC 3339, or Unix milliseconds.
 * Inside the page a resolved range is a pair of Unix milliseconds.
 */
export interface TimeRange {
	from: string;
	to: string;
}

export interface ResolvedRange {
	/** Unix milliseconds. */
	start: number;
	/** Unix milliseconds. */
	end: number;
}

export const DEFAULT_RANGE: TimeRange = { from: 'now-1h', to: 'now' };

/** What the picker offers, shortest first. */
export const PRESETS: readonly { label: string; range: TimeRange }[] = [
	['Last 5 minutes', 'now-5m'],
	['Last 15 minutes', 'now-15m'],
	['Last 30 minutes', 'now-30m'],
	['Last hour', 'now-1h'],
	['Last 3 hours', 'now-3h'],
	['Last 6 hours', 'now-6h'],
	['Last 12 hours', 'now-12h'],
	['Last 24 hours', 'now-24h'],
	['Last 2 days', 'now-2d'],
	['Last 7 days', 'now-7d'],
	['Last 30 days', 'now-30d']
].map(([label, from]) => ({ label: label as string, range: { from: from as string, to: 'now' } }));

const UNITS: Record<string, number> = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3, w: 604800e3 };

/** Unix milliseconds of a time's text, or `null` when it is none. */
export function parseTime(text: string, now: number): number | null {
	const relative = /^now(?:\s*([+-])\s*(\d+(?:\.\d+)?)\s*([smhdw]))?$/.exec(text.trim());
	if (relative) {
		const [, sign, amount, unit] = relative;
		if (!amount || !unit) return now;
		return sayable(now + (sign === '-' ? -1 : 1) * Number(amount) * (UNITS[unit] ?? 0));
	}
	if (/^\d{9,19}$/.test(text.trim())) return sayable(unixToMillis(text.trim()));
	if (!ISO.test(text.trim())) return null;
	if (ZONED.test(text.trim())) {
		const parsed = Date.parse(text.trim());
		return Number.isNaN(parsed) ? null : parsed;
	}
	// A day alone, or a time without a zone, is meant in the zone that the page shows.
	const [day = '', time = '00:00:00'] = text.trim().split(/[T ]/);
	const clock = Date.parse(`${day}T${time}Z`);
	return Number.isNaN(clock) ? null : instantOf(clock);
}

const ZONED = /:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)$/;
const ISO = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/;

/** The milliseconds on either side of 1970 that a date of JavaScript can say (ECMA-262, 21.4.1.1). */
const LAST_DATE = 8.64e15;

function sayable(millis: number): number | null {
	return Math.abs(millis) <= LAST_DATE ? millis : null;
}

/** Seconds, milliseconds, microseconds or nanoseconds, told apart by their size. */
function unixToMillis(digits: string): number {
	const value = Number(digits);
	if (value < 1e11) return value * 1e3;
	if (value < 1e14) return value;
	if (value < 1e17) return value / 1e3;
	return value / 1e6;
}

/** The range in milliseconds; what cannot be read falls back to the last hour. */
export function resolveRange(range: TimeRange, now: number): ResolvedRange {
	const end = parseTime(range.to, now) ?? now;
	const start = parseTime(range.from, now) ?? end - 3600e3;
	return start <= end ? { start, end } : { start: end, end: start };
}

export function isRelative(range: TimeRange): boolean {
	return range.from.startsWith('now') || range.to.startsWith('now');
}

/** The range as a person calls it. */
export function rangeLabel(range: TimeRange): string {
	const preset = PRESETS.find(({ range: one }) => one.from === range.from && one.to === range.to);
	if (preset) return preset.label;
	return `${timeLabel(range.from)} to ${timeLabel(range.to)}`;
}

function timeLabel(text: string): string {
	if (text.startsWith('now')) return text;
	const millis = parseTime(text, 0);
	return millis === null ? text : localTime(millis).slice(0, 19);
}

/** `YYYY-MM-DD HH:MM:SS.mmm` in the time zone of the page. */
export function localTime(millis: number): string {
	const date = clockAt(millis);
	const padded = (value: number, digits = 2) => String(value).padStart(digits, '0');
	const day = `${padded(date.getUTCFullYear(), 4)}-${padded(date.getUTCMonth() + 1)}-${padded(date.getUTCDate())}`;
	const time = `${padded(date.getUTCHours())}:${padded(date.getUTCMinutes())}:${padded(date.getUTCSeconds())}`;
	return `${day} ${time}.${padded(date.getUTCMilliseconds(), 3)}`;
}

/** A range around an instant, absolute, as the URL keeps it. */
export function around(millis: number, margin: number): TimeRange {
	return absolute(millis - margin, millis + margin);
}

/** An absolute range as the URL keeps it: RFC 3339 with milliseconds, so that people can read a shared link. */
export function absolute(start: number, end: number): TimeRange {
	return { from: new Date(Math.floor(start)).toISOString(), to: new Date(Math.ceil(end)).toISOString() };
}

/**
 * A wider range around the same middle, as far as there is time: what would reach into the future reaches back instead, and
 * a range that ends now goes on doing so.
 */
export function widen(range: TimeRange, now: number, factor = 2): TimeRange {
	const { start, end } = resolveRange(range, now);
	const width = Math.max(1e3, end - start) * factor;
	const last = range.to === 'now' ? now : Math.min(now, (start + end + width) / 2);
	const from = new Date(Math.max(0, Math.floor(last - width))).toISOString();
	return { from, to: range.to === 'now' ? 'now' : new Date(Math.ceil(last)).toISOString() };
}
