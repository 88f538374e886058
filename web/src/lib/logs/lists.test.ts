import { describe, expect, it } from 'vitest';
import { csv, curl } from './exporting';
import { withQuery } from './history';
import { columnsOf, columnsParam, sharedLink, staleNote, toggled } from './page';
import type { Log } from './record';
import { LogResults, merge } from './results.svelte';
import { arrived, EMPTY_TAIL, lastArrived, MAX_TAIL, resumed } from './tailBuffer';

function log(at: number, changes: Partial<Log> = {}): Log {
	return {
		id: `${at}-1`,
		time: `t${at}`,
		time_unix_nano: String(at),
		observed_time: '',
		severity: 'INFO',
		severity_number: 9,
		severity_text: '',
		message: `m${at}`,
		service: 's',
		attributes: {},
		...changes
	};
}

const ids = (rows: readonly Log[] | null) => rows?.map((one) => Number(one.time_unix_nano)) ?? null;

describe('merging a refreshed page', () => {
	const loaded = [9, 8, 7, 6, 5].map((at) => log(at));

	it('puts what is new, and what came late, before what stays', () => {
		const page = [log(11), log(9), log(8, { id: 'late' }), log(7)];
		expect(ids(merge(page, false, loaded, 0n))).toEqual([11, 9, 8, 7, 6, 5]);
	});

	it('drops what fell out of the range', () => {
		expect(ids(merge([log(9), log(8)], false, loaded, 6n))).toEqual([9, 8, 7, 6]);
	});

	it('keeps the page alone where the two do not meet, or where it is everything', () => {
		expect(merge([log(20), log(19)], false, loaded, 0n)).toBeNull();
		expect(merge([log(9), log(8)], true, loaded, 0n)).toBeNull();
		expect(merge([], false, loaded, 0n)).toBeNull();
	});
});

describe('records as they are loaded', () => {
	const question = { query: 'x', from: 'now-1h', to: 'now' };
	const bounds = { start: '1970-01-01T00:00:00Z', end: '1970-01-01T01:00:00Z' };
	const results = new LogResults();

	it('stay while they are read, and the newer ones wait', () => {
		results.take(question, bounds, { logs: [log(9), log(8)], next_cursor: 'c' });
		const newest = { logs: [log(21), log(20)], next_cursor: 'd' };
		expect(results.take(question, bounds, newest, true)).toBe(0);
		expect([ids(results.rows), results.newer?.page]).toEqual([[9, 8], newest]);
		results.showNewer();
		expect([ids(results.rows), results.newer]).toEqual([[21, 20], null]);
	});

	it('go when another question is asked, or nobody reads further down', () => {
		results.take(question, bounds, { logs: [log(9)], next_cursor: 'c' });
		expect(results.take(question, bounds, { logs: [log(20)], next_cursor: 'd' }, false)).toBe(-1);
		expect(ids(results.rows)).toEqual([20]);
		expect(results.take({ ...question, query: 'y' }, bounds, { logs: [log(30)], next_cursor: 'd' }, true)).toBe(-1);
		expect([ids(results.rows), results.newer]).toEqual([[30], null]);
	});

	it('take what joins them while they are read', () => {
		results.take(question, bounds, { logs: [log(9), log(8), log(7)], next_cursor: 'c' });
		expect(results.take(question, bounds, { logs: [log(10), log(9)], next_cursor: 'd' }, true)).toBe(1);
		expect([ids(results.rows), results.newer]).toEqual([[10, 9, 8, 7], null]);
	});

	it('forget that a page failed once a newer answer is there', () => {
		results.failure = new Error('gone');
		results.take(question, bounds, { logs: [log(9)], next_cursor: 'c' });
		expect(results.failure).toBeNull();
	});
});

describe('a live tail', () => {
	it('shows the newest first and takes a record told twice once', () => {
		const once = arrived(EMPTY_TAIL, [log(1), log(2)], false);
		expect(ids(arrived(once, [log(2), log(3)], false).rows)).toEqual([3, 2, 1]);
	});

	it('lets records wait while paused, and says how many did not fit', () => {
		const many = Array.from({ length: MAX_TAIL + 5 }, (_, index) => log(index));
		const paused = arrived(arrived(EMPTY_TAIL, [log(-1)], false), many, true);
		expect(paused.rows).toHaveLength(1);
		expect([paused.waiting.length, paused.overflown]).toEqual([MAX_TAIL, 5]);
		const again = resumed(paused);
		expect([again.rows.length, again.waiting.length, again.overflown]).toEqual([MAX_TAIL, 0, 0]);
		expect(again.rows[0]?.time_unix_nano).toBe(String(MAX_TAIL + 4));
	});
});

describe('exports', () => {
	it('writes values that need it in quotes, and formulas as text', () => {
		const rows = [
			log(1, { message: 'a,"b"\nc', attributes: { n: -5, x: { y: '=1+1' } } }),
			log(2, { trace_id: 'ab', attributes: { list: ['p', 'q'] } })
		];
		expect(csv(rows)).toBe(
			'time,severity,service,message,trace_id,span_id,n,x.y,list\r\n' +
				't1,INFO,s,"a,""b""\nc",,,-5,\'=1+1,\r\n' +
				't2,INFO,s,m2,ab,,,,"p, q"\r\n'
		);
	});

	it('writes a command that a shell takes whatever the query holds', () => {
		expect(curl('http://h:1', { query: `it's "x"`, limit: '5', cursor: '' })).toBe(
			`curl -sG 'http://h:1/api/v1/logs' \\\n  --data-urlencode 'query=it'\\''s "x"' \\\n  --data-urlencode 'limit=5'`
		);
	});
});

describe('past queries', () => {
	it('stand once, the newest first', () => {
		expect(withQuery(['b', 'a'], 'a')).toEqual(['a', 'b']);
		expect(withQuery(['b'], '  ')).toEqual(['b']);
	});
});

describe('what is told of old answers', () => {
	it('is nothing while nothing failed', () => {
		expect(staleNote({ records: null, fields: null })).toBeNull();
	});

	it('names what is old, and each cause once', () => {
		const gone = new Error('The server cannot be reached.');
		expect(staleNote({ records: gone, 'counts over time': gone, fields: new Error('Too slow') })).toBe(
			'Not refreshed: records, counts over time. The server cannot be reached. Not refreshed: fields. Too slow.'
		);
	});
});

describe("the page's URL", () => {
	it('lists columns, commas in their names too', () => {
		const columns = toggled(toggled(['a,b'], 'c'), 'd');
		expect(columnsOf(columnsParam(columns))).toEqual(['a,b', 'c', 'd']);
		expect([columnsOf(''), toggled(['c'], 'c')]).toEqual([[], []]);
	});

	it('is shared with the instants that were meant', () => {
		const url = new URL('http://h/logs?from=now-1h&to=now&q=x&live=1');
		const shared = new URL(sharedLink(url, { start: 0, end: 1000 }, '5-1'));
		expect(Object.fromEntries(shared.searchParams)).toEqual({
			from: '1970-01-01T00:00:00.000Z',
			to: '1970-01-01T00:00:01.000Z',
			q: 'x',
			sel: '5-1'
		});
	});
});

describe('a tail that goes on', () => {
	it('goes on after the record that arrived last, whatever its time', () => {
		expect(
			lastArrived([{ id: '1800000000000000000-7' }, { id: '1700000000000000000-12' }, { id: '1700000000000000001-9' }])
		).toBe('1700000000000000000-12');
		expect(lastArrived([])).toBe('');
	});
});
