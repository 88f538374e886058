import { describe, expect, it } from 'vitest';
import type { Schema } from '$lib/api/client';
import {
	areaBetween,
	durationParams,
	durationTicks,
	extent,
	holds,
	nearest,
	parseDuration,
	pointsOf,
	selected,
	xAt,
	yAt
} from './scatter';

const summary = (start: number, nanos: number, errors = 0): Schema['TraceSummaryDto'] => ({
	trace_id: String(start),
	root_service: 's',
	root_operation: 'o',
	has_root: true,
	start: '',
	start_unix_nano: `${start}000000`,
	duration_nanos: nanos,
	spans: 1,
	errors,
	services: [],
	matched: 1
});

const area = { from: 1_000, to: 2_000, min: 1e6, max: 1e10 };
const frame = { left: 50, top: 10, width: 500, height: 100 };

describe('the scatter plot', () => {
	it('has time from left to right and durations by powers upwards', () => {
		expect(xAt(1_000, area, frame)).toBe(50);
		expect(xAt(1_500, area, frame)).toBe(300);
		expect(yAt(1e10, area, frame)).toBe(10);
		expect(yAt(1e8, area, frame)).toBeCloseTo(60);
		expect(yAt(1e6, area, frame)).toBe(110);
	});

	it('turns a drag into an area, whatever its direction, cut to the frame', () => {
		const found = areaBetween([700, 60], [300, 500], area, frame);
		expect(found.from).toBe(1_500);
		expect(found.to).toBe(2_000);
		expect(found.min).toBeCloseTo(1e6);
		expect(found.max).toBeCloseTo(1e8, -2);
	});

	it('knows the points of an area and the one under the pointer', () => {
		const points = pointsOf([summary(1_100, 5e6), summary(1_500, 2e8, 1), summary(1_900, 3e9)]);
		expect(points.map((point) => point.error)).toEqual([false, true, false]);
		const chosen = { from: 1_000, to: 1_600, min: 1e8, max: 1e9, open: false };
		expect(points.map((point) => holds(chosen, point))).toEqual([false, true, false]);
		expect(nearest(points, xAt(1_500, area, frame) + 3, yAt(2e8, area, frame), 8, area, frame)).toBe(1);
		expect(nearest(points, 60, 20, 8, area, frame)).toBe(-1);
	});

	it('asks for a little more than an area, never for less, and counts what it asks for', () => {
		const chosen = selected({ from: 1_100.4, to: 1_500.2, min: 4_999_999.5, max: 2e8 + 0.1 }, area);
		expect(chosen).toEqual({ from: 1_100, to: 1_501, min: 4_999_999, max: 200_000_001, open: false });
		const points = pointsOf([summary(1_100, 5e6), summary(1_501, 2e8), summary(1_502, 2e8)]);
		expect(points.map((point) => holds(chosen, point))).toEqual([true, true, false]);
	});

	it('shows what began before the range at its left edge, and selects it there', () => {
		const [early] = pointsOf([summary(500, 5e6)]);
		expect(xAt(500, area, frame)).toBe(frame.left);
		const edge = selected({ from: 1_000, to: 1_100, min: 1e6, max: 1e7 }, area);
		const inside = selected({ from: 1_001, to: 1_100, min: 1e6, max: 1e7 }, area);
		expect([edge, inside].map((one) => early && holds(one, early))).toEqual([true, false]);
	});

	it('spans the range asked for, and more than one duration', () => {
		expect(extent([], { start: 5, end: 9 })).toMatchObject({ from: 5, to: 9 });
		const same = extent(pointsOf([summary(6, 1e6), summary(7, 1e6)]), { start: 5, end: 9 });
		expect(same.min).toBeLessThan(1e6);
		expect(same.max).toBeGreaterThan(1e6);
	});

	it('labels round durations', () => {
		expect(durationTicks({ ...area, min: 0.9e9, max: 12e9 }, 5).map((tick) => tick.label)).toEqual([
			'1 s',
			'2 s',
			'5 s',
			'10 s'
		]);
		expect(durationTicks({ ...area, min: 0.9e6, max: 12e9 }, 5).map((tick) => tick.label)).toEqual([
			'1 ms',
			'10 ms',
			'100 ms',
			'1 s',
			'10 s'
		]);
	});
});

describe('durations', () => {
	it('are read as the API reads them', () => {
		expect(['250ms', '1.5s', '2', '5m', '10 us', '7ns'].map(parseDuration)).toEqual([
			250e6, 1.5e9, 2e9, 300e9, 10e3, 7
		]);
		expect(['', 'fast', '5 parsecs', '-1s', '1.2.3s'].map(parseDuration)).toEqual([null, null, null, null, null]);
	});

	it('are written so that they are read as they were selected', () => {
		for (const [min, max] of [
			[0, 1],
			[1_234_567, 2_345_678_901],
			[99_999, 3_600_000_000_001]
		] as const) {
			const { tmin, tmax } = durationParams({ min, max });
			expect([tmin, tmax]).toEqual([`${min}ns`, `${max}ns`]);
			expect([tmin, tmax].map(parseDuration)).toEqual([min, max]);
		}
		const drawn = selected({ from: 0, to: 1, min: 0.4, max: 0.4 }, area);
		expect(durationParams(drawn)).toEqual({ tmin: '0ns', tmax: '1ns' });
	});
});
