import { answer, api, type Schema } from '$lib/api/client';
import type { Log } from './record';

/** Records of a page, the first one and each that scrolling adds. */
export const FIRST_PAGE = 500;
export const NEXT_PAGE = 1_000;
/** Records held in the browser at most; beyond it the query has to be narrowed. */
export const MAX_ROWS = 100_000;

/** What was asked: the query, and the range as the URL writes it, so that a refresh is the same question. */
export interface Question {
	query: string;
	from: string;
	to: string;
}

/** A page of records. */
export type Page = Schema['LogPageDto'] & {
	/** It holds all records from this instant on (Unix milliseconds), and none before: what is loaded stays behind it. */
	since?: number;
};

/** What is new before what is loaded; what fell out of the range goes. */
export function continued(page: readonly Log[], since: number, loaded: readonly Log[], startNanos: bigint): Log[] {
	const from = BigInt(Math.floor(since)) * 1_000_000n;
	const kept = loaded.filter((log) => {
		const time = BigInt(log.time_unix_nano);
		return time < from && time >= startNanos;
	});
	return [...page, ...kept];
}

/**
 * The newest page put before what is loaded already: what both hold is taken from the page, what is older stays, and
 * what fell out of the range goes. Where the two do not meet, there would be a gap: then the page alone is kept.
 */
export function merge(
	page: readonly Log[],
	complete: boolean,
	loaded: readonly Log[],
	startNanos: bigint
): Log[] | null {
	const last = page.at(-1);
	if (complete || !last) return null;
	const meets = loaded.findIndex((log) => log.id === last.id);
	if (meets < 0) return null;
	let end = loaded.length;
	while (end > meets + 1 && BigInt(loaded[end - 1]?.time_unix_nano ?? '0') < startNanos) end -= 1;
	return [...page, ...loaded.slice(meets + 1, end)];
}

/**
 * The records that were found, newest first, as far as they are loaded. A view keeps them (`view.kept(LogResults)`), so
 * that Back finds them as they were left.
 */
export class LogResults {
	rows = $state.raw<Log[]>([]);
	/** Whether there are more than are loaded. */
	more = $state(false);
	loading = $state(false);
	/** Why the next page did not come. */
	failure = $state.raw<unknown>(null);
	warnings = $state.raw<string[]>([]);
	question = $state.raw<Question | null>(null);
	/** The newest page, while it waits for who reads further down; between it and what is loaded there is a gap. */
	newer = $state.raw<{ page: Page; bounds: { start: string; end: string } } | null>(null);

	private cursor: string | null = null;
	private bounds = { start: '', end: '' };
	private abort: AbortController | null = null;

	isOf(question: Question): boolean {
		const own = this.question;
		return own?.query === question.query && own.from === question.from && own.to === question.to;
	}

	/**
	 * Takes the first page of a question. Answers how many rows now stand before the one that was first, so that who
	 * scrolled stays where they are; -1 when the list is another. While somebody reads further down (`reading`), a page
	 * that would take their records away waits in `newer`.
	 */
	take(question: Question, bounds: { start: string; end: string }, page: Page, reading = false): number {
		const first = this.rows[0];
		const same = this.isOf(question);
		const startNanos = BigInt(Date.parse(bounds.start)) * 1_000_000n;
		if (page.since !== undefined && same) return this.goOn(page, page.since, startNanos);
		const merged = same ? merge(page.logs, !page.next_cursor, this.rows, startNanos) : null;
		if (reading && same && first && merged === null && !page.logs.some((log) => log.id === first.id)) {
			this.newer = { page, bounds };
			return 0;
		}
		this.newer = null;
		this.stop();
		this.failure = null;
		this.bounds = bounds;
		this.question = question;
		this.warnings = page.warnings ?? [];
		this.rows = (merged ?? page.logs).slice(0, MAX_ROWS);
		// What was cut off would be a gap before the next page.
		if (merged !== null && merged.length > MAX_ROWS) this.cursor = null;
		if (merged === null) {
			this.cursor = page.next_cursor ?? null;
			this.more = this.cursor !== null;
		}
		return same && first ? this.rows.findIndex((log) => log.id === first.id) : -1;
	}

	/** Takes what is new; the pages behind it stay as they are. Answers as `take` does. */
	private goOn(page: Page, since: number, startNanos: bigint): number {
		const first = this.rows[0];
		const all = continued(page.logs, since, this.rows, startNanos);
		this.rows = all.slice(0, MAX_ROWS);
		if (all.length > MAX_ROWS) this.cursor = null;
		this.warnings = [...new Set([...this.warnings, ...(page.warnings ?? [])])];
		return first ? this.rows.findIndex((log) => log.id === first.id) : -1;
	}

	/** Shows the page that waited, in place of what is loaded. */
	showNewer() {
		if (this.newer && this.question) this.take(this.question, this.newer.bounds, this.newer.page);
	}

	/** Loads the next page, unless one is under way, there is none, or as many are held as may be. */
	async next(): Promise<boolean> {
		if (this.loading || this.cursor === null || this.question === null || this.rows.length >= MAX_ROWS) return false;
		const abort = new AbortController();
		this.abort = abort;
		this.loading = true;
		this.failure = null;
		try {
			const query = {
				query: this.question.query || undefined,
				...this.bounds,
				limit: Math.min(NEXT_PAGE, MAX_ROWS - this.rows.length),
				cursor: this.cursor
			};
			const page = await answer(api.GET('/api/v1/logs', { params: { query }, signal: abort.signal }));
			if (abort.signal.aborted) return false;
			this.rows = [...this.rows, ...page.logs];
			this.cursor = page.next_cursor ?? null;
			this.more = this.cursor !== null;
			this.warnings = [...new Set([...this.warnings, ...(page.warnings ?? [])])];
			return page.logs.length > 0;
		} catch (error) {
			if (!abort.signal.aborted) this.failure = error;
			return false;
		} finally {
			if (this.abort === abort) this.loading = false;
		}
	}

	/** Stops what is being loaded; what is loaded stays. */
	stop() {
		this.abort?.abort();
		this.abort = null;
		this.loading = false;
	}
}
