/**
 * JSON with the text of the sender's numbers kept: a trace ID written as a 128-bit decimal, a price of `0.10`, an integer
 * beyond 2^53. A number that JavaScript would write otherwise than it came is a `NumberText` below the sender's own values
 * (`attributes`, `message`); everything else, Clew's own counts and durations among it, is as `JSON.parse` gives it.
 */

/** A number by its text. */
export class NumberText {
	constructor(readonly text: string) {}

	toString(): string {
		return this.text;
	}

	/** For arithmetic, which may round. */
	valueOf(): number {
		return Number(this.text);
	}
}

/** Below these names stand values as they were sent. */
const SENT = new Set(['attributes', 'message']);

/** Strings, so that digits in them are passed over, and numbers. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
const NUMBER = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The one name of an object that stands for a number while a text is parsed. */
const MARK = '\u0001number';
const MARKED = JSON.stringify(MARK);

/** Parses JSON; throws a `SyntaxError` as `JSON.parse` does. */
export function parseJson(text: string): unknown {
	let marked = false;
	const replaced = text.replace(TOKENS, (token) => {
		if (token.startsWith('"') || isExact(token) || !NUMBER.test(token)) return token;
		marked = true;
		return `{${MARKED}:"${token}"}`;
	});
	const parsed: unknown = JSON.parse(marked ? replaced : text);
	return marked ? unmark(parsed, false) : parsed;
}

/** Whether a number of JavaScript is written as it came. */
function isExact(text: string): boolean {
	return text.length < 16 && !/[.eE]/.test(text) ? !text.startsWith('-0') : String(Number(text)) === text;
}

/** Puts numbers in the place of marks; `sent` below values that were sent. */
function unmark(value: unknown, sent: boolean): unknown {
	if (typeof value !== 'object' || value === null) return value;
	if (Array.isArray(value)) {
		for (let at = 0; at < value.length; at += 1) {
			const item: unknown = value[at];
			if (typeof item === 'object' && item !== null) value[at] = unmark(item, sent);
		}
		return value;
	}
	const object = value as Record<string, unknown>;
	const text = object[MARK];
	if (typeof text === 'string' && NUMBER.test(text)) return sent ? new NumberText(text) : Number(text);
	for (const [key, inner] of Object.entries(object)) {
		if (typeof inner === 'object' && inner !== null) {
			// Assignment to `__proto__` would set the prototype.
			const changed = unmark(inner, sent || SENT.has(key));
			if (changed !== inner)
				Object.defineProperty(object, key, { value: changed, writable: true, enumerable: true, configurable: true });
		}
	}
	return object;
}

/** As `JSON.stringify`, with numbers as they came. */
export function jsonText(value: unknown, indent = 0): string {
	return written(value, indent, '\n');
}

function written(value: unknown, indent: number, line: string): string {
	if (value instanceof NumberText) return value.text;
	if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
	const inner = indent > 0 ? `${line}${' '.repeat(indent)}` : '';
	const end = indent > 0 ? line : '';
	if (Array.isArray(value)) {
		if (value.length === 0) return '[]';
		return `[${inner}${value.map((item) => written(item, indent, inner)).join(`,${inner}`)}${end}]`;
	}
	const pairs = Object.entries(value).filter(([, one]) => one !== undefined);
	if (pairs.length === 0) return '{}';
	const colon = indent > 0 ? ': ' : ':';
	return `{${inner}${pairs.map(([key, one]) => `${JSON.stringify(key)}${colon}${written(one, indent, inner)}`).join(`,${inner}`)}${end}}`;
}

/** Whether a value is an object with names, not a list and not a number kept as text. */
export function isMap(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof NumberText);
}

/** A value as people read, link and copy it: text as it is, a number as it came, everything else as JSON. */
export function valueText(value: unknown): string {
	if (typeof value === 'string') return value;
	if (value === null || value === undefined) return '';
	return jsonText(value);
}
