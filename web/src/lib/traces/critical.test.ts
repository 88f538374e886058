import { describe, expect, it } from 'vitest';
import { criticalPath } from './critical';
import { spanOf, traceOf } from './testing';
import { buildTrace } from './tree';

/** The path as text: `name start-end`. */
function path(...spans: Parameters<typeof traceOf>) {
	const trace = buildTrace(traceOf(...spans));
	return criticalPath(trace).map((one) => `${trace.nodes[one.node]?.span.name} ${one.start}-${one.end}`);
}

describe('the critical path', () => {
	it('is the span itself where nothing was called', () => {
		expect(path(spanOf('root', null, 0, 100))).toEqual(['root 0-100']);
	});

	it('goes through calls one after another', () => {
		// root  |----------------------------------------| 0-100
		// a          |--------|                            10-40
		// b                        |-------------|         50-90
		expect(path(spanOf('root', null, 0, 100), spanOf('a', 'root', 10, 40), spanOf('b', 'root', 50, 90))).toEqual([
			'root 0-10',
			'a 10-40',
			'root 40-50',
			'b 50-90',
			'root 90-100'
		]);
	});

	it('leaves out what ran beside the call that ended last', () => {
		// root  |----------------------------------------| 0-100
		// long       |-----------------------------|       10-80
		// short           |-------|                        20-40: done long before
		// first  |-|                                       2-8: ended before `long` began
		expect(
			path(
				spanOf('root', null, 0, 100),
				spanOf('first', 'root', 2, 8),
				spanOf('long', 'root', 10, 80),
				spanOf('short', 'root', 20, 40)
			)
		).toEqual(['root 0-2', 'first 2-8', 'root 8-10', 'long 10-80', 'root 80-100']);
	});

	it('goes down several levels', () => {
		// root 0-100, a 10-90, a1 20-50, a2 40-80 (overlaps a1, ends last; a1 still ran when it began)
		expect(
			path(
				spanOf('root', null, 0, 100),
				spanOf('a', 'root', 10, 90),
				spanOf('a1', 'a', 20, 50),
				spanOf('a2', 'a', 40, 80)
			)
		).toEqual(['root 0-10', 'a 10-40', 'a2 40-80', 'a 80-90', 'root 90-100']);
	});

	it('counts a call that outlasts its caller up to the end of the caller', () => {
		expect(path(spanOf('root', null, 0, 100), spanOf('late', 'root', 60, 130))).toEqual(['root 0-60', 'late 60-100']);
	});

	it('does not wait for a consumer that outlasts the root', () => {
		expect(
			path(
				spanOf('root', null, 0, 100),
				spanOf('query', 'root', 10, 90),
				spanOf('mail', 'root', 50, 500, { kind: 'consumer' })
			)
		).toEqual(['root 0-10', 'query 10-90', 'root 90-100']);
	});

	it('follows a message to the consumer that runs after its producer ended', () => {
		// root 0-100; send 10-20 (producer); work 30-80 (consumer, child of send): 20-30 in the queue is nobody's work
		expect(
			path(
				spanOf('root', null, 0, 100),
				spanOf('send', 'root', 10, 20, { kind: 'producer' }),
				spanOf('work', 'send', 30, 80, { kind: 'consumer' })
			)
		).toEqual(['root 0-10', 'send 10-20', 'work 30-80', 'root 80-100']);
	});

	it('counts a producer whose consumer still ran when the next call began', () => {
		// root 0-100; first 10-20 sends to slow 25-70; second 60-65 sends to last 66-90: only the sending of the first
		// was waited for, since the second began while `slow` still ran.
		expect(
			path(
				spanOf('root', null, 0, 100),
				spanOf('first', 'root', 10, 20, { kind: 'producer' }),
				spanOf('slow', 'first', 25, 70, { kind: 'consumer' }),
				spanOf('second', 'root', 60, 65, { kind: 'producer' }),
				spanOf('last', 'second', 66, 90, { kind: 'consumer' })
			)
		).toEqual(['root 0-10', 'first 10-20', 'root 20-60', 'second 60-65', 'last 66-90', 'root 90-100']);
	});

	it('never counts a moment twice when clocks differ', () => {
		// The child starts before its parent: what it did before then is not on the path.
		expect(path(spanOf('root', null, 50, 100), spanOf('early', 'root', 20, 70))).toEqual(['early 30-50', 'root 50-80']);
	});

	it('goes through a chain of ten thousand calls', () => {
		const spans = Array.from({ length: 10_000 }, (_, at) =>
			spanOf(`s${at}`, at === 0 ? null : `s${at - 1}`, at, 30_000 - at)
		);
		const found = path(...spans);
		expect(found).toHaveLength(19_999);
		expect(found[0]).toBe('s0 0-1');
		expect(found.at(-1)).toBe('s0 29999-30000');
	});

	it('is nothing for no spans', () => {
		expect(path()).toEqual([]);
	});
});
