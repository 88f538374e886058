import { describe, expect, it } from 'vitest';
import { narrowedTo, sharesOf } from './contrast';

const apart = (key: string, value: string, service = 'front') => ({ service, key, value, selected: 9, rest: 2 });

describe('what sets traces apart', () => {
	it('is told by the share of each group, of those looked at', () => {
		const of = {
			selected: 100,
			rest: 900,
			looked_at_selected: 10,
			looked_at_rest: 80,
			attributes: [],
			truncated: false
		};
		expect(sharesOf(apart('a', 'b'), of)).toEqual({ selected: 0.9, rest: 0.025 });
		expect(sharesOf(apart('a', 'b'), { ...of, looked_at_rest: 0 }).rest).toBe(0);
	});

	it('narrows the search to one span that has it', () => {
		expect(narrowedTo(apart('region', 'a b'), { service: '', attrs: '' })).toEqual({
			service: 'front',
			attrs: 'region="a b"'
		});
		expect(narrowedTo(apart('region', 'ap'), { service: 'front', attrs: 'x=1' })).toMatchObject({
			attrs: 'x=1 region=ap'
		});
		expect(narrowedTo(apart('region', 'ap'), { service: 'front', attrs: 'region=ap' })).toMatchObject({
			attrs: 'region=ap'
		});
		expect(narrowedTo(apart('operation', 'retry'), { service: '', attrs: '' })).toMatchObject({ operation: 'retry' });
		expect(narrowedTo(apart('status', 'error', 'store'), { service: 'front', attrs: 'x=1' })).toMatchObject({
			service: 'store',
			status: 'error',
			attrs: '',
			operation: ''
		});
	});
});
