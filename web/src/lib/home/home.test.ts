import { describe, expect, it } from 'vitest';
import type { Schema } from '$lib/api/client';
import { groupErrors, maskMessage, storyId, TREND_BUCKETS } from './errors';
import { ratesOf, SAMPLES, type Sample, withSample } from './rates';
import { healthOf } from './services';

const log = (message: unknown, time: string, more = {}) =>
	({ id: time, message, time, service: 'coder', attributes: {}, ...more }) as unknown as Schema['LogDto'];

describe('masking', () => {
	it('hides what differs between two messages of one cause', () => {
		expect(maskMessage('task task:691 failed: TimeoutError: llm did not answer in 4 s')).toBe(
			'task task:# failed: TimeoutError: llm did not answer in # s'
		);
		expect(maskMessage('cannot open "/var/x 1.json" for req-7dabe049')).toBe('cannot open "…" for req-<id>');
		expect(maskMessage('user 6f9619ff-8b86-d011-b42d-00c04fc964ff at 0xDEADBEEF')).toBe('user <id> at <id>');
		expect(maskMessage('from 10.0.0.1:8080 in 1.5 s')).toBe('from # in # s');
	});

	it('keeps words that are hex by chance, and only the first line', () => {
		expect(maskMessage('facade decade\n  at main')).toBe('facade decade');
	});
});

describe('grouping errors', () => {
	const start = Date.UTC(2026, 10, 28, 20);
	const end = start + 3600e3;
	const groups = groupErrors(
		[
			log('task 3 failed', '2026-11-28T20:59:59Z', { service: 'reviewer' }),
			log({ code: 1 }, '2026-11-28T20:30:00Z'),
			log('task 2 failed', '2026-11-28T20:00:01Z')
		],
		start,
		end
	);

	it('counts, keeps the newest and says where and when', () => {
		expect(groups.map((group) => [group.pattern, group.count])).toEqual([
			['task # failed', 2],
			['{"…":#}', 1]
		]);
		expect(groups[0]).toMatchObject({
			example: 'task 3 failed',
			services: ['reviewer', 'coder'],
			first: start + 1000,
			last: end - 1000
		});
	});

	it('draws when they came', () => {
		const trend = groups[0]?.trend ?? [];
		expect(trend).toHaveLength(TREND_BUCKETS);
		expect([trend[0], trend[TREND_BUCKETS - 1]]).toEqual([1, 1]);
	});
});

describe('the story of a record', () => {
	it('is found by a correlation field, nested or not, else by its trace', () => {
		expect(storyId(log('', '', { attributes: { task_id: 't', correlation_id: 'c' } }))).toBe('c');
		expect(storyId(log('', '', { attributes: { context: { task_id: 'task:1' } } }))).toBe('task:1');
		expect(storyId(log('', '', { trace_id: 'a' }))).toBe('a');
		expect(storyId(log('', ''))).toBeNull();
	});
});

describe('ingest rates', () => {
	const sample = (at: number, logs: number, started = 'a'): Sample => ({
		at,
		started,
		accepted: { logs, metrics: 0, traces: 0 }
	});

	it('are records a second between two looks', () => {
		expect(ratesOf([sample(0, 100), sample(5000, 600), sample(7000, 600)], 'logs')).toEqual([100, 0]);
	});

	it('do not span a restart, and are bounded', () => {
		const two = withSample([sample(0, 100)], sample(5000, 3, 'b'));
		expect(two).toEqual([sample(5000, 3, 'b')]);
		let many: Sample[] = [];
		for (let at = 1; at <= 2 * SAMPLES; at += 1) many = withSample(many, sample(at, at));
		expect(many).toHaveLength(SAMPLES);
		expect(withSample(many, sample(1, 9))).toEqual(many);
	});
});

describe('health of services', () => {
	it('puts the greatest share of errors first', () => {
		const service = (name: string, spans: number, errors: number) =>
			({ name, spans, errors, logs: 0 }) as Schema['ServiceDto'];
		const health = healthOf([service('a', 100, 0), service('b', 10, 1), service('c', 0, 0), service('d', 200, 0)], 10);
		expect(health.map((one) => one.name)).toEqual(['b', 'd', 'a', 'c']);
		expect(health[0]).toMatchObject({ rate: 1, errorShare: 0.1, p95: null });
	});
});
