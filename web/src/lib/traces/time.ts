import { localTime } from '$lib/time/range';

/**
 * Tells how many nanoseconds after an origin a text of Unix nanoseconds is. Unix nanoseconds do not fit a number without
 * loss; distances within a trace do (up to 104 days). Seconds and the rest are taken apart: big integers are slow.
 */
export function clockFrom(origin: bigint): (unixNano: string) => number {
	const seconds = Number(origin / SECOND);
	const rest = Number(origin % SECOND);
	return (unixNano) => {
		if (!DIGITS.test(unixNano)) return Number(toNanos(unixNano) - origin);
		return (Number(unixNano.slice(0, -9)) - seconds) * 1e9 + Number(unixNano.slice(-9)) - rest;
	};
}

const SECOND = 1_000_000_000n;
/** Nanoseconds of at least one second after 1970. */
const DIGITS = /^\d{10,19}$/;

/** Nanoseconds of a text after an origin. */
export function nanosSince(origin: bigint, unixNano: string): number {
	return clockFrom(origin)(unixNano);
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
