import { describe, expect, it } from 'vitest';
import { guesses, looksLikeId, looksLikePromql, quoted } from './omnibox';

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
