import type { Schema } from '$lib/api/client';
import { isMap, jsonText } from '$lib/api/json';

/** An attribute as a table shows it. */
export interface Shown {
	name: string;
	/** One line, or several for text with line breaks and for arrays and objects. */
	text: string;
	/** Whether it is long or has line breaks: it is drawn in a box of its own. */
	block: boolean;
	/** Whether its value is likely an ID that other records carry too. */
	isId: boolean;
}

/** Characters up to which a value stays on its line. */
const LINE = 160;

/** Whether a name says that its value is an ID: `task_id`, `request.id`, `userId`, `correlation`. */
export function namesAnId(name: string): boolean {
	if (/^(?:thread|process)\./.test(name)) return false;
	return /(?:^|[._-])(?:id|uuid|guid)$|correlation/i.test(name) || /[a-z]I[dD]$/.test(name);
}

export function shownAttributes(attributes: Schema['Attributes']): Shown[] {
	return Object.entries(attributes).map(([name, value]) => {
		const text = shownValue(value);
		return {
			name,
			text,
			block: text.includes('\n') || text.length > LINE,
			// An ID may be written as a number.
			isId:
				!Array.isArray(value) &&
				!isMap(value) &&
				typeof value !== 'boolean' &&
				text !== '' &&
				text !== 'null' &&
				namesAnId(name)
		};
	});
}

/** A value as text: text as it is, everything else as JSON; objects are indented. */
export function shownValue(value: unknown): string {
	if (typeof value === 'string') return value;
	if (Array.isArray(value) && !value.some((one) => Array.isArray(one) || isMap(one))) {
		return `[${value.map((one) => jsonText(one)).join(', ')}]`;
	}
	return jsonText(value, 2);
}

/**
 * The filter of the search form: `key=value` or `key`, separated by blanks; a value with blanks stands in double quotes
 * (`error.message="did not answer"`). Answers the list as the API takes it.
 */
export function parseAttributeFilter(text: string): string[] {
	const found: string[] = [];
	const part = /([^\s="]+)(?:=(?:"((?:[^"\\]|\\.)*)"|(\S*)))?/g;
	for (const [, name, quoted, plain] of text.matchAll(part)) {
		if (name === undefined) continue;
		if (quoted !== undefined) found.push(`${name}=${quoted.replaceAll(/\\(.)/g, '$1')}`);
		else found.push(plain === undefined ? name : `${name}=${plain}`);
	}
	return found;
}

/** One `key=value` as the search form's filter writes it. */
export function attributeFilter(name: string, value: string): string {
	return /^[^\s"]+$/.test(value)
		? `${name}=${value}`
		: `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
