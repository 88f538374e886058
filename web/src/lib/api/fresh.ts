/** What a refresh that came by itself may leave out. */

/** How long after it happened a record may come, and still be found by a refresh that asks for what is new (milliseconds). */
export const LATE = 30_000;

/** After so many refreshes that asked for what is new everything is asked for once, so that what came later is found too. */
const WHOLE_EVERY = 20;

/** By how much the two ends of a range may have moved apart, for it to be the same range later (milliseconds). */
const MOVED = 1_000;

/** An answer about a subject up to an instant, to be continued by the next one. */
interface Known<T> {
	subject: string;
	/** Unix milliseconds. */
	start: number;
	end: number;
	data: T;
	/** Refreshes since everything was asked for. */
	refreshes: number;
}

/**
 * Keeps the last answer of a question that is refreshed, and says from when on the next one has to ask.
 */
export class Continued<T> {
	private known: Known<T> | null = null;

	/** The answer before and the first instant to ask for, where what is new is enough; `null` where all is asked for. */
	before(subject: string, range: { start: number; end: number }, automatic: boolean): { data: T; from: number } | null {
		const { known } = this;
		if (!automatic || known === null || known.subject !== subject || known.refreshes >= WHOLE_EVERY) return null;
		const from = Math.max(range.start, known.end - LATE);
		// Where the two do not overlap there would be a gap; and a range that grew into the past holds what was never asked.
		return from <= known.end && range.start >= known.start && range.end >= known.end
			? { data: known.data, from }
			: null;
	}

	/** Keeps an answer; `continued` where it was put together with the one before. */
	keep(subject: string, range: { start: number; end: number }, data: T, continued: boolean): T {
		const refreshes = continued ? (this.known?.refreshes ?? 0) + 1 : 0;
		this.known = { subject, start: range.start, end: range.end, data, refreshes };
		return data;
	}

	/** The answer before, where it is no older than so many milliseconds: what takes long to count can wait. */
	recent(subject: string, range: { start: number; end: number }, automatic: boolean, age: number): T | null {
		const { known } = this;
		if (!automatic || known === null || known.subject !== subject) return null;
		const later = range.end - known.end;
		// Back may lead to a range of another width without anybody asking.
		const grown = Math.abs(range.start - known.start - later);
		return later >= 0 && later < age && grown <= MOVED ? known.data : null;
	}
}
