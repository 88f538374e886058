import { clockAt, offsetAt } from '$lib/time/zone.svelte';
import type { Span, StoryItem } from './story';

/** Where things stand on the lanes. Pixels are CSS pixels; x is within the drawing, y from the top of all lanes. */

/** Height of the strip of a lane for logs, exemplars and alerts. */
export const MARK_STRIP = 16;
/** Height of a row of spans with room for their names, with the gap below it. */
export const TALL_ROW = 17;
/** Height of a row where there are too many for names. */
export const LOW_ROW = 8;
export const SPAN_GAP = 1;
/** Height of all lanes up to which names have room. */
export const TALL_LIMIT = 420;
/** Room above and below in a lane. */
export const LANE_PADDING = 4;
/** The lowest that a lane may be, so that its name has room. */
export const LANE_LEAST = 34;
/** Most rows of overlapping spans in a lane; what overlaps more shares the last one. */
export const MOST_ROWS = 24;
/** Spans are at least so wide, so that none is lost. */
export const NARROWEST = 2;

export interface Lane {
	index: number;
	y: number;
	height: number;
	/** Whether it has marks (logs, exemplars) above its spans. */
	marks: boolean;
	/** Rows of spans. */
	rows: number;
	items: StoryItem[];
}

export interface Layout {
	lanes: Lane[];
	height: number;
	/** Height of a row of spans. */
	row: number;
	/** The row of each span by the index of the item. */
	rowOf: Map<number, number>;
}

/** Lays the items into lanes: overlapping spans go to rows of their own, those that began earlier above. */
export function layOut(items: readonly StoryItem[], lanes: number): Layout {
	const rowOf = new Map<number, number>();
	const byLane: StoryItem[][] = Array.from({ length: lanes }, () => []);
	for (const item of items) byLane[item.lane]?.push(item);
	const packed = byLane.map((own) => ({
		items: own,
		rows: packRows(own, rowOf),
		marks: own.some((item) => item.kind !== 'span')
	}));
	const heightOf = (lane: { rows: number; marks: boolean }, row: number) =>
		Math.max(LANE_LEAST, (lane.marks ? MARK_STRIP : 0) + lane.rows * row + 2 * LANE_PADDING);
	const tall = packed.reduce((sum, lane) => sum + heightOf(lane, TALL_ROW), 0);
	const row = tall <= TALL_LIMIT ? TALL_ROW : LOW_ROW;
	let y = 0;
	const result = packed.map((lane, index): Lane => {
		const height = heightOf(lane, row);
		y += height;
		return { index, y: y - height, height, ...lane };
	});
	return { lanes: result, height: y, row, rowOf };
}

/** How many lanes lie below a height in pixels, so far that not even their names are seen. */
export function lanesBelow(layout: Pick<Layout, 'lanes'>, bottom: number): number {
	return layout.lanes.filter((lane) => lane.y + LANE_LEAST / 2 > bottom).length;
}

/** Puts each span into the first row that is free when it starts; longer ones first where two start together. */
function packRows(items: readonly StoryItem[], rowOf: Map<number, number>): number {
	const spans = items.filter((item) => item.kind === 'span').sort((a, b) => a.at - b.at || b.end - a.end);
	const ends: number[] = [];
	for (const span of spans) {
		let row = ends.findIndex((end) => end <= span.at);
		if (row < 0) row = Math.min(ends.length, MOST_ROWS - 1);
		ends[row] = Math.max(ends[row] ?? 0, span.end);
		rowOf.set(span.index, row);
	}
	return ends.length;
}

export interface Box {
	x: number;
	y: number;
	width: number;
	height: number;
}

/** Where an item is drawn. */
export function boxOf(item: StoryItem, lane: Lane, layout: Layout, shown: Span, width: number): Box {
	const x = xOf(item.at, shown, width);
	if (item.kind === 'span') {
		const row = layout.rowOf.get(item.index) ?? 0;
		const y = lane.y + LANE_PADDING + (lane.marks ? MARK_STRIP : 0) + row * layout.row;
		return { x, y, width: Math.max(NARROWEST, xOf(item.end, shown, width) - x), height: layout.row - SPAN_GAP };
	}
	const half = item.kind === 'exemplar' ? 5 : 1.5;
	return { x: x - half, y: lane.y + LANE_PADDING, width: 2 * half, height: MARK_STRIP - 4 };
}

export function xOf(at: number, shown: Span, width: number): number {
	return ((at - shown.from) / (shown.to - shown.from)) * width;
}

