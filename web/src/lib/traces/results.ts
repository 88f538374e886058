import type { Schema } from '$lib/api/client';

type Summary = Schema['TraceSummaryDto'];

/** By what the results can be sorted. */
export type ResultColumn = 'time' | 'duration' | 'spans' | 'errors';

const VALUES: Record<ResultColumn, (trace: Summary) => number> = {
	// Nanoseconds do not fit a number; microseconds tell two traces apart, their ID the rest.
	time: (trace) => Number(trace.start_unix_nano.slice(0, -3)),
	duration: (trace) => trace.duration_nanos,
	spans: (trace) => trace.spans,
	errors: (trace) => trace.errors
};

/** The newest, longest, largest or worst first; traces that are equal stand in order of time. */
export function sortResults(traces: readonly Summary[], column: ResultColumn, reversed: boolean): Summary[] {
	const value = VALUES[column] ?? VALUES.time;
	const turn = reversed ? -1 : 1;
	return traces.toSorted(
		(a, b) => (value(b) - value(a)) * turn || VALUES.time(b) - VALUES.time(a) || a.trace_id.localeCompare(b.trace_id)
	);
}

/** The next trace with an error below a row, around the end. */
export function nextFailed(traces: readonly Summary[], at: number): Summary | undefined {
	return traces.find((trace, index) => index > at && trace.errors > 0) ?? traces.find((trace) => trace.errors > 0);
}
