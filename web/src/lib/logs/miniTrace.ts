import type { Schema } from '$lib/api/client';

/** Spans that the small picture of a trace shows at most. */
const MAX_SPANS = 40;
/** How deep it indents. */
const MAX_DEPTH = 6;

export interface MiniSpan {
	id: string;
	name: string;
	service: string;
	/** Nanoseconds. */
	duration: number;
	depth: number;
	/** Per cent of the trace. */
	left: number;
	/** Per cent of the trace. */
	width: number;
	failed: boolean;
	/** Whether the record belongs to it. */
	own: boolean;
}

/**
 * The spans of a trace, each below its parent, and where a record's instant (nanoseconds) stands. Of a long trace the
 * part around the record's own span is kept.
 */
export function miniSpans(
	spans: readonly Schema['SpanDto'][],
	own: string,
	instant: number
): { spans: MiniSpan[]; left: number; at: number | null } {
	const starts = spans.map((span) => Number(span.start_unix_nano));
	const start = Math.min(...starts);
	const width = Math.max(1, Math.max(...spans.map((span) => Number(span.end_unix_nano))) - start);
	const share = (nanos: number) => Math.max(0, Math.min(100, ((nanos - start) / width) * 100));
	const all = inOrder(spans).map(
		({ span, depth }): MiniSpan => ({
			id: span.span_id,
			name: span.name,
			service: span.service,
			duration: span.duration_nanos,
			depth: Math.min(depth, MAX_DEPTH),
			left: share(Number(span.start_unix_nano)),
			width: Math.min(100, (span.duration_nanos / width) * 100),
			failed: span.status.code === 'error',
			own: span.span_id === own
		})
	);
	const place = Math.max(
		0,
		all.findIndex((span) => span.own)
	);
	const first = Math.max(0, Math.min(place - MAX_SPANS / 2, all.length - MAX_SPANS));
	const kept = all.slice(first, first + MAX_SPANS);
	return { spans: kept, left: all.length - kept.length, at: spans.length > 0 ? share(instant) : null };
}

/** Parents before their children, siblings by start; spans whose parent is missing, or which form a ring, stand as roots. */
function inOrder(spans: readonly Schema['SpanDto'][]): { span: Schema['SpanDto']; depth: number }[] {
	const known = new Set(spans.map((span) => span.span_id));
	const children = new Map<string, Schema['SpanDto'][]>();
	for (const span of spans) {
		const parent = span.parent_span_id ?? '';
		const key = known.has(parent) && parent !== span.span_id ? parent : '';
		const siblings = children.get(key);
		if (siblings) siblings.push(span);
		else children.set(key, [span]);
	}
	const found: { span: Schema['SpanDto']; depth: number }[] = [];
	const seen = new Set<string>();
	const roots = [...(children.get('') ?? []), ...spans];
	for (const root of roots) {
		const stack = [{ span: root, depth: 0 }];
		for (let next = stack.pop(); next; next = stack.pop()) {
			if (seen.has(next.span.span_id)) continue;
			seen.add(next.span.span_id);
			found.push(next);
			const depth = next.depth + 1;
			for (const child of [...(children.get(next.span.span_id) ?? [])].reverse()) stack.push({ span: child, depth });
		}
	}
	return found;
}
