import type { Schema } from '$lib/api/client';

type Summary = Schema['TraceSummaryDto'];
type Page = Schema['TracePageDto'];

/** What a page answers: the search and its range as the URL writes it, and the instants that were meant. */
export interface Asked {
	subject: string;
	instants: string;
}

/** A page of results as it is held. */
export interface ResultPage extends Page {
	asked?: Asked;
	/** The newest page, while it waits for who reads further down; between it and `traces` there is a gap. */
	newer?: Page;
}

/** What is loaded of a search, all pages together, the newest first. */
export interface Loaded {
	traces: readonly Summary[];
	/** Where the next page goes on. */
	cursor: string | null;
}

/** What a refresh keeps of what is loaded. */
export interface Kept {
	/** Where the range begins, Unix nanoseconds. */
	startNanos: bigint;
	/** Whether a trace must begin in the range; otherwise it is enough that it reaches into it. */
	begunIn: boolean;
}

/** Whether a trace that was in the range can still be: one that began before it stays until it has ended before it. */
function stays(trace: Summary, { startNanos, begunIn }: Kept): boolean {
	const lasts = begunIn ? 0n : BigInt(String(trace.duration_nanos));
	return BigInt(trace.start_unix_nano) + lasts >= startNanos;
}

/** Each trace once, as it was told last: one that grew while pages were read may come twice. */
export function unique(traces: Iterable<Summary>): Summary[] {
	return [...new Map([...traces].map((trace) => [trace.trace_id, trace])).values()];
}

/**
 * The first page of a refresh, with the older ones that are loaded behind it, so that a refresh takes nothing away that
 * is still in the range. Where the two do not meet there would be a gap: then the page alone is kept, or, while somebody
 * reads further down (`reading`), what is loaded, and the page waits. So it is where more than `most` would be held.
 */
export function refreshed(
	page: Page,
	loaded: Loaded | null,
	now: Kept & { reading: boolean; most: number }
): ResultPage {
	const last = page.traces.at(-1);
	if (!page.next_cursor || !last || !loaded) return page;
	const inRange = loaded.traces.filter((trace) => stays(trace, now));
	const meets = inRange.findIndex((trace) => trace.trace_id === last.trace_id);
	const told = new Set(page.traces.map((trace) => trace.trace_id));
	const traces = [...page.traces, ...inRange.slice(meets + 1).filter((trace) => !told.has(trace.trace_id))];
	if (meets >= 0 && traces.length <= now.most) return { ...page, traces, next_cursor: loaded.cursor };
	if (!now.reading || inRange.length === 0) return page;
	return { ...page, traces: inRange, next_cursor: loaded.cursor, newer: page };
}

/** What is loaded with the traces that got a span since, those first; what fell out of the range goes. */
export function grown(news: Page, loaded: Loaded, now: Kept): ResultPage {
	const told = new Set(news.traces.map((trace) => trace.trace_id));
	const kept = loaded.traces.filter((trace) => !told.has(trace.trace_id) && stays(trace, now));
	return { ...news, traces: [...news.traces, ...kept], next_cursor: loaded.cursor };
}

/** How the server sorts, as the API takes it. */
export interface TraceSort {
	sort: 'time' | 'duration' | 'spans' | 'errors';
	order: 'asc' | 'desc';
}

const COLUMNS: readonly TraceSort['sort'][] = ['time', 'duration', 'spans', 'errors'];

/** The order that the URL says: a column, the greatest first, or with `-` before it the least; the newest first by default. */
export function sortOf(param: string): TraceSort {
	const sort = COLUMNS.find((column) => column === param.replace('-', '')) ?? 'time';
	return { sort, order: param.startsWith('-') ? 'asc' : 'desc' };
}

/** The parameter after a click on the head of a column: a second click turns the order round. */
export function sortParam(column: TraceSort['sort'], now: TraceSort): string {
	const turned = now.sort === column && now.order === 'desc';
	if (turned) return `-${column}`;
	return column === 'time' ? '' : column;
}

/** The next trace with an error below a row, around the end. */
export function nextFailed(traces: readonly Summary[], at: number): Summary | undefined {
	return traces.find((trace, index) => index > at && trace.errors > 0) ?? traces.find((trace) => trace.errors > 0);
}
