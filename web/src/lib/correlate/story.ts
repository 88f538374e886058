import type { Schema } from '$lib/api/client';
import { valueText } from '$lib/api/json';
import { duration } from '$lib/format/number';
import { plainText } from '$lib/logs/ansi';

/**
 * One ID's story as the page works with it. Instants are milliseconds from the story's first event: a double holds
 * those to the nanosecond, which it does not for nanoseconds since 1970.
 */

export type Signal = 'log' | 'span' | 'exemplar';
export const SIGNALS: readonly { key: Signal; one: string; many: string }[] = [
	{ key: 'log', one: 'log', many: 'logs' },
	{ key: 'span', one: 'span', many: 'spans' },
	{ key: 'exemplar', one: 'exemplar', many: 'exemplars' }
];

/** One event of the timeline, as `GET /api/v1/correlate/{id}` answers it. */
export type StoryEvent = {
	/** RFC 3339. */
	time: string;
	/** Nanoseconds since 1970, as text. */
	time_unix_nano: string;
	/** Nanoseconds since 1970, as text; the same as the time but for spans. */
	end_unix_nano: string;
	/** Index of its lane. */
	lane: number;
	is_error: boolean;
	reached: Schema['ReachedDto'];
} & Schema['RecordDto'];

/** An event with what drawing and listing it need. */
export interface StoryItem {
	/** Its place in the timeline. */
	index: number;
	/** Stable over refreshes. */
	key: string;
	event: StoryEvent;
	kind: Signal;
	lane: number;
	/** Milliseconds from the origin. */
	at: number;
	end: number;
	error: boolean;
	/** When its error was known, milliseconds from the origin: at a span's first exception, else at its end. */
	failedAt: number;
	/** Severity of a log, status of a span, empty for an exemplar. */
	level: string;
	text: string;
	/** How many IDs were followed before the one that it carries; 0 for the ID asked. */
	distance: number;
}

export interface Story {
	/** The first event in Unix milliseconds. */
	origin: number;
	/** Milliseconds from the first event to the end of the last. */
	length: number;
	items: StoryItem[];
	/** Where the ID itself was first seen, milliseconds from the origin: offsets are counted from there. */
	begin: number;
	/** Index of the first error, or -1; see `firstErrorOf`. */
	firstError: number;
}

/** A part of the story's time, milliseconds from its origin. */
export interface Span {
	from: number;
	to: number;
}

/** What a person chose to see. */
export interface Choice {
	/** Signals hidden. */
	hidden: ReadonlySet<Signal>;
	errorsOnly: boolean;
	/** Only this severity of logs, `''` for all. */
	severity: string;
	/** Only this lane, -1 for all. */
	lane: number;
}

export function storyOf(data: Schema['CorrelationDto']): Story {
	const events = data.timeline as unknown as StoryEvent[];
	const first = events[0];
	if (first === undefined) return { origin: 0, length: 0, items: [], begin: 0, firstError: -1 };
	const origin = BigInt(first.time_unix_nano);
	const offset = (nanos: string) => Number(BigInt(nanos) - origin) / 1e6;
	const items = events.map((event, index): StoryItem => {
		const at = offset(event.time_unix_nano);
		return {
			index,
			key: keyOf(event),
			event,
			kind: event.kind,
			lane: event.lane,
			at,
			end: Math.max(at, offset(event.end_unix_nano)),
			error: event.is_error,
			failedAt: offset(failureOf(event)),
			level: levelOf(event),
			text: textOf(event),
			distance: event.reached.depth
		};
	});
	const length = items.reduce((longest, item) => Math.max(longest, item.end), 0);
	const begin = items.find((item) => item.distance === 0)?.at ?? 0;
	return { origin: Number(origin / 1000n) / 1e3, length, items, begin, firstError: firstErrorOf(items) };
}

/** The event in which OpenTelemetry records an exception on a span. */
const EXCEPTION = 'exception';

