import { describe, expect, it } from 'vitest';
import type { Schema } from '$lib/api/client';
import { coveredMillis } from '$lib/time/covered';
import { storyId } from './errors';
import { ratesOf, SAMPLES, type Sample, withSample } from './rates';
import { healthOf } from './services';

const log = (message: unknown, time: string, more = {}) =>
	({ id: time, message, time, service: 'coder', attributes: {}, ...more }) as unknown as Schema['LogDto'];

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

it('counts a rate over the part of the range that has data', () => {
	const at = (seconds: number) => new Date(seconds * 1e3).toISOString();
	const covered = (from?: string) => coveredMillis({ asked: { start: at(0), end: at(3600) }, covered_from: from });
	expect(covered(at(1800))).toBe(1800e3);
	expect(covered()).toBe(3600e3);
	expect(covered(at(-50))).toBe(3600e3);
	expect(covered(at(3600))).toBe(1e3);
});
