import type { Log } from './record';

/** Records that a live tail holds at most; older ones go. */
export const MAX_TAIL = 10_000;

/** What a live tail shows, newest first, and what waits while a person reads. */
export interface TailBuffer {
	rows: Log[];
	/** Arrived while paused, newest first. */
	waiting: Log[];
	/** Of those that arrived while paused, the ones that no longer fit. */
	overflown: number;
}

export const EMPTY_TAIL: TailBuffer = { rows: [], waiting: [], overflown: 0 };

/** Takes a batch, oldest first. After a lost connection the server may tell records twice: they are taken once. */
export function arrived(buffer: TailBuffer, batch: readonly Log[], paused: boolean): TailBuffer {
	const known = new Set([...buffer.waiting.slice(0, RECENT), ...buffer.rows.slice(0, RECENT)].map((log) => log.id));
	const fresh = batch.filter((log) => !known.has(log.id)).reverse();
	if (fresh.length === 0) return buffer;
	if (!paused) return { ...buffer, rows: [...fresh, ...buffer.rows].slice(0, MAX_TAIL) };
	const waiting = [...fresh, ...buffer.waiting];
	const over = Math.max(0, waiting.length - MAX_TAIL);
	return { ...buffer, waiting: waiting.slice(0, MAX_TAIL), overflown: buffer.overflown + over };
}

/** What waited is shown. */
export function resumed(buffer: TailBuffer): TailBuffer {
	return { rows: [...buffer.waiting, ...buffer.rows].slice(0, MAX_TAIL), waiting: [], overflown: 0 };
}

/** How many of the newest records are looked through for ones told twice. */
const RECENT = 1_000;

/** The ID of the record that arrived last, `''` of none: IDs are `<time>-<number of arrival>`, and times may lie ahead. */
export function lastArrived(rows: readonly { id: string }[]): string {
	const number = (id: string) => Number(id.slice(id.lastIndexOf('-') + 1));
	let last = '';
	for (const { id } of rows) if (last === '' || number(id) > number(last)) last = id;
	return last;
}
