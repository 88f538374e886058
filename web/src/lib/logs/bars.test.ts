import { describe, expect, it } from 'vitest';
import {
	type Bucket,
	bucketAt,
	bucketsOf,
	endsOf,
	joined,
	millisAt,
	niceMax,
	stackPaths,
	totals,
	withArrivals,
	xOf
} from './bars';

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

describe('counts while records arrive', () => {
	const counts = { fatal: 0, error: 0, warn: 0, info: 2, debug: 0, trace: 0, unspecified: 0 };
	const bucket = (at: number) => ({ start: '', start_unix_nano: `${at}000000`, total: 2, counts });
	const data = { step_nanos: '1000000000', total: 4, buckets: [bucket(10_000), bucket(11_000)] } as never;
	const log = (at: string, severity: string) => ({ time_unix_nano: at, severity });

	it('take in what happened after they were made, in old buckets and new ones', () => {
		const found = withArrivals(
			data,
			[log('11500999999', 'INFO'), log('11501000000', 'ERROR'), log('13000000000', ''), log('10000000000', 'INFO')],
			11_500
		);
		expect(found.total).toBe(6);
		expect(found.buckets.map((one) => [one.start_unix_nano, one.total])).toEqual([
			['10000000000', 2],
			['11000000000', 3],
			['12000000000', 0],
			['13000000000', 1]
		]);
		expect(found.buckets[1]?.counts).toMatchObject({ info: 2, error: 1 });
		expect(found.buckets[3]?.counts.unspecified).toBe(1);
	});

	it('stay as they are where nothing came, or what came lies far ahead or before the first bucket', () => {
		expect(withArrivals(data, [], 11_500)).toBe(data);
		const ahead = withArrivals(data, [log('99999000000000', 'INFO')], 11_500);
		expect([ahead.buckets.length, ahead.total]).toEqual([2, 4]);
		const before = withArrivals(data, [log('9000000000', 'INFO'), log('9999999999', 'ERROR')], 8_000);
		expect([before.buckets.length, before.total]).toEqual([2, 4]);
	});

	it('add up to the total', () => {
		const arrived = ['9000000000', '11600000000', '12000000000', '99999000000000'].map((at) => log(at, 'INFO'));
		const found = withArrivals(data, arrived, 8_000);
		expect(found.total).toBe(6);
		expect(found.buckets.reduce((sum, one) => sum + one.total, 0)).toBe(found.total);
	});
});

describe('counts of a range that moved on', () => {
	const zero = { fatal: 0, error: 0, warn: 0, info: 0, debug: 0, trace: 0, unspecified: 0 };
	/** What a server counts: records at these seconds, in buckets of ten seconds. */
	const count = (times: readonly number[], start: number, end: number) => {
		const buckets = [];
		for (let at = Math.floor(start / 10) * 10; at <= end; at += 10) {
			const total = times.filter((one) => one >= at && one < at + 10 && one >= start && one <= end).length;
			buckets.push({ start: '', start_unix_nano: `${at}000000000`, total, counts: { ...zero, info: total } });
		}
		return { step_nanos: '10000000000', buckets, total: buckets.reduce((sum, one) => sum + one.total, 0) } as never;
	};

	it('are those that the server would count anew', () => {
		const times = Array.from({ length: 400 }, (_, at) => at * 0.75);
		for (const [start, moved] of [
			[3, 7],
			[0, 10],
			[5, 0.5],
			[9.999, 25]
		] as const) {
			const old = count(
				times.filter((one) => one <= start + 200),
				start,
				start + 200
			);
			const range = { start: (start + moved) * 1e3, end: (start + moved + 200) * 1e3 };
			const ends = endsOf(old, range, (start + 200 - 30) * 1e3);
			if (!ends) throw new Error('nothing stays');
			const head = count(times, start + moved, ends.headEnd / 1e3);
			const tail = count(times, ends.tailStart / 1e3, start + moved + 200);
			expect(joined(head, old, tail)).toMatchObject(count(times, start + moved, start + moved + 200));
		}
	});

	it('are counted whole where little stays', () => {
		expect(endsOf(count([], 0, 40), { start: 30e3, end: 70e3 }, 30e3)).toBeNull();
	});
});
