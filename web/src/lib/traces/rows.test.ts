import { describe, expect, it } from 'vitest';
import { LOG_ROWS_PER_SPAN } from './limits';
import { logLine, placeLogs } from './logs';
import { allBelowRoots, hiding, type Row, spanKey, visibleRows, type Wanted } from './rows';
import { logOf, spanOf, traceOf } from './testing';
import { buildTrace } from './tree';

const trace = buildTrace(
	traceOf(
		spanOf('root', null, 0, 100, { service: 'web' }),
		spanOf('a', 'root', 10, 40, { service: 'db' }),
		spanOf('a1', 'a', 12, 20, { service: 'disk' }),
		spanOf('b', 'root', 50, 90, { service: 'cache' })
	)
);

function rows(wanted: Partial<Wanted> = {}) {
	const none = { collapsed: new Set<string>(), services: new Set<string>(), logs: new Map(), selected: -1 };
	return visibleRows(trace, { ...none, logRows: 'off', ...wanted });
}

function text(row: Row): string {
	if (row.kind === 'log') return `  ${row.mark.log.id}`;
	if (row.kind === 'more') return `  ${row.left} more`;
	return `${row.node.span.name}${row.dimmed ? ' (dimmed)' : ''}${row.collapsed ? ' +' : ''}`;
}

describe('the rows of a waterfall', () => {
	it('are all spans', () => {
		expect(rows().map(text)).toEqual(['root', 'a', 'a1', 'b']);
	});

	it('leave out what is below a collapsed span', () => {
		expect(rows({ collapsed: new Set(['a']) }).map(text)).toEqual(['root', 'a +', 'b']);
		expect(rows({ collapsed: new Set(['root', 'a']) }).map(text)).toEqual(['root +']);
		// A span without children has nothing to hide.
		expect(rows({ collapsed: new Set(['b']) }).map(text)).toEqual(['root', 'a', 'a1', 'b']);
	});

	it('of some services keep their ancestors, dimmed', () => {
		expect(rows({ services: new Set(['disk']) }).map(text)).toEqual(['root (dimmed)', 'a (dimmed)', 'a1']);
		expect(rows({ services: new Set(['web', 'cache']) }).map(text)).toEqual(['root', 'b']);
	});

	it('show log records under the selected span, or under all', () => {
		const logs = placeLogs(trace, [logOf('late', 'a', 30), logOf('early', 'a', 15), logOf('other', 'b', 60)]).bySpan;
		expect(rows({ logs, logRows: 'selected', selected: 1 }).map(text)).toEqual([
			'root',
			'a',
			'  early',
			'  late',
			'a1',
			'b'
		]);
		expect(rows({ logs, logRows: 'all' }).map(text)).toEqual(['root', 'a', '  early', '  late', 'a1', 'b', '  other']);
		expect(rows({ logs }).map(text)).toEqual(['root', 'a', 'a1', 'b']);
	});

	it('say how many log records of a span are not shown', () => {
		const many = Array.from({ length: LOG_ROWS_PER_SPAN + 7 }, (_, at) => logOf(`log${at}`, 'b', 50 + at));
		const shown = rows({ logs: placeLogs(trace, many).bySpan, logRows: 'all' });
		expect(shown).toHaveLength(4 + LOG_ROWS_PER_SPAN + 1);
		expect(shown.at(-1)).toMatchObject({ kind: 'more', left: 7 });
	});
});

it('names the row of a span the same after the trace grew, and each row once', () => {
	const grown = buildTrace(
		traceOf(
			spanOf('root', null, 0, 100),
			spanOf('early', 'root', 5, 8),
			spanOf('a', 'root', 10, 40),
			spanOf('a', 'root', 60, 70)
		)
	);
	const keys = grown.nodes.map((node) => spanKey(grown, node));
	expect(trace.nodes.slice(0, 2).map((node) => spanKey(trace, node))).toEqual([keys[0], keys[2]]);
	expect(new Set(keys).size).toBe(4);
});

it('tells what hides a span', () => {
	const deepest = trace.nodes[2];
	expect(deepest && hiding(trace, deepest, new Set(['root', 'a', 'b']))).toEqual(['a', 'root']);
	expect(allBelowRoots(trace)).toEqual(['a']);
});

describe('log records of a trace', () => {
	it('that name no span of it are counted apart', () => {
		const placed = placeLogs(trace, [logOf('x', 'b', 60), logOf('y', null, 5), logOf('z', 'unknown', 7)]);
		expect(placed.loose).toBe(2);
		expect(placed.marks.map((mark) => [mark.log.id, mark.at])).toEqual([
			['y', 5],
			['z', 7],
			['x', 60]
		]);
	});

	it('have a line of text whatever the message is', () => {
		expect(logLine(logOf('x', null, 0, { message: 'two\n  lines' }))).toBe('two ⏎ lines');
		expect(logLine(logOf('x', null, 0, { message: { a: 1 } }))).toBe('{"a":1}');
		expect(logLine(logOf('x', null, 0, { message: '', event_name: 'started' }))).toBe('started');
		expect(logLine(logOf('x', null, 0, { message: '' }))).toBe('(no message)');
	});
});
