import uPlot from 'uplot';
import { token } from '$lib/state/theme.svelte';
import { zone } from '$lib/time/zone.svelte';
import { type ChartPoint, type ChartSeries, colorOf, dashOf, stacked, type Threshold, type Unit } from './model';
import { tickDistances, tickTexts, timeTexts, valueLimits } from './units';

/** How a chart is drawn: uPlot's options from ours. Colours are read from the tokens whenever a plot is built. */

/** Half the diagonal of a diamond, in CSS pixels. */
const DIAMOND = 5;
/** How near the pointer must be to a diamond, in CSS pixels: a target of 24 pixels. */
const NEAR = 12;
/** How near the pointer must be to a line to single it out, in CSS pixels. */
const FOCUS_NEAR = 30;
const FONT = '11px system-ui, sans-serif';

export interface PlotOptions {
	width: number;
	height: number;
	/** The series that are drawn, each with its place in the legend. */
	series: readonly { series: ChartSeries; index: number }[];
	unit: Unit;
	stack: boolean;
	zero: boolean;
	/** Charts with one key share the time under the pointer. */
	sync?: string;
	range: () => { start: number; end: number };
	points: () => readonly ChartPoint[];
	thresholds: () => readonly Threshold[];
	/** The time under the pointer moved; `null` when it left. */
	oncursor: (at: { index: number; left: number; top: number } | null) => void;
	/** The line under the pointer, by its position among those drawn. */
	onfocus: (position: number | null) => void;
	/** A span of time was drawn. */
	onbrush: (start: number, end: number) => void;
}

/** The columns that uPlot draws. */
export function columns(times: readonly number[], series: PlotOptions['series'], stack: boolean): uPlot.AlignedData {
	const values = series.map((one) => one.series.values);
	return [times, ...(stack ? stacked(values) : values)] as uPlot.AlignedData;
}

export function plotOptions(options: PlotOptions): uPlot.Options {
	const grid = { stroke: token('--line'), width: 1 };
	const axis = { stroke: token('--ink-faint'), font: FONT, grid, ticks: { show: false } };
	return {
		width: options.width,
		height: options.height,
		ms: 1,
		tzDate: (millis) => uPlot.tzDate(new Date(millis), zone.name),
		padding: [10, 20, 0, 0],
		legend: { show: false },
		cursor: {
			drag: { x: true, y: false, setScale: false, dist: 4 },
			focus: { prox: FOCUS_NEAR },
			points: { size: 7 },
			sync: options.sync === undefined ? undefined : syncOf(options.sync)
		},
		focus: { alpha: 0.35 },
		scales: {
			x: { time: true, range: () => [options.range().start, options.range().end] },
			y: { range: (_plot, low, high) => limits(options, low, high) }
		},
		axes: [
			{
				...axis,
				size: 26,
				gap: 6,
				space: 72,
				values: (_plot, ticks, _at, _space, distance) => timeTexts(ticks, distance)
			},
			{
				...axis,
				gap: 6,
				space: 28,
				size: (_plot, texts) => Math.max(44, Math.max(0, ...(texts ?? []).map((text) => text.length)) * 6.4 + 14),
				incrs: tickDistances(options.unit),
				values: (_plot, ticks) => tickTexts(ticks, options.unit)
			}
		],
		series: [{}, ...options.series.map((one) => lineOf(one.series, one.index, options.stack))],
		bands: options.stack ? bandsOf(options.series.length) : undefined,
		hooks: hooksOf(options)
	};
}

