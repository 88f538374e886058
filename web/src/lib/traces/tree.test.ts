import { describe, expect, it } from 'vitest';
import { spanOf, traceOf } from './testing';
import { ancestors, buildTrace } from './tree';

function build(...spans: Parameters<typeof traceOf>) {
	return buildTrace(traceOf(...spans));
}

/** The rows as text: depth as dashes, then the name. */
function outline(trace: ReturnType<typeof buildTrace>): string[] {
	return trace.nodes.map((node) => `${'-'.repeat(node.depth)}${node.span.name}`);
}

describe('the tree of a trace', () => {
	it('stands parents before children, siblings by start', () => {
		const trace = build(
			spanOf('root', null, 0, 100),
			spanOf('b', 'root', 50, 90),
			spanOf('a', 'root', 10, 40),
			spanOf('a1', 'a', 12, 20)
		);
		expect(outline(trace)).toEqual(['root', '-a', '--a1', '-b']);
		expect(trace.nodes.map((node) => node.size)).toEqual([4, 2, 1, 1]);
		expect(trace.duration).toBe(100);
		expect(trace.main?.span.name).toBe('root');
	});

	it('keeps spans whose parent never came, and says so', () => {
		const trace = build(spanOf('lost', 'never', 5, 30), spanOf('root', null, 10, 20), spanOf('below', 'lost', 6, 7));
		expect(outline(trace)).toEqual(['lost', '-below', 'root']);
		expect(trace.nodes.map((node) => node.orphan)).toEqual([true, false, false]);
		expect(trace.orphans).toBe(1);
		// It is called after the span that says it is the root, though another began before.
		expect(trace.main?.span.name).toBe('root');
	});

	it('is called after its first span when no root came', () => {
		expect(build(spanOf('b', 'x', 20, 30), spanOf('a', 'y', 10, 30)).main?.span.name).toBe('a');
	});

	it('cuts circles of parents where they begin', () => {
		const trace = build(
			spanOf('a', 'c', 0, 10),
			spanOf('b', 'a', 1, 9),
			spanOf('c', 'b', 2, 8),
			spanOf('d', 'c', 3, 4)
		);
		expect(outline(trace)).toEqual(['a', '-b', '--c', '---d']);
		expect(trace.nodes[0]?.orphan).toBe(true);
	});

	it('takes a span that is its own parent as a root', () => {
		const trace = build(spanOf('self', 'self', 0, 10), spanOf('child', 'self', 1, 2));
		expect(outline(trace)).toEqual(['self', '-child']);
	});

	it('keeps both of two spans with one ID; children go to the first', () => {
		const trace = build(
			spanOf('call', null, 0, 10, { name: 'client' }),
			spanOf('call', null, 2, 8, { name: 'server' }),
			spanOf('query', 'call', 3, 5)
		);
		expect(outline(trace)).toEqual(['client', '-query', 'server']);
		expect(trace.byId.get('call')).toBe(0);
	});

	it('tolerates clocks that differ: a child may start before its parent', () => {
		const trace = build(spanOf('root', null, 50, 100), spanOf('early', 'root', 20, 70));
		expect(trace.nodes.map(({ start, end }) => [start, end])).toEqual([
			[30, 80],
			[0, 50]
		]);
		expect(trace.nodes.map((node) => node.skewed)).toEqual([false, true]);
		expect(trace.nodes[0]?.reach).toEqual([0, 80]);
	});

	it('sums up errors and services', () => {
		const failed = { status: { code: 'error' } };
		const trace = build(
			spanOf('root', null, 0, 100, { service: 'web' }),
			spanOf('a', 'root', 10, 40, { service: 'db', ...failed }),
			spanOf('b', 'root', 50, 60, { service: 'db' })
		);
		expect(trace.errors).toBe(1);
		expect(trace.nodes[0]?.errors).toBe(1);
		expect(trace.services).toEqual([
			{ name: 'db', spans: 2, errors: 1 },
			{ name: 'web', spans: 1, errors: 0 }
		]);
	});

	it('survives a chain of ten thousand spans', () => {
		const spans = Array.from({ length: 10_000 }, (_, at) =>
			spanOf(`s${at}`, at === 0 ? null : `s${at - 1}`, at, 20_000 - at)
		);
		const trace = build(...spans);
		expect(trace.nodes.at(-1)?.depth).toBe(9_999);
		expect(trace.nodes[0]?.size).toBe(10_000);
	});

	it('takes no spans', () => {
		const trace = build();
		expect(trace.main).toBeUndefined();
		expect(trace.duration).toBe(0);
	});
});

describe('self time', () => {
	it('is the duration less what children covered, overlaps once', () => {
		// 0-100 less 10-60 (10-40 and 30-60 overlap) less 80-90
		const trace = build(
			spanOf('root', null, 0, 100),
			spanOf('a', 'root', 10, 40),
			spanOf('b', 'root', 30, 60),
			spanOf('c', 'root', 80, 90)
		);
		expect(trace.nodes[0]?.self).toBe(40);
	});

	it('counts children only while the span itself ran', () => {
		// Of 90-150 only 90-100 counts; of 0-20 (the root starts at 10) only 10-20.
		const trace = build(spanOf('root', null, 10, 100), spanOf('early', 'root', 0, 20), spanOf('late', 'root', 90, 150));
		expect(trace.nodes[0]?.self).toBe(70);
	});

	it('is everything where a child runs after it', () => {
		const trace = build(spanOf('send', null, 0, 10), spanOf('work', 'send', 20, 90));
		expect(trace.nodes[0]?.self).toBe(10);
	});
});

it('names the ancestors, nearest first', () => {
	const trace = build(spanOf('root', null, 0, 9), spanOf('a', 'root', 1, 8), spanOf('b', 'a', 2, 7));
	const last = trace.nodes[2];
	expect(last && ancestors(trace, last).map((node) => node.span.name)).toEqual(['a', 'root']);
});
