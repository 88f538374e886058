import { RECORDS, type SignalName, type Status } from '$lib/status/status';
import type { Snippet } from './snippets';

/** What came by the way that a snippet shows. */
export interface Arrival {
	signal: SignalName;
	/** Records taken since the server started. */
	accepted: number;
	rejected: number;
	/** Unix milliseconds of the newest, or `null`. */
	last: number | null;
	/** Whether the first came while this page was looked at, and when it was seen. */
	first: number | null;
}

/** Counts by `signal protocol` when the page was opened: what comes after is news. */
export type Baseline = Record<string, number>;

export function baselineOf(status: Status): Baseline {
	return Object.fromEntries(status.sources.map((one) => [`${one.signal} ${one.protocol}`, one.accepted]));
}

export function arrivalsOf(snippet: Snippet, status: Status | undefined, baseline: Baseline): Arrival[] {
	return snippet.signals.map((signal) => {
		const source = status?.sources.find((one) => one.signal === signal && one.protocol === snippet.protocol);
		const accepted = source?.accepted ?? 0;
		const last = source?.last_received === undefined ? null : Date.parse(source.last_received);
		const isNew = accepted > 0 && (baseline[`${signal} ${snippet.protocol}`] ?? 0) === 0;
		return { signal, accepted, rejected: source?.rejected ?? 0, last, first: isNew ? last : null };
	});
}

/** `log`, `span`, `metric`: as the line says what it waits for. */
export function awaited(signal: SignalName): string {
	return signal === 'metrics' ? 'metric' : signal === 'traces' ? 'trace' : RECORDS[signal].one;
}