/** The others follow the cursor alone: a span drawn in one chart must not be drawn, and reported, by each of them. */
function syncOf(key: string): uPlot.Cursor.Sync {
	return { key, setSeries: false, filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave' } };
}

/** Moves the cursor of a plot and of those in sync with it. */
export function moveCursor(plot: uPlot, left: number, top: number) {
	// uPlot's types leave out the arguments that say whether hooks are called and others are told.
	const { setCursor } = plot as unknown as {
		setCursor: (at: { left: number; top: number }, fire: boolean, tell: boolean) => void;
	};
	setCursor({ left, top }, true, true);
}

function limits(options: PlotOptions, low: number | null, high: number | null): uPlot.Range.MinMax {
	const levels = options.thresholds().map((one) => one.value);
	// Diamonds never stretch the axis of the lines: one beyond it stands at the edge.
	const isEmpty = low === null && high === null;
	const placed = isEmpty ? options.points().flatMap((one) => (one.value === null ? [] : [one.value])) : [];
	const all = [...levels, ...placed, ...(low === null ? [] : [low]), ...(high === null ? [] : [high])];
	if (all.length === 0) return [0, 1];
	return valueLimits(
		all.reduce((a, b) => Math.min(a, b)),
		all.reduce((a, b) => Math.max(a, b)),
		options.zero
	);
}

function lineOf(series: ChartSeries, index: number, stack: boolean): uPlot.Series {
	const color = token(colorOf(series, index));
	const filled = stack || series.fill;
	return {
		label: series.label,
		stroke: color,
		width: 1.5,
		dash: dashOf(series, index),
		fill: filled ? `${color}${stack ? '73' : '2e'}` : undefined,
		// A line through two points needs no dots; a lone value between gaps would be invisible without one.
		points: { show: loneOnly(series), size: 4, fill: color, filter: lonePoints },
		spanGaps: false
	};
}

function loneOnly(series: ChartSeries): boolean {
	return series.values.some((value, at) => isLone(series.values, value, at));
}

function isLone(values: ArrayLike<number | null | undefined>, value: number | null | undefined, at: number): boolean {
	return value != null && values[at - 1] == null && values[at + 1] == null;
}

/** The places of values that have no neighbour. */
function lonePoints(plot: uPlot, position: number): number[] {
	const values = plot.data[position] ?? [];
	const places: number[] = [];
	for (let at = 0; at < values.length; at += 1) if (isLone(values, values[at], at)) places.push(at);
	return places;
}

/** Each area ends where the one below it begins. */
function bandsOf(count: number): uPlot.Band[] {
	return Array.from({ length: Math.max(0, count - 1) }, (_, at) => ({ series: [at + 2, at + 1] }) as uPlot.Band);
}

function hooksOf(options: PlotOptions): uPlot.Hooks.Arrays {
	return {
		setCursor: [
			(plot) => {
				const { idx, left = -1, top = -1 } = plot.cursor;
				options.oncursor(idx == null || left < 0 ? null : { index: idx, left: left + plot.over.offsetLeft, top });
			}
		],
		setSeries: [(_plot, position) => options.onfocus(position === null ? null : position - 1)],
		setSelect: [
			(plot) => {
				const { left, width } = plot.select;
				if (width > 0) options.onbrush(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'));
				plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
			}
		],
		draw: [
			(plot) => {
				for (const one of options.thresholds()) drawThreshold(plot, one);
				drawPoints(plot, options.points());
			}
		]
	};
}

function drawThreshold(plot: uPlot, { value, label, color = '--danger' }: Threshold) {
	const { ctx, bbox } = plot;
	const y = Math.round(plot.valToPos(value, 'y', true));
	ctx.save();
	ctx.strokeStyle = token(color);
	ctx.fillStyle = token(color);
	ctx.lineWidth = uPlot.pxRatio;
	ctx.setLineDash([4 * uPlot.pxRatio, 4 * uPlot.pxRatio]);
	ctx.beginPath();
	ctx.moveTo(bbox.left, y);
	ctx.lineTo(bbox.left + bbox.width, y);
	ctx.stroke();
	ctx.textAlign = 'right';
	ctx.fillText(label, bbox.left + bbox.width - 4, y - 4 * uPlot.pxRatio);
	ctx.restore();
}

function drawPoints(plot: uPlot, points: readonly ChartPoint[]) {
	const { ctx } = plot;
	const size = DIAMOND * uPlot.pxRatio;
	ctx.save();
	ctx.fillStyle = token('--ground');
	ctx.strokeStyle = token('--accent');
	ctx.lineWidth = 1.5 * uPlot.pxRatio;
	for (const point of points) {
		const place = placeOf(plot, point, true);
		if (place === null) continue;
		ctx.beginPath();
		ctx.moveTo(place.x, place.y - size);
		ctx.lineTo(place.x + size, place.y);
		ctx.lineTo(place.x, place.y + size);
		ctx.lineTo(place.x - size, place.y);
		ctx.closePath();
		ctx.fill();
		ctx.stroke();
	}
	ctx.restore();
}

/** Where a diamond stands; `null` when it is outside the chart. */
function placeOf(plot: uPlot, point: ChartPoint, onCanvas: boolean): { x: number; y: number } | null {
	const { min, max } = plot.scales.x ?? {};
	if (min == null || max == null || point.time < min || point.time > max) return null;
	const ratio = onCanvas ? 1 : uPlot.pxRatio;
	const head = (onCanvas ? plot.bbox.top : 0) / ratio + DIAMOND + 2;
	const foot = (plot.bbox.height + (onCanvas ? plot.bbox.top : 0)) / ratio - DIAMOND - 2;
	const x = plot.valToPos(point.time, 'x', onCanvas);
	if (point.value === null) return { x, y: foot };
	return { x, y: Math.max(head, Math.min(foot, plot.valToPos(point.value, 'y', onCanvas))) };
}

/** The diamond under the pointer, which is given in CSS pixels from the plotting area's corner. */
export function pointAt(plot: uPlot, points: readonly ChartPoint[], left: number, top: number): ChartPoint | null {
	let best: ChartPoint | null = null;
	let nearest = NEAR;
	for (const point of points) {
		const place = placeOf(plot, point, false);
		if (place === null) continue;
		const distance = Math.hypot(place.x - left, place.y - top);
		if (distance <= nearest) {
			nearest = distance;
			best = point;
		}
	}
	return best;
}
