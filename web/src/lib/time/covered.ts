/** A range as the API takes it: RFC 3339. */
export interface Bounds {
	start: string;
	end: string;
}

/** What an answer carries to say for which range it was asked: the page's may have moved since. */
export interface Asked {
	asked: Bounds;
}

/**
 * Milliseconds of the range that was asked for which there is data: a rate over the last hour of a server that has kept
 * spans for half an hour counts that half hour. `covered_from` is the first instant with data, as the server says it.
 */
export function coveredMillis({ asked, covered_from: from }: Asked & { covered_from?: string | null }): number {
	const range = { start: Date.parse(asked.start), end: Date.parse(asked.end) };
	const start = from ? Date.parse(from) : Number.NaN;
	const first = Number.isNaN(start) ? range.start : Math.min(range.end, Math.max(range.start, start));
	return Math.max(1e3, range.end - first);
}