/** When an event's error was known, nanoseconds since 1970 as text; a span's start says nothing of that. */
function failureOf(event: StoryEvent): string {
	if (event.kind !== 'span') return event.time_unix_nano;
	const exceptions = (event.span.events ?? []).filter((one) => one.name === EXCEPTION);
	return exceptions[0]?.time_unix_nano ?? event.end_unix_nano;
}

/** The trace that a record belongs to, `''` for none. */
export function traceOf(event: StoryEvent): string {
	if (event.kind === 'span') return event.span.trace_id;
	return (event.kind === 'log' ? event.log.trace_id : event.exemplar.labels.trace_id) ?? '';
}

/** The records that carry the ID itself, and those that stand in a trace with one. */
function closeOf(items: readonly StoryItem[]): StoryItem[] {
	const traces = new Set(items.filter((item) => item.distance === 0).map((item) => traceOf(item.event)));
	traces.delete('');
	return items.filter((item) => item.distance === 0 || traces.has(traceOf(item.event)));
}

/**
 * The error to look at first: the one that happened first. Following IDs may lead to other people's errors an hour
 * before, so that those of records that carry the ID itself, or stand in a trace with one, go before all others. Of errors
 * of one instant the one that began last is the nearest to the cause.
 */
function firstErrorOf(items: readonly StoryItem[]): number {
	const close = new Set(closeOf(items));
	const far = (item: StoryItem) => (close.has(item) ? 0 : 1);
	let best: StoryItem | null = null;
	for (const item of items) {
		if (!item.error) continue;
		const before = best === null ? -1 : far(item) - far(best) || item.failedAt - best.failedAt;
		if (before <= 0) best = item;
	}
	return best?.index ?? -1;
}

/** How far an instant is from where the ID was first seen, signed. */
export function offsetText(story: Story, at: number): string {
	const millis = at - story.begin;
	if (millis === 0) return '0';
	return `${millis < 0 ? '−' : '+'}${duration(Math.abs(millis) * 1e6)}`;
}

/** What carries the ID itself. */
export interface Own {
	first: number;
	last: number;
	log: number;
	span: number;
	exemplar: number;
	errors: number;
	lanes: number;
}

export function ownOf(story: Story): Own | null {
	const items = story.items.filter((item) => item.distance === 0);
	if (items.length === 0) return null;
	const count = (kind: Signal) => items.filter((item) => item.kind === kind).length;
	return {
		first: Math.min(...items.map((item) => item.at)),
		last: Math.max(...items.map((item) => item.end)),
		log: count('log'),
		span: count('span'),
		exemplar: count('exemplar'),
		errors: items.filter((item) => item.error).length,
		lanes: new Set(items.map((item) => item.lane)).size
	};
}

/** What names a record in the URL: `log:<id>`, `span:<trace>-<span>`, `exemplar:<time>-<series>`. */
function keyOf(event: StoryEvent): string {
	switch (event.kind) {
		case 'log':
			return `log:${event.log.id}`;
		case 'span':
			return `span:${event.span.trace_id}-${event.span.span_id}`;
		case 'exemplar':
			return `exemplar:${event.time_unix_nano}-${seriesText(event.exemplar.series)}`;
	}
}

function levelOf(event: StoryEvent): string {
	if (event.kind === 'log') return event.log.severity;
	return event.kind === 'span' ? event.span.status.code : '';
}

function textOf(event: StoryEvent): string {
	switch (event.kind) {
		case 'log':
			return messageText(event.log.message);
		case 'span':
			return event.span.status.message ? `${event.span.name}: ${event.span.status.message}` : event.span.name;
		case 'exemplar':
			return exemplarText(event.exemplar);
	}
}

/** The value first: labels are long. */
function exemplarText({ series, value }: Schema['ExemplarDto']): string {
	const { __name__: name = '', ...labels } = series;
	return `${name} = ${value} ${seriesText(labels)}`.trim();
}

