import type { Schema } from '$lib/api/client';
import { valueText } from '$lib/api/json';

/** Errors grouped by what their messages have in common. */

type Log = Schema['LogDto'];

/** How many error records are read to be grouped. */
export const MAX_ERRORS = 200;
/** How long a message counts; what stands behind tells no group apart. */
const MAX_MESSAGE = 300;

export interface ErrorGroup {
	/** The message with its changing parts as `…`. */
	pattern: string;
	count: number;
	/** The newest of them. */
	newest: Log;
}

const CHANGING = [
	// UUIDs, long hex, times, addresses, numbers: what changes from one occurrence to the next.
	/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi,
	/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.,]*(?:Z|[+-]\d\d:?\d\d)?/g,
	/\b0x[0-9a-f]+\b/gi,
	/\b(?=[a-z]*\d)[0-9a-f]{8,}\b/gi,
	/\d+(?:[.:,]\d+)*/g
];

/** The first line of a message without what changes. */
export function patternOf(message: string): string {
	const line = (message.split('\n', 1)[0] ?? '').slice(0, MAX_MESSAGE);
	return CHANGING.reduce((text, changing) => text.replace(changing, '…'), line).trim();
}

/** The message as text; a structured one is written as JSON. */
export function messageOf(log: Log): string {
	return valueText(log.message);
}

/** The groups, those with most records first. `logs` come newest first. */
export function groupErrors(logs: readonly Log[]): ErrorGroup[] {
	const groups = new Map<string, ErrorGroup>();
	for (const log of logs) {
		const pattern = patternOf(messageOf(log));
		const group = groups.get(pattern);
		if (group) group.count += 1;
		else groups.set(pattern, { pattern, count: 1, newest: log });
	}
	return [...groups.values()].sort((a, b) => b.count - a.count);
}

/** A value as a phrase of the log query language. */
export function phrase(value: string): string {
	return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** The log query for a service, and for its errors. */
export function logQuery(service: string, errorsOnly = false): string {
	const own = `service:${phrase(service)}`;
	return errorsOnly ? `${own} AND (level:error OR level:fatal)` : own;
}
