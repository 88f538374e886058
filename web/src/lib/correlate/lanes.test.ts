import { describe, expect, it } from 'vitest';
import {
	boxOf,
	itemAt,
	LANE_LEAST,
	type Layout,
	lanesBelow,
	layOut,
	MOST_ROWS,
	neighbour,
	ticks,
	timeAt,
	xOf
} from './lanes';
import { alsoSeen, seriesOf, tracesOf } from './related';
import type { StoryItem } from './story';

function item(index: number, kind: StoryItem['kind'], at: number, end = at, lane = 0, more = {}): StoryItem {
	const event = { kind } as unknown as StoryItem['event'];
	return {
		index,
		key: `${index}`,
		event,
		kind,
		lane,
		at,
		end,
		error: false,
		failedAt: end,
		level: '',
		text: '',
		distance: 0,
		...more
	};
}

describe('lanes', () => {
	it('give overlapping spans rows of their own and reuse rows that are free', () => {
		const layout = layOut(
			[item(0, 'span', 0, 10), item(1, 'span', 1, 4), item(2, 'span', 2, 3), item(3, 'span', 5, 9)],
			1
		);
		expect([0, 1, 2, 3].map((index) => layout.rowOf.get(index))).toEqual([0, 1, 2, 1]);
		expect(layout.lanes[0]?.rows).toBe(3);
	});

	it('put the longer of two spans that start together above', () => {
		const layout = layOut([item(0, 'span', 0, 2), item(1, 'span', 0, 9)], 1);
		expect(layout.rowOf.get(1)).toBe(0);
		expect(layout.rowOf.get(0)).toBe(1);
	});

	it('bound their rows', () => {
		const many = Array.from({ length: 100 }, (_, index) => item(index, 'span', index, 1000));
		expect(layOut(many, 1).lanes[0]?.rows).toBe(MOST_ROWS);
	});

	it('stand below one another, empty ones too', () => {
		const layout = layOut([item(0, 'log', 0, 0, 1)], 3);
		expect(layout.lanes.map((lane) => lane.y)).toEqual([0, LANE_LEAST, 2 * LANE_LEAST]);
		expect(layout.height).toBe(3 * LANE_LEAST);
	});

	it('find the span under the pointer, the shorter one where two lie on each other, and nothing beside', () => {
		const items = [item(0, 'span', 0, 100), item(1, 'log', 50)];
		const layout = layOut(items, 1);
		const shown = { from: 0, to: 100 };
		const lane = layout.lanes[0];
		if (!lane) throw new Error('no lane');
		const bar = boxOf(items[0] as StoryItem, lane, layout, shown, 1000);
		expect(bar.x).toBe(0);
		expect(bar.width).toBe(1000);
		expect(itemAt(layout, shown, 1000, 400, bar.y + 2)?.index).toBe(0);
		expect(itemAt(layout, shown, 1000, 502, lane.y + 8)?.index).toBe(1);
		expect(itemAt(layout, shown, 1000, 600, lane.y + 8)).toBeNull();
	});

	it('lead the arrow keys along a lane and to the nearest event of the next', () => {
		const items = [item(0, 'log', 0), item(1, 'log', 10), item(2, 'log', 2, 2, 1), item(3, 'log', 9, 9, 1)];
		const layout = layOut(items, 2);
		const second = items[1] as StoryItem;
		expect(neighbour(layout, null, 'ArrowRight')?.index).toBe(0);
		expect(neighbour(layout, second, 'ArrowLeft')?.index).toBe(0);
		expect(neighbour(layout, second, 'ArrowRight')?.index).toBe(1);
		expect(neighbour(layout, second, 'ArrowDown')?.index).toBe(3);
		expect(neighbour(layout, second, 'q')).toBeNull();
	});
});

describe('the axis', () => {
	it('turns pixels into time and back', () => {
		const shown = { from: 100, to: 300 };
		expect(timeAt(xOf(150, shown, 800), shown, 800)).toBeCloseTo(150);
	});

	it('has labels at even times of the clock', () => {
		const origin = Date.UTC(2026, 10, 28, 20, 59, 3) + 641;
		const labels = ticks({ from: 0, to: 6000 }, origin, 700);
		expect(labels.map((tick) => tick.at)).toEqual([359, 1359, 2359, 3359, 4359, 5359]);
		expect(labels[0]?.label).toMatch(/:59:04$/);
	});

	it('says milliseconds and microseconds where those are shown', () => {
		const origin = Date.UTC(2026, 10, 28, 20, 59, 3);
		expect(ticks({ from: 0.2, to: 100 }, origin, 500)[0]?.label).toBe('03.020');
		expect(ticks({ from: 0.005, to: 0.1 }, origin, 500)[0]?.label).toBe('03.000020');
	});
});

describe('what a story leads to', () => {
	const span = (index: number, trace: string, parent: string, at: number, distance: number, error = false) =>
		item(index, 'span', at, at + 5, 0, {
			distance,
			error,
			event: {
				kind: 'span',
				span: { trace_id: trace, span_id: `${index}`, parent_span_id: parent, service: 's', name: `op${index}` }
			}
		});

	it('names a trace by its root and puts the nearest first', () => {
		const traces = tracesOf(
			['a', 'b', 'c'],
			[span(0, 'a', '', 0, 2), span(1, 'b', 'x', 1, 1), span(2, 'b', '', 2, 1, true)]
		);
		expect(traces.map((trace) => trace.id)).toEqual(['b', 'a', 'c']);
		expect(traces[0]).toMatchObject({ operation: 'op2', spans: 2, errors: 1, at: 1, end: 7 });
		expect(traces[2]?.spans).toBe(0);
	});

	it('joins the buckets of a histogram and asks for its quantile', () => {
		const exemplar = (index: number, series: Record<string, string>) =>
			item(index, 'exemplar', index, index, 0, {
				event: { kind: 'exemplar', exemplar: { series, labels: {}, value: '1' } }
			});
		const found = seriesOf([
			exemplar(0, { __name__: 'd_bucket', job: 'x', le: '1' }),
			exemplar(1, { __name__: 'd_bucket', job: 'x', le: '2' }),
			exemplar(2, { __name__: 'r_total', job: 'x' })
		]);
		expect(found.map((one) => [one.count, one.query])).toEqual([
			[2, 'histogram_quantile(0.95, sum by (le) (rate(d_bucket{job="x"}[5m])))'],
			[1, 'rate(r_total{job="x"}[5m])']
		]);
	});

	it('groups the other IDs by field', () => {
		const seen = (id: string, field: string) => ({ id, field, records: 1, followed: true });
		expect(
			alsoSeen([seen('1', 'b'), seen('2', 'a'), seen('3', 'b')]).map((one) => [one.field, one.ids.length])
		).toEqual([
			['b', 2],
			['a', 1]
		]);
	});
});

it('says how many lanes lie below what is seen', () => {
	const lanes = [0, 34, 68, 102].map((y) => ({ y })) as Layout['lanes'];
	expect([34, 60, 90, 136].map((bottom) => lanesBelow({ lanes }, bottom))).toEqual([3, 2, 1, 0]);
});
