import { duration } from '$lib/format/number';
import { serviceHue, serviceToken } from '$lib/format/service';
import { severityToken } from '$lib/format/severity';
import type { Stretch } from './critical';
import type { LogMark } from './logs';
import type { Row } from './rows';
import type { SpanNode } from './tree';
import type { Tick, TimeWindow } from './window';

/** Colours of a canvas, looked up once for each theme: `color('--line')`. */
export type Palette = (token: string) => string;

/** A palette that asks for each token once. */
export function palette(token: (name: string) => string): Palette {
	const known = new Map<string, string>();
	return (name) => {
		const found = known.get(name) ?? token(name);
		known.set(name, found);
		return found;
	};
}

/** What the waterfall's canvas shows: only the rows in view. */
export interface Scene {
	rows: readonly Row[];
	/** Index of the first row in view, and the pixel at which it starts. */
	first: number;
	top: number;
	rowHeight: number;
	/** CSS pixels. */
	width: number;
	height: number;
	window: TimeWindow;
	ticks: readonly Tick[];
	/** By index of the node; none when switched off. */
	critical: ReadonlyMap<number, readonly Stretch[]>;
	/** By index of the node. */
	logs: ReadonlyMap<number, readonly LogMark[]>;
	font: string;
}

/** Pixels at the left edge of the time axis, so that marks there stay whole. */
export const AXIS_MARGIN = 8;
/** Pixels at the right edge of the waterfall's axis: room for the duration of a bar that ends last. */
export const DURATION_MARGIN = 64;
const BAR = 10;
const DIAMOND = 4;

/** Where an instant stands on the axis, in pixels. */
export function xOf(at: number, window: TimeWindow, width: number, margin = DURATION_MARGIN): number {
	const inner = Math.max(1, width - AXIS_MARGIN - margin);
	return AXIS_MARGIN + ((at - window.from) / (window.to - window.from)) * inner;
}

/** The instant at a pixel. */
export function atOf(x: number, window: TimeWindow, width: number, margin = DURATION_MARGIN): number {
	const inner = Math.max(1, width - AXIS_MARGIN - margin);
	return window.from + ((x - AXIS_MARGIN) / inner) * (window.to - window.from);
}

export function paintWaterfall(context: CanvasRenderingContext2D, scene: Scene, color: Palette) {
	context.clearRect(0, 0, scene.width, scene.height);
	context.font = scene.font;
	context.textBaseline = 'middle';
	context.fillStyle = color('--line');
	for (const tick of scene.ticks) {
		context.fillRect(Math.round(xOf(tick.at, scene.window, scene.width)), 0, 1, scene.height);
	}
	const last = Math.min(scene.rows.length, scene.first + Math.ceil((scene.height - scene.top) / scene.rowHeight) + 1);
	for (let index = scene.first; index < last; index += 1) {
		const row = scene.rows[index];
		if (!row) break;
		const middle = scene.top + (index - scene.first + 0.5) * scene.rowHeight;
		if (row.kind === 'span') paintSpan(context, scene, color, row, middle);
		else {
			// The message stands there as text: no lines through it.
			context.clearRect(0, middle - scene.rowHeight / 2, scene.width, scene.rowHeight);
			if (row.kind === 'log') paintLog(context, scene, color, row.mark, middle);
		}
	}
	context.globalAlpha = 1;
}

function paintSpan(
	context: CanvasRenderingContext2D,
	scene: Scene,
	color: Palette,
	row: Extract<Row, { kind: 'span' }>,
	middle: number
) {
	const { node } = row;
	const left = clampX(xOf(node.start, scene.window, scene.width), scene.width);
	const right = clampX(xOf(node.end, scene.window, scene.width), scene.width);
	const y = Math.round(middle - BAR / 2);
	context.globalAlpha = row.dimmed ? 0.3 : 1;
	if (row.collapsed) paintReach(context, scene, color, node, middle);
	const outside = node.end < scene.window.from || node.start > scene.window.to;
	if (outside) {
		paintArrow(context, color, node.end < scene.window.from, scene.width, middle);
		return;
	}
	const width = Math.max(2, right - left);
	context.fillStyle = color(serviceToken(node.span.service));
	context.beginPath();
	context.roundRect(left, y, width, BAR, Math.min(2, width / 2));
	context.fill();
	paintMark(context, color, serviceHue(node.span.service).mark, left, y, width);
	if (node.error) {
		context.strokeStyle = color('--danger');
		context.lineWidth = 2;
		context.strokeRect(left - 1, y - 1, width + 2, BAR + 2);
	}
	paintCritical(context, scene, color, node, y);
	for (const mark of scene.logs.get(node.index) ?? []) {
		diamond(context, color, xOf(mark.at, scene.window, scene.width), middle, mark.log.severity);
	}
	paintDuration(context, scene, color, node, left, left + width, middle);
}

/** Bars of services that share a hue are told apart by notches, so many pixels apart. */
function paintMark(
	context: CanvasRenderingContext2D,
	color: Palette,
	mark: number,
	left: number,
	y: number,
	width: number
) {
	if (mark === 0) return;
	const apart = 4 + 4 * ((mark - 1) % 3);
	context.fillStyle = color('--ground');
	for (let x = left + apart; x < left + width - 1; x += apart) context.fillRect(Math.round(x), y, 1, BAR);
}

