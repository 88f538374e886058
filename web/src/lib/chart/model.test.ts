import { describe, expect, it } from 'vitest';
import { isolate, stacked, summarize, toggle } from './model';

describe('summarize', () => {
	it('leaves gaps out of the mean and takes the last value before a gap', () => {
		expect(summarize([null, 2, 4, null, 9, null])).toEqual({ min: 2, max: 9, mean: 5, last: 9 });
	});
	it('says nothing of a series without values', () => {
		expect(summarize([null, null])).toEqual({ min: null, max: null, mean: null, last: null });
	});
});

describe('stacked', () => {
	it('adds each series to those below it, and keeps a gap that all have', () => {
		expect(
			stacked([
				[1, 2, null],
				[10, null, null]
			])
		).toEqual([
			[1, 2, null],
			[11, 2, null]
		]);
	});
});

describe('visibility', () => {
	const keys = ['a', 'b', 'c'];
	it('shows one alone, and all again on the second click', () => {
		const alone = isolate(keys, new Set(), 'b');
		expect([...alone]).toEqual(['a', 'c']);
		expect(isolate(keys, alone, 'b').size).toBe(0);
	});
	it('moves to another when that is clicked', () => {
		expect([...isolate(keys, new Set(['a', 'c']), 'a')]).toEqual(['b', 'c']);
	});
	it('never hides the last one', () => {
		expect([...toggle(keys, new Set(['a', 'c']), 'b')]).toEqual(['a', 'c']);
		expect([...toggle(keys, new Set(['a', 'c']), 'c')]).toEqual(['a']);
	});
});
