import type { Schema } from '$lib/api/client';
import type { Area, Selection } from './scatter';

/** Traces counted by the server in cells of start and duration. */
export type Density = Schema['TraceDensityDto'];

export interface Cell {
	column: number;
	row: number;
	traces: number;
	failed: number;
}

/** Columns and rows that the plot asks for. */
export const COLUMNS = 120;
export const ROWS = 24;

export function cellsOf(density: Density): Cell[] {
	return density.cells.map(([column = 0, row = 0, traces = 0, failed = 0]) => ({ column, row, traces, failed }));
}

/** What the plot spans: the columns, and the durations with some air; never a single line. */
export function densityExtent(density: Density): Area {
	const from = Date.parse(density.start);
	const to = from + density.columns * density.step_millis;
	const least = density.durations[0];
	const most = density.durations.at(-1);
	if (least === undefined || most === undefined) return { from, to, min: 1e6, max: 1e9 };
	const air = most / least < 2 ? 1.5 : 1.06;
	return { from, to, min: least / air, max: most * air };
}

/** The bounds of a cell in the units of the plot. */
export function cellArea(density: Density, cell: Cell): Area {
	const from = Date.parse(density.start) + cell.column * density.step_millis;
	const least = density.durations[cell.row] ?? 1;
	const above = density.durations[cell.row + 1] ?? least;
	return { from, to: from + density.step_millis, min: least, max: above };
}

/**
 * The cells that an area touches, as the server can be asked for them, and what they hold: what is counted here is what a
 * search for it finds.
 */
export function cellsIn(density: Density, area: Area): { selection: Selection; traces: number; failed: number } {
	const start = Date.parse(density.start);
	const columnOf = (at: number) => clamp(Math.floor((at - start) / density.step_millis), density.columns - 1);
	const last = Math.max(0, density.durations.length - 2);
	const rowOf = (took: number) => {
		const above = density.durations.findIndex((edge) => edge > took);
		return clamp((above < 0 ? density.durations.length : above) - 1, last);
	};
	const [first, until] = [columnOf(area.from), columnOf(area.to)];
	const [low, high] = [rowOf(area.min), rowOf(area.max)];
	let traces = 0;
	let failed = 0;
	for (const cell of cellsOf(density)) {
		if (cell.column < first || cell.column > until || cell.row < low || cell.row > high) continue;
		traces += cell.traces;
		failed += cell.failed;
	}
	const selection = {
		from: start + first * density.step_millis,
		to: start + (until + 1) * density.step_millis - 1,
		min: density.durations[low] ?? 0,
		// The last row holds the longest itself.
		max: (density.durations[high + 1] ?? 0) - (high === last ? 0 : 1),
		open: first === 0
	};
	return { selection, traces, failed };
}

function clamp(value: number, most: number): number {
	return Math.max(0, Math.min(most, value));
}

/** How strongly a cell is drawn, 0 to 1: by the logarithm, so that one trace among thousands is still seen. */
export function strength(traces: number, most: number): number {
	if (most <= 1) return 0.8;
	return 0.3 + 0.7 * (Math.log(traces) / Math.log(most));
}
