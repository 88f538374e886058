import { describe, expect, it } from 'vitest';
import { entriesOf, queryFor, startersOf } from './metadata';

const names = [
	'jobs_total',
	'lag_seconds_bucket',
	'lag_seconds_count',
	'lag_seconds_sum',
	'depth',
	'up',
	'clew_bytes',
	'page_count'
];
const metadata = {
	jobs: [{ type: 'counter', help: 'Jobs done.' }],
	lag_seconds: [{ type: 'histogram', help: 'Lag.' }],
	depth: [{ type: 'gauge', help: '' }],
	clew_bytes: [{ type: 'gauge', help: 'Bytes.' }]
};
const counts = new Map([
	['lag_seconds_bucket', 10],
	['lag_seconds_count', 1],
	['lag_seconds_sum', 1]
]);

describe('entriesOf', () => {
	const entries = entriesOf(names, metadata, counts);
	const entry = (name: string) => entries.find((one) => one.name === name);

	it('makes one entry of a histogram, with the series of all its parts', () => {
		expect(entry('lag_seconds')).toMatchObject({ type: 'histogram', help: 'Lag.', series: 12, buckets: true });
		expect(entry('lag_seconds_bucket')).toBeUndefined();
	});
	it('leaves a metric alone whose name only looks like a part', () => {
		expect(entry('page_count')?.type).toBe('unknown');
	});
	it('finds the metadata of a counter without its suffix', () => {
		expect(entry('jobs_total')).toMatchObject({ type: 'counter', help: 'Jobs done.' });
	});
	it('asks each type in the way that shows it', () => {
		const query = (name: string) => entries.filter((one) => one.name === name).map((one) => queryFor(one))[0];
		expect(query('jobs_total')).toBe('rate(jobs_total[5m])');
		expect(query('lag_seconds')).toBe('histogram_quantile(0.95, sum by (le) (rate(lag_seconds_bucket[5m])))');
		expect(query('depth')).toBe('depth');
	});
});

describe('startersOf', () => {
	it('offers only metrics that exist, those of the watched systems before our own', () => {
		const starters = startersOf(entriesOf(names, metadata, null)).map((one) => one.query);
		expect(starters[0]).toBe('up');
		expect(starters).toContain('rate(jobs_total[5m])');
		expect(starters.indexOf('depth')).toBeLessThan(starters.indexOf('clew_bytes'));
		expect(startersOf([])).toEqual([]);
	});
});
