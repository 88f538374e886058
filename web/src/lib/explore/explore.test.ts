import { describe, expect, it } from 'vitest';
import type { QueryData } from '$lib/api/prometheus';
import { chosen, exemplarsOf, MAX_EXEMPLARS, together } from './exemplars';
import { hiddenOf, hiddenParams } from './hidden';
import { labelColumns, rowsOf, sortRows } from './instant';
import { keepGood } from './kept';
import {
	dependsOnRange,
	gridOf,
	joinedAnswer,
	joinedMatrix,
	labelsOf,
	linesOf,
	MAX_POINTS,
	selectorOf,
	unitOf
} from './matrix';
import { parseHistory, placeOf, readQueries, remembered, writeQueries } from './queries';

describe('queries in the URL', () => {
	it('comes back as it was written, and removes what is left over', () => {
		const written = writeQueries(['up', ' ', 'rate(a[5m])']);
		expect(written).toMatchObject({ q: 'up', q2: 'rate(a[5m])', q3: '', q8: '' });
		expect(readQueries(new URLSearchParams(written))).toEqual(['up', 'rate(a[5m])']);
	});
	it('keeps each query once in the history, newest first', () => {
		expect(remembered(['a', 'b'], 'b')).toEqual(['b', 'a']);
		expect(
			remembered(
				Array.from({ length: 50 }, (_, at) => `q${at}`),
				'new'
			)
		).toHaveLength(50);
		expect(parseHistory('{not json')).toEqual([]);
		expect(parseHistory('["a",1,"b"]')).toEqual(['a', 'b']);
	});
});

describe('placeOf', () => {
	it('turns line and column into bytes of the query', () => {
		expect(placeOf('1:5: parse error: unexpected end', 'sum(')).toEqual({ message: 'unexpected end', position: 4 });
		// "ä" has two bytes, the line break one.
		expect(placeOf('2:1: parse error: x', 'ä\nb').position).toBe(3);
	});
	it('leaves a message without a place alone', () => {
		expect(placeOf('query timed out', 'up')).toEqual({ message: 'query timed out' });
		expect(placeOf('9:1: parse error: x', 'up')).toEqual({ message: '9:1: parse error: x' });
	});
});

describe('gridOf', () => {
	it('takes round steps on whole multiples', () => {
		const grid = gridOf({ start: 1_000_003_000, end: 1_003_603_000 }, 1000);
		expect(grid.step).toBe(10);
		expect(grid.start % 10).toBe(0);
		expect(grid.times[0]).toBe(grid.start * 1000);
		expect(grid.times.at(-1)).toBe(grid.end * 1000);
	});
	it('never asks for more points than a line may have', () => {
		for (const days of [0.001, 1, 30, 4000]) {
			expect(gridOf({ start: 0, end: days * 86400e3 }, 100_000).times.length).toBeLessThanOrEqual(MAX_POINTS + 1);
		}
	});
});

describe('linesOf', () => {
	const grid = gridOf({ start: 0, end: 60e3 }, 120);
	const matrix = (values: [string, [number, string][]][]): QueryData => ({
		resultType: 'matrix',
		result: values.map(([job, points]) => ({ metric: { job }, values: points }))
	});
	it('leaves a gap where a point is missing or no number', () => {
		const data = matrix([
			[
				'a',
				[
					[0, '1'],
					[2, 'NaN'],
					[3, '+Inf'],
					[4, '5']
				]
			]
		]);
		const [line] = linesOf(data, grid, { index: 0, text: 'x' }, 10).series;
		expect(line?.values.slice(0, 5)).toEqual([1, null, null, null, 5]);
	});
	it('keeps the greatest when there are too many, and says how many there were', () => {
		const lines = linesOf(
			matrix([
				['a', [[0, '1']]],
				['b', [[0, '9']]],
				['c', [[0, '5']]]
			]),
			grid,
			{ index: 1, text: 'x' },
			2
		);
		expect(lines.found).toBe(3);
		expect(lines.series.map((one) => one.label)).toEqual(['b', 'c']);
		expect(lines.series[0]?.key).toBe('1:{job="b"}');
	});
});

describe('labels', () => {
	it('names lines by what tells them apart', () => {
		const metrics = [
			{ __name__: 'up', job: 'a', zone: 'z' },
			{ __name__: 'up', job: 'b', zone: 'z' }
		];
		expect(labelsOf(metrics, 'up')).toEqual(['a', 'b']);
		expect(labelsOf([{}], 'sum(up)')).toEqual(['sum(up)']);
		expect(labelsOf([{ job: 'a', zone: 'x' }, { job: 'b' }], 'up')).toEqual(['job=a, zone=x', 'job=b']);
	});
	it('writes a series as PromQL', () => {
		expect(selectorOf({ __name__: 'up', job: 'a"b' })).toBe('up{job="a\\"b"}');
		expect(selectorOf({ __name__: 'up' })).toBe('up');
		expect(selectorOf({})).toBe('{}');
	});
});

