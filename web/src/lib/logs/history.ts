import { recall, remember } from '$lib/state/theme.svelte';

/** Queries asked before, kept in the browser, newest first. */

const KEY = 'clew.log-queries';
/** Queries kept at most. */
const MAX_QUERIES = 50;

export function pastQueries(): string[] {
	try {
		const kept: unknown = JSON.parse(recall(KEY) ?? '[]');
		return Array.isArray(kept) ? kept.filter((one): one is string => typeof one === 'string') : [];
	} catch {
		return [];
	}
}

/** The list with a query at its head, once. */
export function withQuery(past: readonly string[], query: string): string[] {
	return query.trim() === '' ? [...past] : [query, ...past.filter((one) => one !== query)].slice(0, MAX_QUERIES);
}

export function keepQuery(query: string) {
	remember(KEY, JSON.stringify(withQuery(pastQueries(), query)));
}
