/**
 * The part of a range (Unix milliseconds) for which there is data: a rate over the last hour of a server that has kept
 * spans for half an hour counts that half hour. `from` is the first instant with data, as the server says it.
 */
export function coveredMillis(range: { start: number; end: number }, from: string | null | undefined): number {
	const start = from ? Date.parse(from) : Number.NaN;
	const first = Number.isNaN(start) ? range.start : Math.min(range.end, Math.max(range.start, start));
	return Math.max(1e3, range.end - first);
}
