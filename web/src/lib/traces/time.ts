import { localTime } from '$lib/time/range';

/**
 * Nanoseconds of a text after an origin, as a number. Unix nanoseconds do not fit a number without loss; distances
 * within a trace do (up to 104 days).
 */
export function nanosSince(origin: bigint, unixNano: string): number {
	return Number(toNanos(unixNano) - origin);
}

/** Unix nanoseconds of a text; what is no number counts as 0. */
export function toNanos(unixNano: string): bigint {
	return /^-?\d+$/.test(unixNano) ? BigInt(unixNano) : 0n;
}

/** Unix milliseconds of Unix nanoseconds. */
export function toMillis(nanos: bigint): number {
	return Number(nanos / 1_000n) / 1e3;
}

/** Local time with microseconds, of Unix nanoseconds as text. */
export function preciseTime(unixNano: string): string {
	const nanos = toNanos(unixNano);
	const micros = String((nanos / 1_000n) % 1_000n).padStart(3, '0');
	return `${localTime(Math.floor(Number(nanos / 1_000_000n)))}${micros}`;
}
