import { describe, expect, it } from 'vitest';
import type { Schema } from '$lib/api/client';
import { grown, refreshed, sortOf, sortParam, unique } from './results';

type Summary = Schema['TraceSummaryDto'];

function trace(at: number, changes: Partial<Summary> = {}): Summary {
	return { trace_id: `t${at}`, start_unix_nano: String(at), duration_nanos: 0, spans: 1, ...changes } as Summary;
}

const page = (...starts: number[]) => ({ traces: starts.map((at) => trace(at)), next_cursor: 'new' });
const loaded = { traces: [9, 8, 7, 6].map((at) => trace(at)), cursor: 'old' };
const now = { startNanos: 0n, begunIn: false, reading: true, most: 100 };
const starts = (of: { traces: readonly Summary[] }) => of.traces.map((one) => Number(one.start_unix_nano));

describe('refreshed results', () => {
	it('keep the older pages that are loaded, and where they go on', () => {
		const found = refreshed(page(11, 10, 9, 8), loaded, now);
		expect([starts(found), found.next_cursor, found.newer]).toEqual([[11, 10, 9, 8, 7, 6], 'old', undefined]);
	});

	it('drop what fell out of the range', () => {
		expect(starts(refreshed(page(9, 8), loaded, { ...now, startNanos: 7n }))).toEqual([9, 8, 7]);
	});

	it('keep what began before the range while it lasts into it, unless it must begin there', () => {
		const long = {
			traces: [trace(9), trace(8), trace(5, { duration_nanos: 3 }), trace(4, { duration_nanos: 2 })],
			cursor: 'old'
		};
		const moved = { ...now, startNanos: 7n };
		expect(starts(refreshed(page(9, 8), long, moved))).toEqual([9, 8, 5]);
		expect(starts(refreshed(page(9, 8), long, { ...moved, begunIn: true }))).toEqual([9, 8]);
		const news = { traces: [trace(12)], next_cursor: null };
		expect(starts(grown(news, long, moved))).toEqual([12, 9, 8, 5]);
		expect(starts(grown(news, long, { ...moved, begunIn: true }))).toEqual([12, 9, 8]);
		// To the last nanosecond.
		expect(starts(grown(news, long, { ...moved, startNanos: 8n }))).toEqual([12, 9, 8, 5]);
		expect(starts(grown(news, long, { ...moved, startNanos: 9n }))).toEqual([12, 9]);
	});

	it('tell a trace once, as it is now', () => {
		const grown = {
			traces: [trace(9, { start_unix_nano: '5', trace_id: 't6', spans: 3 }), trace(8)],
			next_cursor: 'new'
		};
		const found = refreshed(grown, loaded, now);
		expect(found.traces.map((one) => [one.trace_id, one.spans])).toEqual([
			['t6', 3],
			['t8', 1],
			['t7', 1]
		]);
	});

	it('let a page wait that they do not meet while they are read', () => {
		const newest = page(30, 29);
		const found = refreshed(newest, loaded, now);
		expect([starts(found), found.next_cursor, found.newer]).toEqual([[9, 8, 7, 6], 'old', newest]);
		expect(refreshed(newest, loaded, { ...now, reading: false })).toBe(newest);
	});

	it('are never more than may be held', () => {
		const found = refreshed(page(10, 9), loaded, { ...now, most: 4, reading: false });
		expect(starts(found)).toEqual([10, 9]);
	});

	it('are the page alone where it is everything, or nothing was loaded', () => {
		const all = { ...page(9), next_cursor: null };
		expect(refreshed(all, loaded, now)).toBe(all);
		expect(starts(refreshed(page(9), null, now))).toEqual([9]);
	});
});

it('tells a trace once that came with two pages', () => {
	expect(unique([trace(2), trace(1), trace(2, { spans: 5 })]).map((one) => [one.trace_id, one.spans])).toEqual([
		['t2', 5],
		['t1', 1]
	]);
});

it('says the order in the URL as the server takes it', () => {
	expect(['', 'duration', '-errors', '-time', 'size'].map(sortOf)).toEqual([
		{ sort: 'time', order: 'desc' },
		{ sort: 'duration', order: 'desc' },
		{ sort: 'errors', order: 'asc' },
		{ sort: 'time', order: 'asc' },
		{ sort: 'time', order: 'desc' }
	]);
	const clicks = (columns: ('time' | 'duration')[]) =>
		columns.reduce((param, column) => sortParam(column, sortOf(param)), '');
	expect(clicks(['duration'])).toBe('duration');
	expect(clicks(['duration', 'duration'])).toBe('-duration');
	expect(clicks(['duration', 'duration', 'duration'])).toBe('duration');
	expect(clicks(['duration', 'time'])).toBe('');
	expect(clicks(['time'])).toBe('-time');
});

it('puts the traces that got a span before what is loaded, each once, and keeps where that goes on', () => {
	const news = { traces: [trace(12), trace(7, { spans: 4 })], next_cursor: null };
	const found = grown(news, loaded, { startNanos: 7n, begunIn: false });
	expect([starts(found), found.traces[1]?.spans, found.next_cursor]).toEqual([[12, 7, 9, 8], 4, 'old']);
});
