import type { SpanNode, Trace } from './tree';

/** A stretch of the critical path: this span's own work was what the trace waited for. */
export interface Stretch {
	/** Index of the node. */
	node: number;
	/** Nanoseconds since the start of the trace. */
	start: number;
	end: number;
}

/**
 * The critical path: which span's own work the end of the trace's root waited for, at each moment. As in Yang and
 * Miller, "Critical path analysis for the execution of parallel and distributed programs" (1988), it is walked from the
 * end backwards: from a span to the child that ended last before the moment looked at, through it, and on from where
 * that child started. Children that still ran at that moment were not waited for, but for the ones at the very end:
 * calls that outlast their caller (clocks that differ) count up to its end, consumers that outlast it do not.
 *
 * A producer's consumers often run after it ended: what runs in the subtree counts to its reach, and the time a message
 * waited in between belongs to no span.
 *
 * Answers the stretches by start.
 */
export function criticalPath(trace: Trace): Stretch[] {
	const { nodes, main } = trace;
	if (!main) return [];
	const path: Stretch[] = [];
	const walks: Walk[] = [enter(nodes, main, main.end, main.start)];
	for (let walk = walks.at(-1); walk; walk = walks.at(-1)) {
		const next = nextChild(walk);
		if (!next) {
			own(path, walk, walk.low);
			walks.pop();
			continue;
		}
		own(path, walk, next.until);
		walk.moment = Math.max(next.child.start, walk.low);
		walks.push(enter(nodes, next.child, next.until, Math.max(walk.low, next.child.start)));
	}
	return path.reverse();
}

/** Where the walk through a span stands. */
interface Walk {
	node: SpanNode;
	/** The moment that is looked at; it moves towards `low`. */
	moment: number;
	/** The walk ends here: where the span or an ancestor on the path starts. */
	low: number;
	/** Children that can have been waited for, and until when, the latest first; one may stand twice. */
	waited: { child: SpanNode; until: number }[];
	at: number;
	/** The children that are on the path. */
	taken: Set<SpanNode>;
}

function enter(nodes: readonly SpanNode[], node: SpanNode, moment: number, low: number): Walk {
	const waited: Walk['waited'] = [];
	for (const index of node.children) {
		const child = nodes[index];
		if (!child || child.start >= moment) continue;
		for (const until of waitedUntil(child, moment)) waited.push({ child, until });
	}
	waited.sort((a, b) => b.until - a.until || b.child.start - a.child.start);
	return { node, moment, low, waited, at: 0, taken: new Set() };
}

/**
 * Until when a child can have been waited for, seen from a moment: until all below it was done or, where that goes on
 * after it ended, until its own end. Not at all when it is a consumer that still ran.
 */
function waitedUntil(child: SpanNode, moment: number): number[] {
	const done = child.reach[1];
	if (done <= moment) return done > child.end ? [done, child.end] : [done];
	if (child.end <= moment) return [child.end];
	return child.span.kind === 'consumer' ? [] : [moment];
}

function nextChild(walk: Walk): Walk['waited'][number] | undefined {
	while (walk.at < walk.waited.length) {
		const next = walk.waited[walk.at];
		walk.at += 1;
		if (!next || walk.taken.has(next.child) || next.until > walk.moment || next.until <= walk.low) continue;
		walk.taken.add(next.child);
		return next;
	}
	return undefined;
}

/** The span's own work from the moment back to `from`, as far as it ran then. */
function own(path: Stretch[], walk: Walk, from: number) {
	const start = Math.max(from, walk.node.start, walk.low);
	const end = Math.min(walk.moment, walk.node.end);
	if (end > start) path.push({ node: walk.node.index, start, end });
}
