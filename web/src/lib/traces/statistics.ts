import type { Trace } from './tree';

/** What the spans of one operation of a service sum up to; nanoseconds. */
export interface OperationStatistics {
	key: string;
	service: string;
	operation: string;
	spans: number;
	errors: number;
	total: number;
	self: number;
	p50: number;
	p95: number;
	longest: number;
	/** On the critical path. */
	critical: number;
}

export function statistics(
	trace: Trace,
	path: readonly { node: number; start: number; end: number }[]
): OperationStatistics[] {
	const groups = new Map<string, { durations: number[]; row: OperationStatistics }>();
	const critical = new Map<number, number>();
	for (const one of path) critical.set(one.node, (critical.get(one.node) ?? 0) + one.end - one.start);
	for (const node of trace.nodes) {
		const key = JSON.stringify([node.span.service, node.span.name]);
		const group = groups.get(key) ?? { durations: [], row: emptyRow(key, node.span.service, node.span.name) };
		groups.set(key, group);
		const length = node.end - node.start;
		group.durations.push(length);
		group.row.spans += 1;
		group.row.errors += node.error ? 1 : 0;
		group.row.total += length;
		group.row.self += node.self;
		group.row.critical += critical.get(node.index) ?? 0;
	}
	return [...groups.values()].map(({ durations, row }) => {
		durations.sort((a, b) => a - b);
		return { ...row, p50: quantile(durations, 0.5), p95: quantile(durations, 0.95), longest: durations.at(-1) ?? 0 };
	});
}

function emptyRow(key: string, service: string, operation: string): OperationStatistics {
	const zero = { spans: 0, errors: 0, total: 0, self: 0, p50: 0, p95: 0, longest: 0, critical: 0 };
	return { key, service, operation, ...zero };
}

/** The smallest value that at least this share of the sorted values does not exceed (nearest rank). */
export function quantile(sorted: readonly number[], share: number): number {
	return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

/** Sorts by a column: numbers from the largest, text from A, unless turned round. */
export function sortBy<T>(rows: readonly T[], value: (row: T) => number | string, reversed: boolean): T[] {
	const turn = reversed ? -1 : 1;
	return rows.toSorted((a, b) => {
		const left = value(a);
		const right = value(b);
		if (typeof left === 'number' && typeof right === 'number') return (right - left) * turn;
		return String(left).localeCompare(String(right)) * turn;
	});
}
