import { base } from '$app/paths';
import { session } from '$lib/session/session.svelte';
import { ApiFailure, unreachable } from './client';

/** Prometheus' HTTP API as Clew answers it below `/prometheus`. */

/** `[Unix seconds, value as text]` */
export type Point = [number, string];

export interface Series {
	metric: Record<string, string>;
	/** Range queries. */
	values?: Point[];
	/** Instant queries. */
	value?: Point;
	/** Native histograms, instant queries. */
	histogram?: [number, { count: string; sum: string }];
	/** Native histograms, range queries. */
	histograms?: [number, { count: string; sum: string }][];
}

export interface QueryData {
	resultType: 'matrix' | 'vector' | 'scalar' | 'string';
	result: Series[] | Point;
}

export interface Answer<T> {
	data: T;
	warnings: string[];
	infos: string[];
}

interface Envelope<T> {
	status: 'success' | 'error';
	data?: T;
	errorType?: string;
	error?: string;
	warnings?: string[];
	infos?: string[];
}

/** Calls `/prometheus/api/v1/<path>` with these parameters. Long queries go in the body. */
export async function prometheus<T>(
	path: string,
	params: Record<string, string | string[] | undefined>,
	signal?: AbortSignal
): Promise<Answer<T>> {
	const search = new URLSearchParams();
	for (const [name, value] of Object.entries(params)) {
		for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) search.append(name, one);
	}
	const isQuery = path === 'query' || path === 'query_range' || path === 'query_exemplars';
	const url = `${base}/prometheus/api/v1/${path}`;
	const response = await (isQuery
		? fetch(url, { method: 'POST', body: search, signal })
		: fetch(`${url}?${search}`, { signal })
	).catch((cause) => {
		throw unreachable(cause);
	});
	const body = (await response.json().catch(() => null)) as Envelope<T> | null;
	if (body?.status === 'success' && body.data !== undefined) {
		return { data: body.data, warnings: body.warnings ?? [], infos: body.infos ?? [] };
	}
	if (response.status === 401) session.lost();
	throw new ApiFailure(
		body?.error ?? `The server answered ${response.status}.`,
		body?.errorType ?? 'error',
		response.status
	);
}