describe('unitOf', () => {
	it.each([
		['process_resident_memory_bytes', 'bytes'],
		['rate(clew_ingest_request_bytes_total[5m])', 'bytes'],
		['histogram_quantile(0.95, sum by (le) (rate(x_seconds_bucket[5m])))', 'seconds'],
		['rate(x_seconds_sum[5m]) / rate(x_seconds_count[5m])', 'seconds'],
		['rate(process_cpu_seconds_total[5m])', 'number'],
		['process_start_time_seconds', 'number'],
		['rate(x_seconds_count[5m])', 'number'],
		['count by (a) (x_bytes)', 'number'],
		['disk_used_ratio', 'percent'],
		['used_bytes / total_bytes', 'number'],
		['sum(up{path="x_bytes"})', 'number']
	])('%s is in %s', (query, unit) => expect(unitOf(query)).toBe(unit));
});

describe('instant answers', () => {
	it('makes a row of a scalar, and keeps its digits', () => {
		const [row] = rowsOf({ resultType: 'scalar', result: [1, '0.1234567890123'] });
		expect(row?.text).toBe('0.1234567890123');
	});
	it('sorts numbers in labels by size, and what is no number last', () => {
		const row = (le: string, text: string) => ({ metric: { le }, text, value: Number(text) });
		const rows = [row('10', 'NaN'), row('9', '1'), row('100', '2')];
		expect(sortRows(rows, 'le', false).map((one) => one.metric.le)).toEqual(['9', '10', '100']);
		expect(sortRows(rows, null, true).map((one) => one.text)).toEqual(['2', '1', 'NaN']);
		expect(labelColumns([{ metric: { b: '', __name__: '', a: '' }, text: '', value: 0 }])).toEqual([
			'__name__',
			'a',
			'b'
		]);
	});
});

describe('exemplarsOf', () => {
	it('keeps the greatest of each stretch, and those of the range alone', () => {
		const exemplars = Array.from({ length: 1000 }, (_, at) => ({
			labels: { trace_id: `t${at}` },
			value: String(at),
			timestamp: at
		}));
		const { shown, found } = exemplarsOf([{ seriesLabels: {}, exemplars }], { start: 0, end: 499_000 }, true);
		expect(found).toHaveLength(500);
		expect(shown).toHaveLength(MAX_EXEMPLARS);
		expect(shown.at(-1)).toMatchObject({ traceId: 't499', value: 499 });
	});
	it('holds an exemplar once when two queries, or one answer twice, find it', () => {
		const range = { start: 0, end: 9_000 };
		const exemplar = (at: number) => ({ labels: { trace_id: `t${at}` }, value: String(at), timestamp: at });
		const series = (...times: number[]) => [{ seriesLabels: { le: '1' }, exemplars: times.map(exemplar) }];
		const atTheFoot = exemplarsOf([...series(2, 4), ...series(4)], range, false);
		expect(atTheFoot.found).toHaveLength(2);
		const { shown, found } = together([atTheFoot, exemplarsOf(series(4, 3), range, true)]);
		expect(found).toHaveLength(3);
		// The one that both found stands where it was observed; all of them in order of time.
		expect(shown.map((one) => [one.traceId, one.value])).toEqual([
			['t2', null],
			['t3', 3],
			['t4', 4]
		]);
	});
});

describe('keepGood', () => {
	const answer = (query: string, text: string) => ({ data: { query, text }, isPlaceholderData: false });
	it('keeps the last answer to each query while it fails, and never that to another', () => {
		const kept = new Map<string, { query: string; text: string }>();
		keepGood(kept, ['a', 'b'], [answer('a', 'old'), answer('b', 'one')]);
		keepGood(kept, ['a', 'b'], [answer('a', 'new'), { data: undefined, isPlaceholderData: false }]);
		keepGood(kept, ['a', 'b'], [{ ...answer('a', 'of another time'), isPlaceholderData: true }, answer('b', 'one')]);
		expect([...kept.values()].map((one) => one.text)).toEqual(['new', 'one']);
	});
	it('drops what is no longer asked', () => {
		const kept = new Map<string, { query: string; text: string }>();
		for (let at = 0; at < 100; at += 1) keepGood(kept, [`q${at}`], [answer(`q${at}`, 'x')]);
		expect([...kept.keys()]).toEqual(['q99']);
		// The results may still be those of the queries before.
		keepGood(kept, ['next'], [answer('q99', 'x')]);
		expect(kept.size).toBe(0);
	});
});

