/** What this needs of the result of a query of @tanstack/svelte-query. */
interface Asked<T> {
	readonly data: T | undefined;
	readonly isPlaceholderData: boolean;
}

/**
 * Keeps the last good answer to each query, to be shown as old when the next one fails. What is no longer asked is
 * dropped: `kept` never holds more than there are queries.
 */
export function keepGood<T extends { query: string }>(
	kept: Map<string, T>,
	queries: readonly string[],
	results: readonly Asked<T>[]
): void {
	for (const { data, isPlaceholderData } of results) {
		if (data && !isPlaceholderData) kept.set(data.query, data);
	}
	for (const query of kept.keys()) {
		if (!queries.includes(query)) kept.delete(query);
	}
}
