import type { Schema } from '$lib/api/client';
import { clockFrom, toNanos } from './time';

/**
 * The spans of a trace as a tree, in the order in which a waterfall shows them. What real senders do is taken as it is:
 * parents that never arrived, clocks that differ, IDs used twice, circles of parents.
 */
export interface SpanNode {
	span: Schema['SpanDto'];
	/** Its place in `Trace.nodes`: parents stand before children, subtrees in one piece. */
	index: number;
	/** Index of the parent, or -1. */
	parent: number;
	/** Indexes of the children, by start. */
	children: number[];
	/** 0 for roots. */
	depth: number;
	/** How many nodes its subtree has, itself included: `index + size` is the next one outside it. */
	size: number;
	/** Nanoseconds since the start of the trace. */
	start: number;
	/** Nanoseconds since the start of the trace; never before `start`. */
	end: number;
	/** Nanoseconds in which none of its children ran. */
	self: number;
	/** The span names a parent that is not in the trace (or only in a circle). */
	orphan: boolean;
	/** It starts before its parent: their clocks differ. */
	skewed: boolean;
	error: boolean;
	/** Spans with an error in its subtree, itself included. */
	errors: number;
	/** Start of the first and end of the last span of the subtree, nanoseconds since the start of the trace. */
	reach: [number, number];
}

export interface Trace {
	id: string;
	nodes: SpanNode[];
	/** Indexes of the nodes without a parent, by start. */
	roots: number[];
	/** The root that the trace is called after: the first span without a parent, else the first of all. */
	main: SpanNode | undefined;
	/** Unix nanoseconds of the first start. */
	origin: bigint;
	/** Nanoseconds from the first start to the last end. */
	duration: number;
	/** Services by spans, most first. */
	services: { name: string; spans: number; errors: number }[];
	errors: number;
	orphans: number;
	/** Index of a span by its ID; of spans that share an ID, the first. */
	byId: Map<string, number>;
}

/** Builds the tree; linear but for the sorting, and without recursion: a chain of 10,000 spans is no problem. */
export function buildTrace(dto: Pick<Schema['TraceDto'], 'trace_id' | 'spans'>): Trace {
	const spans = dto.spans;
	const origin = toNanos(firstStart(spans));
	const since = clockFrom(origin);
	const draft = spans.map((span, at) => ({
		span,
		at,
		start: since(span.start_unix_nano),
		duration: Math.max(0, span.duration_nanos)
	}));
	const parents = parentsOf(spans);
	const byStart = (a: number, b: number) => (draft[a]?.start ?? 0) - (draft[b]?.start ?? 0) || a - b;
	const children: number[][] = spans.map(() => []);
	const roots: number[] = [];
	parents.forEach((parent, at) => {
		(children[parent] ?? roots).push(at);
	});
	for (const list of children) list.sort(byStart);
	roots.sort(byStart);

	const nodes: SpanNode[] = [];
	const places = new Array<number>(spans.length).fill(-1);
	const stack = roots.toReversed();
	for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
		const one = draft[at];
		if (!one) continue;
		const parent = nodes[places[parents[at] ?? -1] ?? -1];
		places[at] = nodes.length;
		nodes.push(nodeOf(one, nodes.length, parent));
		for (const child of (children[at] ?? []).toReversed()) stack.push(child);
	}
	for (const node of nodes) nodes[node.parent]?.children.push(node.index);
	sumUp(nodes);
	return summary(dto.trace_id, nodes, origin);
}

/** The earliest start, as text: numbers without a sign compare by length, then by digits. */
function firstStart(spans: readonly Schema['SpanDto'][]): string {
	let first = spans[0]?.start_unix_nano ?? '0';
	for (const { start_unix_nano: start } of spans) {
		if (start.length < first.length || (start.length === first.length && start < first)) first = start;
	}
	return first;
}

