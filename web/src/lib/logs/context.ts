import { base } from '$app/paths';
import { failureOf, type Schema, unreachable } from '$lib/api/client';

/** What stands before and after a record. */
export interface LogContext {
	log: Schema['LogDto'];
	/** Oldest first. */
	before: Schema['LogDto'][];
	/** Oldest first. */
	after: Schema['LogDto'][];
	has_more_before: boolean;
	has_more_after: boolean;
	warnings?: string[];
}

export type Scope = 'service' | 'all';

/** A record with its neighbours, among those of its service or all. */
export async function logContext(
	id: string,
	options: { before: number; after: number; scope?: Scope },
	signal?: AbortSignal
): Promise<LogContext> {
	const search = new URLSearchParams(Object.entries(options).map(([name, value]) => [name, String(value)]));
	const url = `${base}/api/v1/logs/${encodeURIComponent(id)}/context?${search}`;
	const response = await fetch(url, { signal }).catch((cause) => {
		throw unreachable(cause);
	});
	const body = await response.json().catch(() => null);
	if (!response.ok || body === null) throw failureOf(body, response.status);
	return body as LogContext;
}