describe('a line shown alone', () => {
	const range = { start: 0, end: 10_000 };
	const series = (outcome: string, ...times: number[]) => ({
		seriesLabels: { __name__: 'tasks_total', outcome, job: 'x' },
		exemplars: times.map((at) => ({ labels: { trace_id: `${outcome}${at}` }, value: String(at * 100), timestamp: at }))
	});
	const all = exemplarsOf([series('ok', 1, 2, 3), series('failed', 2, 4)], range, true);

	it('has the exemplars of its series, and no others', () => {
		const traces = (metric: Record<string, string>) => chosen(all, [{ metric }]).shown.map((one) => one.traceId);
		expect(traces({ outcome: 'failed' })).toEqual(['failed2', 'failed4']);
		expect(traces({ __name__: 'tasks_total', outcome: 'ok', job: 'x' })).toEqual(['ok1', 'ok2', 'ok3']);
		expect(chosen(all, [{ metric: {} }]).found).toHaveLength(5);
		expect(traces({ outcome: 'lost' })).toEqual([]);
		expect(chosen(all, [{ metric: { outcome: 'failed' } }]).found).toHaveLength(2);
	});

	it('is in the URL, by the shorter list', () => {
		const keys = ['0:a{x="1"}', '0:b', '0:c', '1:d'];
		const there = (hidden: string[]) => {
			const params = hiddenParams(keys, new Set(hidden));
			const search = new URLSearchParams();
			for (const [name, value] of Object.entries(params)) if (value) search.set(name, String(value));
			expect([...hiddenOf(new URLSearchParams(search.toString()), keys)]).toEqual(hidden);
			return [...search.keys()];
		};
		expect(there([])).toEqual([]);
		expect(there(['0:b', '0:c', '1:d'])).toEqual(['only']);
		expect(there(['0:b'])).toEqual(['hide']);
	});

	it('hides nothing when it is not there', () => {
		expect(hiddenOf(new URLSearchParams({ only: '0:gone' }), ['0:a', '0:b']).size).toBe(0);
		expect(hiddenOf(new URLSearchParams({ hide: '0:a\n0:b' }), ['0:a', '0:b']).size).toBe(0);
		expect([...hiddenOf(new URLSearchParams({ only: '0:a' }), ['0:a', '0:new'])]).toEqual(['0:new']);
	});
});

describe('a graph that is continued', () => {
	/** What a server answers: series by their name, with a point at each of these seconds from a first to a last. */
	const matrix = (series: Record<string, [number, number]>, start: number, end: number) => ({
		resultType: 'matrix' as const,
		result: Object.entries(series).flatMap(([name, [first, last]]) => {
			const times = [];
			for (let at = Math.max(first, start); at <= Math.min(last, end); at += 10) times.push(at);
			return times.length === 0
				? []
				: [{ metric: { name }, values: times.map((at): [number, string] => [at, `${at}`]) }];
		})
	});
	const sorted = (data: { result: unknown }) =>
		(data.result as { metric: { name: string } }[]).toSorted((a, b) => (a.metric.name < b.metric.name ? -1 : 1));

	it('is the one that the server would answer for all of it', () => {
		const series: Record<string, [number, number]> = {
			all: [0, 900],
			gone: [0, 150],
			came: [480, 900],
			short: [450, 460]
		};
		for (const moved of [0, 10, 60, 200]) {
			const before = matrix(series, 100, 500);
			const news = matrix(series, 460, 500 + moved);
			const joined = joinedMatrix(before, news, (100 + moved) * 1e3, 460e3);
			expect(sorted(joined)).toEqual(sorted(matrix(series, 100 + moved, 500 + moved)));
		}
	});

	it('is what came where that is no matrix', () => {
		const news = { resultType: 'scalar' as const, result: [1, '2'] as [number, string] };
		expect(joinedMatrix(matrix({}, 0, 1), news, 0, 1)).toBe(news);
	});

	it('says of the whole what was said of the answer that has the data, and every warning', () => {
		const none = matrix({}, 0, 1);
		const some = matrix({ a: [10, 20] }, 0, 100);
		const [absent, gauge] = ['no such series', 'might not be a counter'];
		const said = (before: typeof none, infos: string[], news: typeof none, newer: string[]) =>
			joinedAnswer(
				{ data: before, infos, warnings: ['old'] },
				{ data: news, infos: newer, warnings: ['new'] },
				0,
				90e3
			);
		// An empty end of a graph with data; data that came; nothing at all.
		expect(said(some, [gauge], none, [absent]).infos).toEqual([gauge]);
		expect(said(none, [absent], some, [gauge]).infos).toEqual([gauge]);
		expect(said(none, [], none, [absent]).infos).toEqual([absent]);
		expect(said(some, [], none, []).warnings).toEqual(['old', 'new']);
	});

	it('is asked whole where its points depend on the ends of the range', () => {
		for (const query of ['up @ start()', 'rate(a[5m] @end ( ))', 'sum(a @ end() offset 5m)'])
			expect(dependsOnRange(query)).toBe(true);
		for (const query of ['up', 'up @ 1609746000', 'start + end()', 'rate(a[5m])'])
			expect(dependsOnRange(query)).toBe(false);
	});
});
