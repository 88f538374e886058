import type { Schema } from '$lib/api/client';
import { LOG_ROWS_PER_SPAN } from './limits';
import type { LogMark } from './logs';
import type { SpanNode, Trace } from './tree';

/** A line of the waterfall. */
export type Row =
	| { kind: 'span'; key: string; node: SpanNode; dimmed: boolean; collapsed: boolean }
	| { kind: 'log'; key: string; node: SpanNode; mark: LogMark }
	| { kind: 'more'; key: string; node: SpanNode; left: number };

/** Which spans show their log records as rows. */
export const LOG_ROWS = ['off', 'selected', 'all'] as const;
export type LogRows = (typeof LOG_ROWS)[number];

export interface Wanted {
	/** IDs of spans whose subtree is hidden. */
	collapsed: ReadonlySet<string>;
	/** Services to show; all when empty. Ancestors of theirs stay, dimmed. */
	services: ReadonlySet<string>;
	/** Log records by index of the node. */
	logs: ReadonlyMap<number, readonly LogMark[]>;
	logRows: LogRows;
	/** Index of the selected node, or -1. */
	selected: number;
}

export function visibleRows(trace: Trace, wanted: Wanted): Row[] {
	const rows: Row[] = [];
	const kept = keptBy(trace, wanted.services);
	for (let at = 0; at < trace.nodes.length; ) {
		const node = trace.nodes[at];
		if (!node) break;
		if (kept[at] === HIDDEN) {
			// Nothing below is wanted either, or this would be an ancestor.
			at += node.size;
			continue;
		}
		const collapsed = node.size > 1 && wanted.collapsed.has(node.span.span_id);
		rows.push({ kind: 'span', key: spanKey(trace, node), node, dimmed: kept[at] === ANCESTOR, collapsed });
		if (wanted.logRows === 'all' || (wanted.logRows === 'selected' && wanted.selected === at)) {
			pushLogs(rows, trace, node, wanted.logs.get(at) ?? []);
		}
		at += collapsed ? node.size : 1;
	}
	return rows;
}

const HIDDEN = 0;
const ANCESTOR = 1;
const WANTED = 2;

function keptBy(trace: Trace, services: ReadonlySet<string>): Uint8Array {
	const kept = new Uint8Array(trace.nodes.length).fill(services.size === 0 ? WANTED : HIDDEN);
	if (services.size === 0) return kept;
	for (const node of trace.nodes.toReversed()) {
		if (services.has(node.span.service)) kept[node.index] = WANTED;
		if (kept[node.index] !== HIDDEN && kept[node.parent] === HIDDEN) kept[node.parent] = ANCESTOR;
	}
	return kept;
}

function pushLogs(rows: Row[], trace: Trace, node: SpanNode, marks: readonly LogMark[]) {
	for (const mark of marks.slice(0, LOG_ROWS_PER_SPAN)) rows.push({ kind: 'log', key: logKey(mark.log), node, mark });
	const left = marks.length - LOG_ROWS_PER_SPAN;
	if (left > 0) rows.push({ kind: 'more', key: `more-${spanKey(trace, node)}`, node, left });
}

/**
 * The key of a span's row: its ID, so that it stays the same row when the trace grows. Spans that carry the ID of an
 * earlier one are told apart by their index.
 */
export function spanKey(trace: Pick<Trace, 'byId'>, node: SpanNode): string {
	const id = node.span.span_id;
	return trace.byId.get(id) === node.index ? `span-${id}` : `span-${id}-${node.index}`;
}

export function logKey(log: Schema['LogDto']): string {
	return `log-${log.id}`;
}

/** What to expand so that a node has a row: the IDs of its collapsed ancestors. */
export function hiding(trace: Trace, node: SpanNode, collapsed: ReadonlySet<string>): string[] {
	const found: string[] = [];
	for (let at = trace.nodes[node.parent]; at; at = trace.nodes[at.parent]) {
		if (collapsed.has(at.span.span_id)) found.push(at.span.span_id);
	}
	return found;
}

/** The IDs of all spans that have children and are no root: collapsed, each root shows one level. */
export function allBelowRoots(trace: Trace): string[] {
	return trace.nodes.filter((node) => node.size > 1 && node.depth > 0).map((node) => node.span.span_id);
}