/** A bar far outside is cut, so that canvases are not asked for coordinates of millions. */
function clampX(x: number, width: number): number {
	return Math.max(-10, Math.min(width + 10, x));
}

/** What a collapsed subtree spans, as a thin line. */
function paintReach(context: CanvasRenderingContext2D, scene: Scene, color: Palette, node: SpanNode, middle: number) {
	const left = clampX(xOf(node.reach[0], scene.window, scene.width), scene.width);
	const right = clampX(xOf(node.reach[1], scene.window, scene.width), scene.width);
	context.fillStyle = color('--line-strong');
	context.fillRect(left, Math.round(middle) - 1, Math.max(2, right - left), 2);
}

/** Says on which side of the window a span is. */
function paintArrow(context: CanvasRenderingContext2D, color: Palette, isLeft: boolean, width: number, middle: number) {
	const x = isLeft ? 2 : width - 2;
	const tip = isLeft ? -1 : 1;
	context.fillStyle = color('--ink-faint');
	context.beginPath();
	context.moveTo(x, middle);
	context.lineTo(x - tip * 5, middle - 4);
	context.lineTo(x - tip * 5, middle + 4);
	context.fill();
}

function paintCritical(context: CanvasRenderingContext2D, scene: Scene, color: Palette, node: SpanNode, y: number) {
	for (const stretch of scene.critical.get(node.index) ?? []) {
		const left = clampX(xOf(stretch.start, scene.window, scene.width), scene.width);
		const right = clampX(xOf(stretch.end, scene.window, scene.width), scene.width);
		context.fillStyle = color('--ground');
		context.fillRect(left, y + BAR - 4, Math.max(2, right - left), 4);
		context.fillStyle = color('--ink');
		context.fillRect(left, y + BAR - 3, Math.max(2, right - left), 3);
	}
}

/** The duration after the bar, before it where there is no room, else upon it. */
function paintDuration(
	context: CanvasRenderingContext2D,
	scene: Scene,
	color: Palette,
	node: SpanNode,
	left: number,
	right: number,
	middle: number
) {
	const text = duration(node.end - node.start);
	const room = context.measureText(text).width + 12;
	context.fillStyle = color('--ink-soft');
	if (right + room <= scene.width) context.fillText(text, right + 6, middle + 0.5);
	else if (left - room >= 0) context.fillText(text, left - room + 6, middle + 0.5);
	else {
		const x = Math.min(right, scene.width) - room - 4;
		context.fillStyle = color('--ground');
		context.beginPath();
		context.roundRect(x, middle - 8, room, 16, 3);
		context.fill();
		context.fillStyle = color('--ink-soft');
		context.fillText(text, x + 6, middle + 0.5);
	}
}

function paintLog(context: CanvasRenderingContext2D, scene: Scene, color: Palette, mark: LogMark, middle: number) {
	context.globalAlpha = 1;
	const isBefore = mark.at < scene.window.from;
	if (isBefore || mark.at > scene.window.to) paintArrow(context, color, isBefore, scene.width, middle);
	else diamond(context, color, xOf(mark.at, scene.window, scene.width), middle, mark.log.severity);
}

function diamond(context: CanvasRenderingContext2D, color: Palette, x: number, y: number, severity: string) {
	context.beginPath();
	context.moveTo(x, y - DIAMOND - 1);
	context.lineTo(x + DIAMOND + 1, y);
	context.lineTo(x, y + DIAMOND + 1);
	context.lineTo(x - DIAMOND - 1, y);
	context.closePath();
	context.fillStyle = color(severityToken(severity));
	context.fill();
	context.strokeStyle = color('--ground');
	context.lineWidth = 1.5;
	context.stroke();
}

/** The whole trace, small: a line for each span, errors last so that they are never hidden. */
export function paintMinimap(
	context: CanvasRenderingContext2D,
	nodes: readonly SpanNode[],
	size: { width: number; height: number; duration: number },
	color: Palette
) {
	const { width, height, duration: whole } = size;
	const full = { from: 0, to: Math.max(1, whole) };
	const thickness = Math.max(1, Math.min(4, (height - 8) / Math.max(1, nodes.length) - 1));
	context.clearRect(0, 0, width, height);
	for (const errors of [false, true]) {
		for (const node of nodes) {
			if (node.error !== errors) continue;
			const x = xOf(node.start, full, width, AXIS_MARGIN);
			const y = 4 + (node.index / Math.max(1, nodes.length)) * (height - 8);
			context.fillStyle = color(errors ? '--danger' : serviceToken(node.span.service));
			context.fillRect(x, y, Math.max(1, xOf(node.end, full, width, AXIS_MARGIN) - x), thickness);
		}
	}
}

/** Makes a canvas as large as its element and sharp; answers its context in CSS pixels. */
export function prepared(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
	const ratio = window.devicePixelRatio || 1;
	if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
		canvas.width = Math.round(width * ratio);
		canvas.height = Math.round(height * ratio);
	}
	const context = canvas.getContext('2d');
	context?.setTransform(ratio, 0, 0, ratio, 0, 0);
	return context;
}
