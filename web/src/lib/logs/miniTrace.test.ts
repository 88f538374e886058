import { describe, expect, it } from 'vitest';
import type { Schema } from '$lib/api/client';
import { miniSpans } from './miniTrace';

function span(id: string, parent: string | null, start: number, end: number): Schema['SpanDto'] {
	return {
		span_id: id,
		parent_span_id: parent,
		trace_id: 't',
		name: id,
		service: 's',
		kind: 'internal',
		start: '',
		start_unix_nano: String(start),
		end: '',
		end_unix_nano: String(end),
		duration_nanos: end - start,
		status: { code: 'unset' },
		attributes: {},
		events: [],
		links: []
	} as unknown as Schema['SpanDto'];
}

describe('a trace in small', () => {
	it('places children below their parents and in time', () => {
		const spans = [span('a', null, 0, 100), span('b', 'a', 10, 60), span('c', 'a', 50, 100), span('d', 'b', 20, 30)];
		const mini = miniSpans(spans, 'd', 25);
		expect(mini.spans.map((one) => [one.id, one.depth, one.left, one.width])).toEqual([
			['a', 0, 0, 100],
			['b', 1, 10, 50],
			['d', 2, 20, 10],
			['c', 1, 50, 50]
		]);
		expect([mini.at, mini.left, mini.spans.find((one) => one.own)?.id]).toEqual([25, 0, 'd']);
	});

	it('shows spans whose parent never came, and rings, once each', () => {
		const mini = miniSpans([span('x', 'gone', 0, 1), span('y', 'z', 0, 1), span('z', 'y', 0, 1)], '', 0);
		expect(mini.spans.map((one) => one.id).sort()).toEqual(['x', 'y', 'z']);
	});

	it('keeps the part of a long trace that the record belongs to', () => {
		const many = Array.from({ length: 200 }, (_, index) => span(`s${index}`, null, index, index + 1));
		const mini = miniSpans(many, 's150', 150);
		expect([mini.spans.length, mini.left]).toEqual([40, 160]);
		expect(mini.spans.some((one) => one.own)).toBe(true);
	});
});