export function timeAt(x: number, shown: Span, width: number): number {
	return shown.from + (x / Math.max(1, width)) * (shown.to - shown.from);
}

/** Pixels beside a mark that still count as on it. */
const REACH = 4;

/** The item under a point: the nearest mark, else the shortest span. */
export function itemAt(layout: Layout, shown: Span, width: number, x: number, y: number): StoryItem | null {
	const lane = layout.lanes.find((one) => y >= one.y && y < one.y + one.height);
	if (!lane) return null;
	let best: StoryItem | null = null;
	let least = Number.POSITIVE_INFINITY;
	for (const item of lane.items) {
		const box = boxOf(item, lane, layout, shown, width);
		if (y < box.y - 1 || y > box.y + box.height + 1) continue;
		const away = x < box.x ? box.x - x : x > box.x + box.width ? x - box.x - box.width : 0;
		if (away > REACH) continue;
		const cost = away * 1e6 + box.width;
		if (cost <= least) {
			best = item;
			least = cost;
		}
	}
	return best;
}

/** The item that an arrow key leads to: the next in time within the lane, or the nearest of the lane beside. */
export function neighbour(layout: Layout, from: StoryItem | null, key: string): StoryItem | null {
	const filled = layout.lanes.filter((lane) => lane.items.length > 0);
	if (from === null) return filled[0]?.items[0] ?? null;
	const place = filled.findIndex((lane) => lane.index === from.lane);
	const lane = filled[place];
	if (!lane) return filled[0]?.items[0] ?? null;
	const at = lane.items.findIndex((item) => item.index === from.index);
	switch (key) {
		case 'ArrowRight':
			return lane.items[at + 1] ?? from;
		case 'ArrowLeft':
			return lane.items[at - 1] ?? from;
		case 'Home':
			return lane.items[0] ?? from;
		case 'End':
			return lane.items.at(-1) ?? from;
		case 'ArrowDown':
		case 'ArrowUp': {
			const other = filled[place + (key === 'ArrowDown' ? 1 : -1)];
			return other ? nearest(other.items, from.at) : from;
		}
		default:
			return null;
	}
}

function nearest(items: readonly StoryItem[], at: number): StoryItem | null {
	let best: StoryItem | null = null;
	for (const item of items) if (best === null || Math.abs(item.at - at) < Math.abs(best.at - at)) best = item;
	return best;
}

/** Widths of a step of the axis in milliseconds: even numbers of what clocks count. */
const STEPS = [
	...[1e-3, 1e-2, 1e-1, 1, 10, 100].flatMap((step) => [step, 2 * step, 5 * step]),
	...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * 1e3),
	...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60e3),
	...[1, 2, 3, 6, 12].map((hours) => hours * 3600e3),
	...[1, 2, 7, 14, 30, 90, 365].map((days) => days * 86400e3)
];

/** Pixels that a label of the axis needs. */
const LABEL_ROOM = 96;

export interface Tick {
	at: number;
	label: string;
}

/** The labels of the time axis, at even times of the clock in the time zone of the page. */
export function ticks(shown: Span, origin: number, width: number): Tick[] {
	const wanted = ((shown.to - shown.from) / Math.max(1, width)) * LABEL_ROOM;
	const step = STEPS.find((one) => one >= wanted) ?? (STEPS.at(-1) as number);
	const zone = -offsetAt(origin + shown.from);
	const start = Math.ceil((origin + shown.from - zone) / step) * step + zone;
	const result: Tick[] = [];
	for (let index = 0; index < 64; index += 1) {
		const at = start + index * step;
		if (at > origin + shown.to) break;
		result.push({ at: at - origin, label: clock(at, step) });
	}
	return result;
}

/** An instant as precisely as the step needs. */
function clock(millis: number, step: number): string {
	// Steps add up to a hair beside the even number.
	const rounded = Math.round(millis * 1e3) / 1e3;
	const date = clockAt(rounded);
	const two = (value: number) => String(value).padStart(2, '0');
	if (step >= 86400e3) return `${date.getUTCFullYear()}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
	const minutes = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
	if (step >= 60e3) return minutes;
	if (step >= 1e3) return `${minutes}:${two(date.getUTCSeconds())}`;
	const micros = (rounded % 1000).toFixed(3).padStart(7, '0').replace('.', '');
	return `${two(date.getUTCSeconds())}.${step >= 1 ? micros.slice(0, 3) : micros}`;
}
