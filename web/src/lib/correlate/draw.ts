import { serviceToken } from '$lib/format/service';
import { severityToken } from '$lib/format/severity';
import { type Box, boxOf, type Lane, type Layout, TALL_ROW, type Tick, xOf } from './lanes';
import type { Span, StoryItem } from './story';

/** Draws the lanes of a story onto a canvas. */

export interface Picture {
	layout: Layout;
	/** Names of the lanes: their colours. */
	names: readonly string[];
	shown: Span;
	ticks: readonly Tick[];
	firstError: StoryItem | null;
	/** CSS pixels. */
	width: number;
	height: number;
	/** Pixels scrolled down. */
	top: number;
	/** The value of a colour token. */
	token: (name: string) => string;
}

/** What followed IDs led to is paler than what carries the ID itself. */
const FAR = 0.5;

export function draw(context: CanvasRenderingContext2D, given: Picture) {
	const picture = { ...given, token: remembered(given.token) };
	const { layout, width, height, top } = picture;
	context.clearRect(0, 0, width, height);
	context.save();
	context.translate(0, -top);
	drawGrid(context, picture);
	for (const lane of layout.lanes) {
		if (lane.y + lane.height < top || lane.y > top + height) continue;
		const colour = picture.token(serviceToken(picture.names[lane.index] ?? ''));
		for (const item of lane.items) drawItem(context, picture, lane, item, colour);
	}
	context.restore();
}

/** Asks for each token once: the browser's answer takes longer than drawing a tick. */
function remembered(token: (name: string) => string): (name: string) => string {
	const known = new Map<string, string>();
	return (name) => {
		let value = known.get(name);
		if (value === undefined) {
			value = token(name);
			known.set(name, value);
		}
		return value;
	};
}

function drawGrid(context: CanvasRenderingContext2D, picture: Picture) {
	const { layout, shown, width } = picture;
	context.fillStyle = picture.token('--line');
	context.globalAlpha = 0.5;
	for (const tick of picture.ticks) context.fillRect(Math.round(xOf(tick.at, shown, width)), 0, 1, layout.height);
	context.globalAlpha = 1;
	for (const lane of layout.lanes) context.fillRect(0, lane.y + lane.height - 1, width, 1);
	if (picture.firstError) {
		context.fillStyle = picture.token('--danger');
		const x = Math.round(xOf(picture.firstError.failedAt, shown, width));
		for (let y = 0; y < layout.height; y += 6) context.fillRect(x, y, 1, 3);
	}
}

function drawItem(context: CanvasRenderingContext2D, picture: Picture, lane: Lane, item: StoryItem, colour: string) {
	const box = boxOf(item, lane, picture.layout, picture.shown, picture.width);
	if (box.x > picture.width || box.x + box.width < 0) return;
	context.globalAlpha = item.distance === 0 ? 1 : FAR;
	if (item.kind === 'span') drawSpan(context, picture, box, item, item.error ? picture.token('--danger') : colour);
	else if (item.kind === 'log') drawTick(context, picture, box, item);
	else drawDiamond(context, box, picture.token('--accent'));
	context.globalAlpha = 1;
}

/** Pixels below which a bar has no name. */
const NAME_ROOM = 28;

function drawSpan(context: CanvasRenderingContext2D, picture: Picture, box: Box, item: StoryItem, colour: string) {
	const left = Math.max(-2, box.x);
	const width = Math.min(picture.width + 2, box.x + box.width) - left;
	context.fillStyle = colour;
	if (picture.layout.row < TALL_ROW) {
		context.fillRect(left, box.y, width, box.height);
		return;
	}
	const alpha = context.globalAlpha;
	context.globalAlpha = alpha * 0.3;
	context.fillRect(left, box.y, width, box.height);
	context.globalAlpha = alpha;
	context.fillRect(left, box.y, Math.min(item.error ? 4 : 2, width), box.height);
	context.fillRect(left, box.y + box.height - 2, width, 2);
	if (width < NAME_ROOM) return;
	context.globalAlpha = 1;
	context.fillStyle = picture.token(item.distance === 0 ? '--ink' : '--ink-soft');
	context.font = '11px system-ui, sans-serif';
	context.textBaseline = 'middle';
	const text = fitting(context, item.error ? `✕ ${item.text}` : item.text, width - 12);
	context.fillText(text, Math.max(0, left) + 6, box.y + box.height / 2);
}

/** The text cut to a width, with an ellipsis where something is cut off. */
function fitting(context: CanvasRenderingContext2D, text: string, width: number): string {
	const whole = context.measureText(text).width;
	if (whole <= width) return text;
	const room = Math.floor((text.length * width) / whole) - 1;
	return room < 2 ? '' : `${text.slice(0, room)}…`;
}

/** Higher and thicker the worse: colour is not all that tells a severity. */
function drawTick(context: CanvasRenderingContext2D, picture: Picture, box: Box, item: StoryItem) {
	context.fillStyle = picture.token(severityToken(item.level));
	const middle = box.x + box.width / 2;
	if (item.error) {
		context.fillRect(middle - 1.5, box.y, 3, box.height);
		context.beginPath();
		context.moveTo(middle - 4, box.y);
		context.lineTo(middle + 4, box.y);
		context.lineTo(middle, box.y + 5);
		context.fill();
	} else {
		const high = item.level === 'WARN' ? box.height - 2 : box.height - 5;
		context.fillRect(Math.round(middle - 1), box.y + box.height - high, 2, high);
	}
}

function drawDiamond(context: CanvasRenderingContext2D, box: Box, colour: string) {
	const x = box.x + box.width / 2;
	const y = box.y + box.height / 2;
	context.fillStyle = colour;
	context.beginPath();
	context.moveTo(x, y - 6);
	context.lineTo(x + 5, y);
	context.lineTo(x, y + 6);
	context.lineTo(x - 5, y);
	context.fill();
}
