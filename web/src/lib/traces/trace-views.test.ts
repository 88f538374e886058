import { describe, expect, it } from 'vitest';
import { attributeFilter, namesAnId, parseAttributeFilter, shownAttributes } from './attributes';
import { findSpans, nextError, nextMatch, searchTexts } from './find';
import { quantile, sortBy, statistics } from './statistics';
import { spanOf, traceOf } from './testing';
import { clockFrom, preciseTime } from './time';
import { buildTrace } from './tree';
import { panned, parseWindow, ticks, windowText, within, zoomed } from './window';

describe('the search in a trace', () => {
	const trace = buildTrace(
		traceOf(
			spanOf('root', null, 0, 100, { name: 'POST /orders', service: 'web' }),
			spanOf('a', 'root', 10, 40, { attributes: { 'http.status_code': 500, user: 'Ada L' } }),
			spanOf('b', 'root', 50, 90, {
				status: { code: 'error', message: 'deadline exceeded' },
				events: [{ time: '', time_unix_nano: '0', name: 'exception', attributes: { 'exception.type': 'TimeoutError' } }]
			})
		)
	);
	const texts = searchTexts(trace);

	it('looks at names, attributes, statuses and events, case aside', () => {
		expect(findSpans(texts, 'orders')).toEqual([0]);
		expect(findSpans(texts, 'http.status_code=500')).toEqual([1]);
		expect(findSpans(texts, '"ada l"')).toEqual([1]);
		expect(findSpans(texts, 'DEADLINE')).toEqual([2]);
		expect(findSpans(texts, 'timeouterror')).toEqual([2]);
	});

	it('wants every word', () => {
		expect(findSpans(texts, 'ada 500')).toEqual([1]);
		expect(findSpans(texts, 'ada deadline')).toEqual([]);
		expect(findSpans(texts, '  ')).toEqual([]);
	});

	it('goes from match to match, around the ends', () => {
		expect(nextMatch([2, 5, 9], 5, 1)).toBe(9);
		expect(nextMatch([2, 5, 9], 9, 1)).toBe(2);
		expect(nextMatch([2, 5, 9], 2, -1)).toBe(9);
		expect(nextMatch([], 2, 1)).toBeUndefined();
		expect(nextError(trace, -1)?.index).toBe(2);
		expect(nextError(trace, 2)?.index).toBe(2);
	});
});

describe('statistics of a trace', () => {
	it('group by service and operation', () => {
		// Root 0-100 with calls 10-30, 40-50 and 60-90: it waits 60, works 40 itself.
		const trace = buildTrace(
			traceOf(
				spanOf('root', null, 0, 100, { name: 'GET', service: 'web' }),
				spanOf('q1', 'root', 10, 30, { name: 'query', service: 'db' }),
				spanOf('q2', 'root', 40, 50, { name: 'query', service: 'db', status: { code: 'error' } }),
				spanOf('q3', 'root', 60, 90, { name: 'query', service: 'db' })
			)
		);
		const rows = statistics(trace, [{ node: 1, start: 10, end: 30 }]);
		expect(rows).toHaveLength(2);
		expect(rows[0]).toMatchObject({ service: 'web', spans: 1, errors: 0, total: 100, self: 40, critical: 0 });
		expect(rows[1]).toMatchObject({
			spans: 3,
			errors: 1,
			total: 60,
			self: 60,
			p50: 20,
			p95: 30,
			longest: 30,
			critical: 20
		});
	});

	it('takes quantiles by nearest rank', () => {
		// https://en.wikipedia.org/wiki/Percentile#Worked_examples_of_the_nearest-rank_method
		const sorted = [15, 20, 35, 40, 50];
		expect([0.05, 0.3, 0.4, 0.5, 1].map((share) => quantile(sorted, share))).toEqual([15, 20, 20, 35, 50]);
		expect(quantile([], 0.5)).toBe(0);
	});

	it('sort numbers from the largest and text from A', () => {
		expect(sortBy([1, 3, 2], (row) => row, false)).toEqual([3, 2, 1]);
		expect(sortBy(['b', 'a'], (row) => row, false)).toEqual(['a', 'b']);
		expect(sortBy(['b', 'a'], (row) => row, true)).toEqual(['b', 'a']);
	});
});

