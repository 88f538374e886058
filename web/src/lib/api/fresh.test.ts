import { describe, expect, it } from 'vitest';
import { Continued, LATE } from './fresh';

const range = (start: number, end: number) => ({ start: start * 1e3, end: end * 1e3 });

describe('an answer that is continued', () => {
	const kept = () => {
		const one = new Continued<string>();
		one.keep('errors', range(0, 3600), 'first', false);
		return one;
	};

	it('is asked on from a little before its end', () => {
		expect(kept().before('errors', range(10, 3610), true)).toEqual({ data: 'first', from: 3600e3 - LATE });
		expect(kept().before('errors', range(3590, 3610), true)).toEqual({ data: 'first', from: 3590e3 });
	});

	it('is asked whole by a person, for another subject, over a gap, into the past, and now and then', () => {
		expect(kept().before('errors', range(10, 3610), false)).toBeNull();
		expect(kept().before('warnings', range(10, 3610), true)).toBeNull();
		expect(kept().before('errors', range(3700, 7300), true)).toBeNull();
		expect(kept().before('errors', range(-10, 3610), true)).toBeNull();
		expect(kept().before('errors', range(0, 3500), true)).toBeNull();
		const one = kept();
		let whole = 0;
		for (let at = 1; at <= 100; at += 1) {
			const before = one.before('errors', range(at, 3600 + at), true);
			if (before === null) whole += 1;
			one.keep('errors', range(at, 3600 + at), 'x', before !== null);
		}
		expect(whole).toBe(4);
	});

	it('is taken as it is while it is young, unless a person asks', () => {
		expect(kept().recent('errors', range(20, 3620), true, 30_000)).toBe('first');
		expect(kept().recent('errors', range(40, 3640), true, 30_000)).toBeNull();
		expect(kept().recent('errors', range(20, 3620), false, 30_000)).toBeNull();
		expect(kept().recent('other', range(20, 3620), true, 30_000)).toBeNull();
		// Back from a range of an hour to one of a day.
		expect(kept().recent('errors', range(-82_780, 3620), true, 30_000)).toBeNull();
	});
});
