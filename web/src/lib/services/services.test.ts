import { describe, expect, it } from 'vitest';
import type { Schema } from '$lib/api/client';
import type { ServiceDetails } from './api';
import { chartsOf } from './charts';
import { logQuery } from './errors';
import { betweenSides, drawable, edgeWidth, isDrag, MAX_NODES, NODE_WIDTH, nextNode, pathOf } from './layout';
import { ago, arrange, healthOf, rowsOf } from './rows';

const quantiles = (p50: number) => ({ p50, p95: p50 * 2, p99: p50 * 3 });

describe('the list of services', () => {
	const services: Schema['ServiceDto'][] = [
		{ name: 'b', spans: 600, errors: 6, logs: 3, last_seen: '2026-03-01T12:00:00Z', duration_nanos: quantiles(5) },
		{ name: 'a10', spans: 0, errors: 0, logs: 7 },
		{ name: 'a9', spans: 60, errors: 30, logs: 0, last_seen: '2026-03-01T12:00:01Z', duration_nanos: quantiles(9) }
	];
	const rows = rowsOf(services, 60_000);
	const names = (list: { name: string }[]) => list.map((row) => row.name);

	it('turns counts into rates over the range, and knows no share without spans', () => {
		expect(rows[0]).toMatchObject({ rate: 10, errorShare: 0.01 });
		expect(rows[1]).toMatchObject({ rate: 0, errorShare: null, lastSeen: null });
	});
	it('orders numbers in names by size', () => {
		expect(names(arrange(rows, '', 'name', false))).toEqual(['a9', 'a10', 'b']);
	});
	it('keeps what has no value last in either direction', () => {
		expect(names(arrange(rows, '', 'errorShare', true))).toEqual(['a9', 'b', 'a10']);
		expect(names(arrange(rows, '', 'errorShare', false))).toEqual(['b', 'a9', 'a10']);
	});
	it('finds by words in any order', () => {
		expect(names(arrange(rows, '10 A', 'name', false))).toEqual(['a10']);
	});
	it('says how bad and how long ago', () => {
		expect([healthOf(null), healthOf(0.009), healthOf(0.01), healthOf(0.05)]).toEqual(['fine', 'fine', 'warn', 'bad']);
		expect([ago(0, 4_000), ago(0, 90_000), ago(0, 3_600_000)]).toEqual(['now', '90 s ago', '60 min ago']);
	});
});

describe('chartsOf', () => {
	const detail = (changes: Partial<ServiceDetails>): ServiceDetails => ({
		name: 'a',
		start: new Date(100_000).toISOString(),
		end: new Date(160_000).toISOString(),
		step_nanos: '20000000000',
		spans: 0,
		errors: 0,
		operations: [],
		series: [],
		callers: [],
		callees: [],
		...changes
	});
	const step = (millis: number, spans: number, errors: number) => ({
		start: '',
		start_unix_nano: `${millis}000000`,
		spans,
		errors,
		duration_nanos: spans === 0 ? null : quantiles(1)
	});

	it('counts a step without spans as a rate of zero, and draws no share and no duration there', () => {
		const charts = chartsOf(detail({ series: [step(100_000, 40, 10), step(120_000, 0, 0), step(140_000, 20, 0)] }));
		expect(charts.times).toEqual([100_000, 120_000, 140_000]);
		expect(charts.rate[0]?.values).toEqual([2, 0, 1]);
		expect(charts.errors[0]?.values).toEqual([0.25, null, 0]);
		expect(charts.duration[2]?.values).toEqual([1, null, 1]);
	});
	it('takes the rate of a step that sticks out of the range over the part inside', () => {
		const charts = chartsOf(
			detail({ end: new Date(150_000).toISOString(), series: [step(100_000, 40, 0), step(140_000, 20, 0)] })
		);
		expect(charts.rate[0]?.values).toEqual([2, 2]);
		const late = chartsOf(detail({ end: new Date(141_000).toISOString(), series: [step(140_000, 20, 0)] }));
		expect(late.rate[0]?.values.at(-1)).toBeNull();
	});
});

describe('errors', () => {
	it('quotes a name in the query', () => {
		expect(logQuery('a"b')).toBe('service:="a\\"b"');
		expect(logQuery('a', true)).toBe('service:="a" AND (level:error OR level:fatal)');
	});
});

describe('the map', () => {
	it('tells a drag from a click that trembles', () => {
		const from = { x: 100, y: 100 };
		expect(isDrag(from, from)).toBe(false);
		expect(isDrag(from, { x: 102, y: 98 })).toBe(false);
		expect(isDrag(from, { x: 100, y: 96 })).toBe(true);
	});
	it('draws the services with most spans, and only calls among them', () => {
		const nodes = Array.from({ length: MAX_NODES + 1 }, (_, at) => ({ name: `s${at}`, spans: at, errors: 0 }));
		const edges = [
			{ client: 's0', server: 's1', calls: 1, errors: 0 },
			{ client: 's1', server: 's1', calls: 1, errors: 0 },
			{ client: 's1', server: 's2', calls: 1, errors: 0 }
		];
		const drawn = drawable({ nodes, edges });
		expect(drawn.nodes).toHaveLength(MAX_NODES);
		expect(drawn.edges.map((edge) => edge.server)).toEqual(['s2']);
	});
	it('draws lines from side to side, also backwards', () => {
		const [left, right] = [
			{ x: 0, y: 0 },
			{ x: 400, y: 50 }
		];
		expect(betweenSides(left, right, [left, { x: 200, y: 20 }, right])).toEqual([
			{ x: NODE_WIDTH / 2, y: 0 },
			{ x: 200, y: 20 },
			{ x: 400 - NODE_WIDTH / 2, y: 50 }
		]);
		expect(betweenSides(right, left, [])[0]).toEqual({ x: 400 - NODE_WIDTH / 2, y: 50 });
		expect(pathOf([left, right])).toBe('M0,0C200,0 200,50 400,50');
		expect(pathOf([left])).toBe('');
	});
	it('makes more calls wider', () => {
		expect(edgeWidth(1, 1000)).toBeLessThan(edgeWidth(30, 1000));
		expect(edgeWidth(1000, 1000)).toBe(6);
	});
	it('goes to the nearest box in the direction of the key', () => {
		const node = (name: string, x: number, y: number) => ({ name, x, y, spans: 0, errors: 0 });
		const from = node('from', 0, 0);
		const nodes = [from, node('right', 200, 10), node('far', 400, 0), node('below', 10, 80)];
		expect(nextNode(nodes, from, 'ArrowRight')?.name).toBe('right');
		expect(nextNode(nodes, from, 'ArrowDown')?.name).toBe('below');
		expect(nextNode(nodes, from, 'ArrowLeft')).toBeNull();
		expect(nextNode(nodes, from, 'Enter')).toBeNull();
	});
});
