import { describe, expect, it } from 'vitest';
import type { Schema } from '$lib/api/client';
import { asked, guesses, looksLikeId, looksLikePromql, quoted, suggestions } from './omnibox';

const kinds = (text: string) => guesses(text).map((one) => one.kind);

describe('what the box makes of a text', () => {
	it.each([
		['4bf92f3577b34da6a3ce929d0e0e4736', 'trace'],
		['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', 'trace'],
		['4bf92f35-77b3-4da6-a3ce-929d0e0e4736', 'trace'],
		['100928739842039480293847502398475029384', 'trace'],
		['00f067aa0ba902b7', 'span'],
		['req-5eed0042', 'other'],
		['task:001', 'other'],
		['timeout', null],
		['connection reset', null]
	])('%s looks like %s', (text, like) => {
		expect(looksLikeId(text)).toBe(like);
	});

	it.each(['rate(http_requests_total[5m])', 'sum by (job) (up)', 'up{job="x"}', 'http_requests_total'])(
		'%s is PromQL',
		(text) => {
			expect(looksLikePromql(text)).toBe(true);
			expect(kinds(text)[0]).toBe('promql');
		}
	);

	it.each(['timeout', 'level:error', 'connection reset by peer', '"a phrase"', 'level:error AND service:worker'])(
		'%s is a log filter',
		(text) => {
			expect(kinds(text)[0]).toBe('logs');
		}
	);

	it('offers an ID first where a text can be one, and always the logs', () => {
		for (const text of ['req-5eed0042', 'task:001', 'session-17']) {
			expect(kinds(text)[0], text).toBe('id');
			expect(kinds(text), text).toContain('logs');
		}
	});

	it('takes LogQL for logs and > for a command', () => {
		expect(kinds('{service="worker"} |= "timeout"')[0]).toBe('logs');
		expect(guesses('> go to lo').map((one) => one.kind === 'command' && one.label)).toEqual(['Go to Logs']);
		expect(guesses('  ')).toEqual([]);
	});

	it('quotes an ID so that its dashes and quotes are no operators', () => {
		expect(quoted('req-1')).toBe('"req-1"');
		expect(quoted('a"b\\c')).toBe('"a\\"b\\\\c"');
		expect(quoted('abc123')).toBe('abc123');
	});
});

describe('what the box offers once the server has said what exists', () => {
	const named = (id: string, kind: string, logs: number, spans: number): Schema['NamedDto'] => ({
		id,
		kind,
		logs,
		spans,
		exemplars: 0,
		truncated: false
	});
	const resolved = (...candidates: Schema['NamedDto'][]): Schema['ResolutionDto'] => ({
		...(candidates[0] as Schema['NamedDto']),
		candidates
	});
	const titles = (text: string, answer?: Schema['ResolutionDto']) =>
		suggestions(text, answer, false).map((one) => `${one.title} | ${one.detail}`);

	it('ranks what exists before any search, with its counts', () => {
		expect(titles('task:89938d0c', resolved(named('task:89938d0c', 'correlation', 12, 6)))).toEqual([
			'Everything that carries task:89938d0c | 12 logs, 6 spans',
			'Search logs for task:89938d0c | Logs'
		]);
		expect(titles('shop', resolved(named('shop', 'service', 1, 40)))[0]).toBe('Service shop | 1 log, 40 spans');
		const trace = named('4bf92f3577b34da6a3ce929d0e0e4736', 'trace', 0, 2);
		expect(titles('x', resolved(trace)).slice(0, 2)).toEqual([
			`Trace ${trace.id} | 2 spans`,
			`Everything that carries ${trace.id} | 2 spans`
		]);
	});

	it('offers every ID of a pasted line', () => {
		const line = 'ERROR task failed request=req-1 task=task:2';
		const offered = titles(line, resolved(named('req-1', 'correlation', 3, 0), named('task:2', 'correlation', 1, 0)));
		expect(offered.slice(0, 2)).toEqual([
			'Everything that carries req-1 | 3 logs',
			'Everything that carries task:2 | 1 log'
		]);
	});

	it('puts an ID that nothing carries behind the search for its text', () => {
		const offered = titles('req-5eed0042', resolved(named('req-5eed0042', 'correlation', 0, 0)));
		expect(offered).toEqual([
			'Search logs for "req-5eed0042" | Logs',
			'Everything that carries req-5eed0042 | nothing carries it'
		]);
	});

	it('asks about texts, not about commands and selectors', () => {
		expect(asked('> dark')).toBeNull();
		expect(asked('{service="worker"} |= "x"')).toBeNull();
		expect(asked('{"task_id": "task:1"}')).toBe('{"task_id": "task:1"}');
		expect(asked(' task:1 ')).toBe('task:1');
		expect(asked('x'.repeat(20_000))).toHaveLength(8_000);
	});
});
