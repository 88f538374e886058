import { describe, expect, it } from 'vitest';
import { type Bucket, bucketAt, bucketsOf, millisAt, niceMax, stackPaths, totals, xOf } from './bars';

const none = { unspecified: 0, trace: 0, debug: 0, info: 0, warn: 0, error: 0, fatal: 0 };
const plot = { left: 10, width: 100, height: 50, start: 1000, end: 2000 };

function bucket(start: number, counts: Partial<Bucket['counts']>): Bucket {
	const all = { ...none, ...counts };
	return { start, end: start + 500, counts: all, total: Object.values(all).reduce((sum, one) => sum + one, 0) };
}

describe('histogram geometry', () => {
	it('reads buckets from nanoseconds as text', () => {
		const found = bucketsOf({
			step_nanos: '10000000000',
			total: 3,
			buckets: [{ start: '', start_unix_nano: '1795898400000000000', total: 3, counts: { ...none, warn: 3 } }]
		});
		expect(found[0]).toMatchObject({ start: 1795898400000, end: 1795898410000, total: 3 });
	});

	it('maps time to pixels and back, and clips to the plot', () => {
		expect(xOf(plot, 1500)).toBe(60);
		expect(xOf(plot, 500)).toBe(10);
		expect(millisAt(plot, 60)).toBe(1500);
		expect(millisAt(plot, 900)).toBe(2000);
	});

	it('stacks the most severe at the base and lets one error among thousands be seen', () => {
		const paths = stackPaths([bucket(1000, { error: 1, info: 5000 })], plot, 5001);
		expect(paths.map((path) => path.key)).toEqual(['error', 'info']);
		expect(paths[0]?.d).toBe('M10.0 49.0h49.0V50.0h-49.0z');
	});

	it('sums by severity and finds the bucket of an instant', () => {
		const buckets = [bucket(1000, { warn: 2 }), bucket(1500, { warn: 1, debug: 4 })];
		expect(totals(buckets)).toMatchObject({ warn: 3, debug: 4, fatal: 0 });
		expect(bucketAt(buckets, 1499)).toBe(0);
		expect(bucketAt(buckets, 1500)).toBe(1);
		expect(bucketAt(buckets, 2000)).toBe(-1);
	});

	it('rounds the axis up to 1, 2 or 5', () => {
		expect([0, 1, 3, 7, 11, 50, 501].map(niceMax)).toEqual([1, 1, 5, 10, 20, 50, 1000]);
	});
});
