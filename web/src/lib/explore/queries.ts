/** The queries of the metrics page, as the URL keeps them: `q`, `q2`, `q3` … */

/** How many queries one page may hold. */
export const MAX_QUERIES = 8;

/** The name of the URL's parameter of a query. */
export function paramOf(index: number): string {
	return index === 0 ? 'q' : `q${index + 1}`;
}

/** What the page calls a query: A, B, C … */
export function letterOf(index: number): string {
	return String.fromCharCode(65 + index);
}

/** The queries that a URL holds, in order; without gaps, and none twice over what is held. */
export function readQueries(search: URLSearchParams): string[] {
	const queries: string[] = [];
	for (let index = 0; index < MAX_QUERIES; index += 1) {
		const query = search.get(paramOf(index))?.trim() ?? '';
		if (query !== '') queries.push(query);
	}
	return queries;
}

/** The URL's parameters for these queries; those that are left over are removed. */
export function writeQueries(queries: readonly string[]): Record<string, string> {
	const kept = queries.map((query) => query.trim()).filter((query) => query !== '');
	return Object.fromEntries(Array.from({ length: MAX_QUERIES }, (_, index) => [paramOf(index), kept[index] ?? '']));
}

/** How many queries the history keeps. */
export const MAX_HISTORY = 50;
/** A longer query is not kept. */
const MAX_KEPT_LENGTH = 4_000;

/** The history with this query as its newest. */
export function remembered(history: readonly string[], query: string): string[] {
	if (query.length > MAX_KEPT_LENGTH) return [...history];
	return [query, ...history.filter((one) => one !== query)].slice(0, MAX_HISTORY);
}

/** The history as it was kept; what cannot be read counts as none. */
export function parseHistory(text: string | null): string[] {
	try {
		const parsed: unknown = JSON.parse(text ?? '[]');
		return Array.isArray(parsed) ? parsed.filter((one) => typeof one === 'string').slice(0, MAX_HISTORY) : [];
	} catch {
		return [];
	}
}

/**
 * The place that an error of the query language names, in bytes of the query's UTF-8, and the message without it.
 * Prometheus writes `1:26: parse error: …`, line and column from one.
 */
export function placeOf(message: string, query: string): { message: string; position?: number } {
	const found = /^(\d+):(\d+): (?:parse error: )?(.*)$/s.exec(message);
	if (!found) return { message };
	const line = Number(found[1]);
	const column = Number(found[2]);
	const lines = query.split('\n');
	if (line < 1 || line > lines.length || column < 1) return { message };
	const before = lines.slice(0, line - 1).reduce((sum, one) => sum + new TextEncoder().encode(one).length + 1, 0);
	return { message: found[3] ?? message, position: before + column - 1 };
}
