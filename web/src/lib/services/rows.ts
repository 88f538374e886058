import type { Schema } from '$lib/api/client';

/** The list of services: rates from counts, filter, order. */

type Service = Schema['ServiceDto'];

export interface ServiceRow {
	name: string;
	/** Spans per second over the range. */
	rate: number;
	/** Errors among its spans, 0 to 1; `null` without spans. */
	errorShare: number | null;
	errors: number;
	/** Nanoseconds; `null` without spans. */
	p50: number | null;
	p95: number | null;
	p99: number | null;
	logs: number;
	/** Unix milliseconds of its newest span; `null` when it only logs. */
	lastSeen: number | null;
}

export const SORTS = ['name', 'rate', 'errorShare', 'p50', 'p95', 'p99', 'logs', 'lastSeen'] as const;
export type Sort = (typeof SORTS)[number];

export function rowsOf(services: readonly Service[], rangeMillis: number): ServiceRow[] {
	const seconds = Math.max(1, rangeMillis / 1000);
	return services.map((one) => ({
		name: one.name,
		rate: one.spans / seconds,
		errorShare: one.spans === 0 ? null : one.errors / one.spans,
		errors: one.errors,
		p50: one.duration_nanos?.p50 ?? null,
		p95: one.duration_nanos?.p95 ?? null,
		p99: one.duration_nanos?.p99 ?? null,
		logs: one.logs,
		lastSeen: one.last_seen ? Date.parse(one.last_seen) : null
	}));
}

export function arrange(rows: readonly ServiceRow[], filter: string, sort: Sort, down: boolean): ServiceRow[] {
	const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
	const kept = rows.filter((row) => words.every((word) => row.name.toLowerCase().includes(word)));
	const sign = down ? -1 : 1;
	return kept.sort((a, b) => {
		const byName = a.name.localeCompare(b.name, 'en', { numeric: true });
		if (sort === 'name') return byName * sign;
		const [left, right] = [a[sort], b[sort]];
		// What has no value stands last in either direction.
		if (left === null || right === null) return Number(left === null) - Number(right === null) || byName;
		return (left - right) * sign || byName;
	});
}

/** How bad a share of errors is: 1 in 20 is a fault, 1 in 100 deserves a look. */
export function healthOf(errorShare: number | null): 'bad' | 'warn' | 'fine' {
	if (errorShare === null || errorShare < 0.01) return 'fine';
	return errorShare < 0.05 ? 'warn' : 'bad';
}

/** "12 s ago"; the instant itself is in the title. */
export function ago(millis: number, now: number): string {
	const seconds = Math.max(0, Math.round((now - millis) / 1000));
	if (seconds < 5) return 'now';
	if (seconds < 120) return `${seconds} s ago`;
	if (seconds < 7200) return `${Math.round(seconds / 60)} min ago`;
	if (seconds < 172_800) return `${Math.round(seconds / 3600)} h ago`;
	return `${Math.round(seconds / 86_400)} d ago`;
}
