import type { Schema } from '$lib/api/client';
import { valueText } from '$lib/api/json';

/** Error logs that say the same but for numbers and IDs. */
export interface ErrorGroup {
	/** The message with what differs masked. */
	pattern: string;
	/** The newest message as it was written. */
	example: string;
	count: number;
	services: string[];
	/** Unix milliseconds. */
	first: number;
	last: number;
	/** The newest record. */
	newest: Schema['LogDto'];
	/** Records over time, oldest bucket first. */
	trend: number[];
}

/** What differs between two messages of one cause, widest first: what one rule masks the next does not see. */
const MASKS: readonly [RegExp, string][] = [
	[/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '"…"'],
	[/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, '<id>'],
	[/\b0x[0-9a-f]+\b/gi, '<id>'],
	[/\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{6,}\b/gi, '<id>'],
	[/\d+(?:[.,:]\d+)*/g, '#']
];

/** A message without what differs: quoted texts, hex IDs, numbers. Its first line only. */
export function maskMessage(message: string): string {
	const line = message.split('\n', 1)[0] ?? '';
	return MASKS.reduce((text, [pattern, mask]) => text.replace(pattern, mask), line)
		.replaceAll(/\s+/g, ' ')
		.trim()
		.slice(0, 300);
}

function textOf(log: Schema['LogDto']): string {
	return valueText(log.message);
}

/** Buckets of a group's trend. */
export const TREND_BUCKETS = 24;

/** The groups, the one seen last first. The logs come newest first; the trend spans `start` to `end`. */
export function groupErrors(logs: readonly Schema['LogDto'][], start: number, end: number): ErrorGroup[] {
	const groups = new Map<string, ErrorGroup>();
	for (const log of logs) {
		const example = textOf(log);
		const pattern = maskMessage(example);
		const at = Date.parse(log.time);
		let group = groups.get(pattern);
		if (!group) {
			const trend = Array.from({ length: TREND_BUCKETS }, () => 0);
			group = { pattern, example, count: 0, services: [], first: at, last: at, newest: log, trend };
			groups.set(pattern, group);
		}
		group.count += 1;
		group.first = Math.min(group.first, at);
		if (!group.services.includes(log.service)) group.services.push(log.service);
		const bucket = Math.floor(((at - start) / Math.max(1, end - start)) * TREND_BUCKETS);
		const place = Math.max(0, Math.min(TREND_BUCKETS - 1, bucket));
		group.trend[place] = (group.trend[place] ?? 0) + 1;
	}
	return [...groups.values()];
}

/** Fields whose value names a story, in the order in which a person would follow them. */
const STORY_FIELDS = ['correlation_id', 'request_id', 'task_id', 'session_id'];

/** The ID under which the story of a record is found: a correlation field, else its trace; `null` for neither. */
export function storyId(log: Schema['LogDto']): string | null {
	for (const field of STORY_FIELDS) {
		const value = find(log.attributes, field);
		if (value !== null) return value;
	}
	return log.trace_id ?? null;
}

/** A field at the top or one level below, as in `context.task_id`. */
function find(attributes: Record<string, unknown>, field: string): string | null {
	const own = attributes[field];
	if (typeof own === 'string' && own !== '') return own;
	for (const value of Object.values(attributes)) {
		if (typeof value !== 'object' || value === null || Array.isArray(value)) continue;
		const inner = (value as Record<string, unknown>)[field];
		if (typeof inner === 'string' && inner !== '') return inner;
	}
	return null;
}