/** The place of each span's parent, -1 for none; circles are cut at the span of theirs that comes first. */
function parentsOf(spans: readonly Schema['SpanDto'][]): number[] {
	const places = firstPlaces(spans);
	const parents = spans.map((span, at) => {
		const parent = span.parent_span_id ? places.get(span.parent_span_id) : undefined;
		return parent === undefined || parent === at ? -1 : parent;
	});
	// 0: not seen, otherwise the number of the walk that saw it; a walk that meets itself has found a circle.
	const seen = new Uint32Array(spans.length);
	for (let first = 0; first < spans.length; first += 1) {
		let at = first;
		while (at !== -1 && seen[at] === 0) {
			seen[at] = first + 1;
			at = parents[at] ?? -1;
		}
		if (at !== -1 && seen[at] === first + 1) parents[earliestOf(parents, at)] = -1;
	}
	return parents;
}

function firstPlaces(spans: readonly Schema['SpanDto'][]): Map<string, number> {
	const places = new Map<string, number>();
	spans.forEach((span, at) => {
		if (!places.has(span.span_id)) places.set(span.span_id, at);
	});
	return places;
}

/** The span of a circle that comes first: spans are sorted by start. */
function earliestOf(parents: readonly number[], member: number): number {
	let earliest = member;
	for (let at = parents[member] ?? -1; at !== member && at !== -1; at = parents[at] ?? -1) {
		earliest = Math.min(earliest, at);
	}
	return earliest;
}

function nodeOf(
	one: { span: Schema['SpanDto']; start: number; duration: number },
	index: number,
	parent: SpanNode | undefined
): SpanNode {
	const end = one.start + one.duration;
	const error = one.span.status.code === 'error';
	return {
		span: one.span,
		index,
		parent: parent?.index ?? -1,
		children: [],
		depth: parent ? parent.depth + 1 : 0,
		size: 1,
		start: one.start,
		end,
		self: one.duration,
		orphan: !parent && Boolean(one.span.parent_span_id),
		skewed: parent !== undefined && one.start < parent.start,
		error,
		errors: error ? 1 : 0,
		reach: [one.start, end]
	};
}

/** Sizes, errors, reach and self times, from the leaves to the roots. */
function sumUp(nodes: SpanNode[]) {
	for (const node of nodes.toReversed()) {
		node.self = selfTime(node, nodes);
		const parent = nodes[node.parent];
		if (!parent) continue;
		parent.size += node.size;
		parent.errors += node.errors;
		parent.reach = [Math.min(parent.reach[0], node.reach[0]), Math.max(parent.reach[1], node.reach[1])];
	}
}

/** Its duration less the time in which at least one child ran; children count only while it ran itself. */
function selfTime(node: SpanNode, nodes: readonly SpanNode[]): number {
	let covered = 0;
	let until = node.start;
	for (const index of node.children) {
		const child = nodes[index];
		if (!child) continue;
		const from = Math.max(child.start, until);
		const to = Math.min(child.end, node.end);
		if (to > from) covered += to - from;
		until = Math.max(until, to);
	}
	return node.end - node.start - covered;
}

function summary(id: string, nodes: SpanNode[], origin: bigint): Trace {
	const services = new Map<string, { name: string; spans: number; errors: number }>();
	const byId = new Map<string, number>();
	let duration = 0;
	for (const { span, index, end, error } of nodes) {
		const service = services.get(span.service) ?? { name: span.service, spans: 0, errors: 0 };
		service.spans += 1;
		if (error) service.errors += 1;
		services.set(span.service, service);
		if (!byId.has(span.span_id)) byId.set(span.span_id, index);
		duration = Math.max(duration, end);
	}
	const roots = nodes.filter((node) => node.parent === -1);
	return {
		id,
		nodes,
		roots: roots.map((node) => node.index),
		main: roots.find((node) => !node.orphan) ?? roots[0],
		origin,
		duration,
		services: [...services.values()].sort((a, b) => b.spans - a.spans || a.name.localeCompare(b.name)),
		errors: roots.reduce((sum, node) => sum + node.errors, 0),
		orphans: roots.filter((node) => node.orphan).length,
		byId
	};
}

/** A node's ancestors, the nearest first. */
export function ancestors(trace: Pick<Trace, 'nodes'>, node: SpanNode): SpanNode[] {
	const found: SpanNode[] = [];
	for (let at = trace.nodes[node.parent]; at; at = trace.nodes[at.parent]) found.push(at);
	return found;
}
