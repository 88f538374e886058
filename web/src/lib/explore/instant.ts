import type { Point, QueryData, Series } from '$lib/api/prometheus';
import { parseValue } from './matrix';

/** Answers of instant queries as rows of a table. */

/** How many rows a table shows. */
export const MAX_ROWS = 1_000;

export interface Row {
	metric: Record<string, string>;
	/** As Prometheus writes it: no digit is lost. */
	text: string;
	/** For sorting. */
	value: number;
}

/** A row for each series, or one for a scalar or string. */
export function rowsOf(data: QueryData): Row[] {
	if (data.resultType === 'scalar' || data.resultType === 'string') {
		const [, text] = data.result as Point;
		return [{ metric: {}, text, value: parseValue(text) }];
	}
	return (data.result as Series[]).map((one) => ({ metric: one.metric, ...shownOf(one) }));
}

function shownOf(series: Series): { text: string; value: number } {
	if (series.value) return { text: series.value[1], value: parseValue(series.value[1]) };
	const histogram = series.histogram?.[1] ?? series.histograms?.at(-1)?.[1];
	if (histogram) return { text: `count ${histogram.count}, sum ${histogram.sum}`, value: parseValue(histogram.count) };
	const last = series.values?.at(-1);
	if (!last) return { text: '', value: Number.NaN };
	const samples = series.values?.length ?? 0;
	return { text: `${last[1]} (last of ${samples} samples)`, value: parseValue(last[1]) };
}

/** The labels that rows have, as columns: the metric's name first, then by name. */
export function labelColumns(rows: readonly Row[]): string[] {
	const names = new Set(rows.flatMap((row) => Object.keys(row.metric)));
	const named = names.delete('__name__');
	const sorted = [...names].sort((a, b) => a.localeCompare(b, 'en'));
	return named ? ['__name__', ...sorted] : sorted;
}

/** Rows by a label (numbers in it by size) or by value; what is no number is last. */
export function sortRows(rows: readonly Row[], column: string | null, down: boolean): Row[] {
	const sign = down ? -1 : 1;
	return [...rows].sort((a, b) => {
		if (column !== null) {
			return (a.metric[column] ?? '').localeCompare(b.metric[column] ?? '', 'en', { numeric: true }) * sign;
		}
		if (Number.isNaN(a.value) || Number.isNaN(b.value))
			return Number(Number.isNaN(a.value)) - Number(Number.isNaN(b.value));
		return a.value === b.value ? 0 : (a.value < b.value ? -1 : 1) * sign;
	});
}
