import type { Schema } from '$lib/api/client';
import { isMap, valueText } from '$lib/api/json';

/** Reading a log record: its message, its fields by the names that queries use, its times. */

export type Log = Schema['LogDto'];

/** A field of a record: a dotted path as the server lists it, and the text of its value. */
export interface Field {
	name: string;
	value: string;
}

export function messageOf(log: Log): string {
	const text = valueText(log.message);
	return text === '' ? (log.event_name ?? '') : text;
}

/** Unix milliseconds; the rest of the nanoseconds is cut off. */
export function millisOf(log: Log): number {
	return Number(log.time_unix_nano.slice(0, -6) || '0');
}

/** The scalars below an attribute map, in order, by their dotted path; those of an array stand under its path. */
export function flatten(attributes: Record<string, unknown>, prefix = ''): Field[] {
	const found: Field[] = [];
	for (const [key, value] of Object.entries(attributes)) walk(prefix + key, value, found);
	return found;
}

function walk(path: string, value: unknown, found: Field[]) {
	if (Array.isArray(value)) for (const item of value) walk(path, item, found);
	else if (isMap(value)) {
		for (const [key, inner] of Object.entries(value)) walk(`${path}.${key}`, inner, found);
	} else if (value !== null && value !== undefined) found.push({ name: path, value: valueText(value) });
}

/** Attributes that came below one of these are found without it too. */
const CONTAINERS = ['metadata', 'context', 'extra', 'attributes', 'fields'];

/** The value of a field by the name that a query uses; `''` when the record has none. */
export function fieldOf(log: Log, name: string): string {
	const known = wellKnown(log, name);
	if (known !== undefined) return known;
	const own = at(log.attributes, name);
	if (own !== undefined) return own;
	for (const container of CONTAINERS) {
		const inner = log.attributes[container];
		const value = isMap(inner) ? at(inner, name) : undefined;
		if (value !== undefined) return value;
	}
	const resource = log.resource ? at(log.resource.attributes, name.replace(/^resource\./, '')) : undefined;
	if (resource !== undefined) return resource;
	return (name.startsWith('scope.') && log.scope ? at(log.scope.attributes, name.slice(6)) : undefined) ?? '';
}

function wellKnown(log: Log, name: string): string | undefined {
	switch (name) {
		case 'level':
		case 'severity':
			return log.severity_text || log.severity;
		case 'service':
			return log.service;
		case 'message':
			return messageOf(log);
		case 'trace_id':
			return log.trace_id ?? '';
		case 'span_id':
			return log.span_id ?? '';
		case 'time':
			return log.time;
		case 'event_name':
			return log.event_name ?? '';
		default:
			return undefined;
	}
}

/** The value at a dotted path; keys may hold dots themselves. */
function at(attributes: Record<string, unknown>, path: string): string | undefined {
	if (Object.hasOwn(attributes, path)) return valueText(attributes[path]);
	for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) {
		const inner = attributes[path.slice(0, dot)];
		const value = isMap(inner) ? at(inner, path.slice(dot + 1)) : undefined;
		if (value !== undefined) return value;
	}
	return undefined;
}

const CORRELATION =
	/(?:^|[._])(?:correlation|request|task|job|workflow|run|session|conversation|transaction|order)[._-]?id$/i;

/** The ID that tells a record's story best: a correlation ID among its fields, else its trace. */
export function correlationOf(log: Log): string | undefined {
	const fields = flatten(log.attributes);
	const first = fields.find(({ name }) => /correlation[._-]?id$/i.test(name));
	const found = first ?? fields.find(({ name }) => CORRELATION.test(name));
	return found?.value || (log.trace_id ?? undefined);
}
