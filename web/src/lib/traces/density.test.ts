import { describe, expect, it } from 'vitest';
import { cellArea, cellsIn, cellsOf, type Density, densityExtent, strength } from './density';

const density: Density = {
	traces: 17,
	failed: 3,
	started_before: 1,
	start: '1970-01-01T00:00:10Z',
	step_millis: 100,
	columns: 10,
	durations: [1_000, 10_000, 100_000, 1_000_000],
	cells: [
		[0, 0, 5, 0],
		[4, 1, 7, 1],
		[4, 2, 2, 2],
		[9, 2, 3, 0]
	]
};

describe('a density', () => {
	it('spans its columns, and durations with air', () => {
		expect(densityExtent(density)).toMatchObject({ from: 10_000, to: 11_000 });
		const one = densityExtent({ ...density, durations: [7, 7] });
		expect(one.min).toBeLessThan(7);
		expect(one.max).toBeGreaterThan(7);
		expect(densityExtent({ ...density, durations: [], cells: [] }).max).toBeGreaterThan(1);
	});

	it('has cells with bounds', () => {
		const [, cell] = cellsOf(density);
		expect(cell).toEqual({ column: 4, row: 1, traces: 7, failed: 1 });
		if (cell) expect(cellArea(density, cell)).toEqual({ from: 10_400, to: 10_500, min: 10_000, max: 100_000 });
	});

	it('counts the cells that a brush touches and says where they end, so that a search finds as many', () => {
		expect(cellsIn(density, { from: 10_350, to: 10_450, min: 20_000, max: 30_000 })).toEqual({
			traces: 7,
			failed: 1,
			selection: { from: 10_300, to: 10_499, min: 10_000, max: 99_999, open: false }
		});
		expect(cellsIn(density, { from: 0, to: 99_999, min: 0, max: 1e12 })).toEqual({
			traces: 17,
			failed: 3,
			selection: { from: 10_000, to: 10_999, min: 1_000, max: 1_000_000, open: true }
		});
		expect(cellsIn(density, { from: 10_900, to: 10_910, min: 200_000, max: 200_001 }).traces).toBe(3);
	});

	it('is drawn by the logarithm of its counts', () => {
		expect(strength(1, 1)).toBeGreaterThan(0.5);
		expect(strength(1, 10_000)).toBeCloseTo(0.3);
		expect(strength(10_000, 10_000)).toBeCloseTo(1);
	});
});
