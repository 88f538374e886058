import { describe, expect, it } from 'vitest';
import { correlationOf, fieldOf, flatten, type Log, messageOf, millisOf } from './record';

function log(changes: Partial<Log> = {}): Log {
	return {
		id: '1795899005031593728-5825',
		time: '2026-11-28T20:50:05.031593728Z',
		time_unix_nano: '1795899005031593728',
		observed_time: '2026-11-28T20:50:08Z',
		severity: 'ERROR',
		severity_number: 17,
		severity_text: 'err',
		message: 'it failed',
		service: 'coder',
		attributes: {},
		...changes
	};
}

describe('records', () => {
	it('cuts nanoseconds to milliseconds without losing digits', () => {
		expect(millisOf(log())).toBe(Date.parse('2026-11-28T20:50:05.031Z'));
	});

	it('shows a structured message as JSON and an empty one by its event name', () => {
		expect(messageOf(log({ message: { a: 1 } }))).toBe('{"a":1}');
		expect(messageOf(log({ message: '', event_name: 'cache.miss' }))).toBe('cache.miss');
	});

	it('lists nested attributes by dotted paths, arrays under their own path', () => {
		expect(flatten({ a: { b: 1, 'c.d': true }, list: ['x', 'y'], none: null })).toEqual([
			{ name: 'a.b', value: '1' },
			{ name: 'a.c.d', value: 'true' },
			{ name: 'list', value: 'x' },
			{ name: 'list', value: 'y' }
		]);
	});

	it('finds fields by every name a query may use', () => {
		const one = log({
			attributes: { metadata: { task_id: 'task:1' }, 'http.method': 'GET', http: { status: 500 } },
			resource: { attributes: { 'host.name': 'node-1' } }
		});
		expect(fieldOf(one, 'task_id')).toBe('task:1');
		expect(fieldOf(one, 'metadata.task_id')).toBe('task:1');
		expect(fieldOf(one, 'http.method')).toBe('GET');
		expect(fieldOf(one, 'http.status')).toBe('500');
		expect(fieldOf(one, 'resource.host.name')).toBe('node-1');
		expect(fieldOf(one, 'level')).toBe('err');
		expect(fieldOf(one, 'absent')).toBe('');
	});

	it('prefers a correlation ID to other IDs, and those to the trace', () => {
		expect(correlationOf(log({ attributes: { task_id: 't1', correlation_id: 'c1' }, trace_id: 'ab' }))).toBe('c1');
		expect(correlationOf(log({ attributes: { task_id: 't1' }, trace_id: 'ab' }))).toBe('t1');
		expect(correlationOf(log({ trace_id: 'ab' }))).toBe('ab');
		expect(correlationOf(log())).toBeUndefined();
	});
});
