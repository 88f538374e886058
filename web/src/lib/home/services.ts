import type { Schema } from '$lib/api/client';

export interface Health {
	name: string;
	/** Spans a second. */
	rate: number;
	/** Share of its spans with status error. */
	errorShare: number;
	errors: number;
	spans: number;
	logs: number;
	/** Nanoseconds, `null` where it only logs. */
	p95: number | null;
}

/** The services, those with the greatest share of errors first, then the busiest. */
export function healthOf(services: readonly Schema['ServiceDto'][], seconds: number): Health[] {
	return services
		.map((one) => ({
			name: one.name,
			rate: one.spans / Math.max(1, seconds),
			errorShare: one.spans === 0 ? 0 : one.errors / one.spans,
			errors: one.errors,
			spans: one.spans,
			logs: one.logs,
			p95: one.duration_nanos?.p95 ?? null
		}))
		.sort((a, b) => b.errorShare - a.errorShare || b.spans - a.spans || a.name.localeCompare(b.name));
}

/** Share of errors from which a service is said to be failing. */
export const FAILING = 0.05;