describe('the window of a waterfall', () => {
	it('stays within the trace', () => {
		expect(within({ from: -50, to: 950 }, 10_000)).toEqual({ from: 0, to: 1_000 });
		expect(within({ from: 9_500, to: 10_500 }, 10_000)).toEqual({ from: 9_000, to: 10_000 });
		expect(within({ from: 8_000, to: 2_000 }, 10_000)).toEqual({ from: 2_000, to: 8_000 });
	});

	it('zooms around an instant and moves', () => {
		expect(zoomed({ from: 0, to: 10_000 }, 0.5, 2_000, 10_000)).toEqual({ from: 1_000, to: 6_000 });
		expect(zoomed({ from: 1_000, to: 6_000 }, 10, 2_000, 10_000)).toEqual({ from: 0, to: 10_000 });
		expect(panned({ from: 0, to: 1_000 }, 0.5, 10_000)).toEqual({ from: 500, to: 1_500 });
	});

	it('goes into the URL and back', () => {
		expect(windowText({ from: 500, to: 1_500 }, 10_000)).toBe('500-1500');
		expect(windowText({ from: 0, to: 10_000 }, 10_000)).toBe('');
		expect(parseWindow('500-1500', 10_000)).toEqual({ from: 500, to: 1_500 });
		expect(parseWindow('nonsense', 10_000)).toEqual({ from: 0, to: 10_000 });
	});

	it('has round ticks in one unit', () => {
		expect(ticks({ from: 0, to: 8_070_019_328 }, 5).map((one) => one.label)).toEqual([
			'0 s',
			'2 s',
			'4 s',
			'6 s',
			'8 s'
		]);
		expect(ticks({ from: 1_200_000, to: 1_700_000 }, 5).map((one) => one.label)).toEqual([
			'1.2 ms',
			'1.3 ms',
			'1.4 ms',
			'1.5 ms',
			'1.6 ms',
			'1.7 ms'
		]);
		expect(ticks({ from: 0, to: 100 }, 2).map((one) => one.label)).toEqual(['0 ns', '50 ns', '100 ns']);
	});
});

describe('attributes', () => {
	it('are filtered by key=value, quoted where they have blanks', () => {
		expect(parseAttributeFilter('http.status_code=500  error user="Ada \\"L\\"" q="a=b"')).toEqual([
			'http.status_code=500',
			'error',
			'user=Ada "L"',
			'q=a=b'
		]);
		expect(parseAttributeFilter('')).toEqual([]);
	});

	it('are written so that they are read back', () => {
		for (const value of ['500', 'two words', 'a "quoted" \\ one', '']) {
			expect(parseAttributeFilter(attributeFilter('key', value))).toEqual([`key=${value}`]);
		}
	});

	it('are IDs by name', () => {
		expect(['task_id', 'request.id', 'userId', 'correlation', 'id'].map(namesAnId)).not.toContain(false);
		expect(['grid', 'valid', 'identity', 'thread.id', 'http.route'].map(namesAnId)).not.toContain(true);
	});

	it('show lists on a line and objects in a box', () => {
		expect(shownAttributes({ list: ['a', 'b'], deep: { x: 1 }, n: 3, trace_id: 'ff' })).toEqual([
			{ name: 'list', text: '["a", "b"]', block: false, isId: false },
			{ name: 'deep', text: '{\n  "x": 1\n}', block: true, isId: false },
			{ name: 'n', text: '3', block: false, isId: false },
			{ name: 'trace_id', text: 'ff', block: false, isId: true }
		]);
	});
});

it('measures from an instant to the nanosecond, over a change of the second', () => {
	const since = clockFrom(1795898993999999999n);
	expect(since('1795898994000000001')).toBe(2);
	expect(since('1795898993999999000')).toBe(-999);
	expect(since('1795898993999999999')).toBe(0);
	expect(clockFrom(0n)('7')).toBe(7);
});

it('writes times to the microsecond', () => {
	expect(preciseTime('1795898993010104832')).toMatch(/^2026-11-2[789] \d\d:\d\d:53\.010104$/);
});