/** A message on one line: text as it is, anything else as JSON. */
export function messageText(message: unknown): string {
	const text = plainText(valueText(message));
	return text.replaceAll(/\s*\n\s*/g, ' ↵ ');
}

/** A series as PromQL writes it. */
export function seriesText(series: Record<string, string>): string {
	const { __name__: name = '', ...labels } = series;
	const pairs = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
	return pairs.length === 0 && name !== '' ? name : `${name}{${pairs.join(', ')}}`;
}

export function passes(item: StoryItem, choice: Choice): boolean {
	if (choice.hidden.has(item.kind)) return false;
	if (choice.lane >= 0 && item.lane !== choice.lane) return false;
	if (choice.errorsOnly && !item.error) return false;
	return choice.severity === '' || (item.kind === 'log' && item.level === choice.severity);
}

/** The items that are at least partly within a part of the time. */
export function within(items: readonly StoryItem[], span: Span | null): StoryItem[] {
	return span === null ? [...items] : items.filter((item) => item.end >= span.from && item.at <= span.to);
}

/** The next item that is an error after the one selected, else the first; `null` where there is none. */
export function nextError(items: readonly StoryItem[], after: number): StoryItem | null {
	const errors = items.filter((item) => item.error);
	return errors.find((item) => item.index > after) ?? errors[0] ?? null;
}

/** Share of the story's time below which the records close to the ID are looked at first. */
const CLOSE_SHARE = 0.5;

/** Room left beside them, as a share of their time. */
const MARGIN = 0.06;

/**
 * The part of the time to show first. Following IDs may lead far away (a session ID leads to a day of requests): then
 * it is the time of the records that carry the ID itself and of their traces, `null` when that is most of the story.
 * Exemplars do not count: they may be dated when the metrics were sent.
 */
export function firstLook(story: Story): Span | null {
	const close = closeOf(story.items).filter((item) => item.kind !== 'exemplar');
	if (close.length === 0) return null;
	const from = close.reduce((least, item) => Math.min(least, item.at), Number.POSITIVE_INFINITY);
	const to = close.reduce((most, item) => Math.max(most, item.end), 0);
	if (to - from > story.length * CLOSE_SHARE) return null;
	return padded(from, to, story.length);
}

/** A part of the time with room at its sides, within the story. */
export function padded(from: number, to: number, length: number): Span {
	const room = Math.max((to - from) * MARGIN, SHORTEST);
	return { from: Math.max(-room, from - room), to: Math.min(length + room, to + room) };
}

/** The shortest time that can be looked at: a microsecond. */
export const SHORTEST = 0.001;

/** A span scaled around an instant, within the whole. */
export function zoomed(span: Span, whole: Span, factor: number, around: number): Span {
	const width = Math.min(Math.max((span.to - span.from) * factor, SHORTEST), whole.to - whole.from);
	const share = span.to > span.from ? (around - span.from) / (span.to - span.from) : 0.5;
	return kept({ from: around - share * width, to: around + (1 - share) * width }, whole);
}

/** A span moved so that it stays within the whole. */
export function kept(span: Span, whole: Span): Span {
	const width = Math.min(span.to - span.from, whole.to - whole.from);
	const from = Math.max(whole.from, Math.min(span.from, whole.to - width));
	return { from, to: from + width };
}

/** A part of the time as the URL keeps it, in Unix milliseconds. */
export function zoomText(span: Span | null, origin: number): string {
	if (span === null) return 'all';
	return `${(origin + span.from).toFixed(3)}_${(origin + span.to).toFixed(3)}`;
}

/** Reads it back: `undefined` when the URL says nothing that can be read, `null` for the whole story. */
export function parseZoom(text: string, origin: number): Span | null | undefined {
	if (text === 'all') return null;
	const match = /^(\d+(?:\.\d+)?)_(\d+(?:\.\d+)?)$/.exec(text);
	if (!match) return undefined;
	const from = Number(match[1]) - origin;
	const to = Number(match[2]) - origin;
	return to > from ? { from, to } : undefined;
}
