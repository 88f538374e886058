import { fieldName, isLogql, type Token, tokenize } from './tokens';

/** Which words of a query to mark in the records found. */

/** A piece of a text; `hit` where the query's words stand. */
export interface Piece {
	text: string;
	hit: boolean;
}

/** Words marked at most: a query of hundreds would cost more than it shows. */
const MAX_MARKS = 40;

/** One expression for all words that the query looks for in texts, or `null` when it looks for none. */
export function marksOf(query: string): RegExp | null {
	const sources = (isLogql(query) ? ofLogql(query) : ofSearchBar(query)).slice(0, MAX_MARKS);
	if (sources.length === 0) return null;
	try {
		// Longer ones first, so that a phrase wins over its words.
		return new RegExp(sources.sort((a, b) => b.length - a.length).join('|'), 'giu');
	} catch {
		// The server's regular expressions know more than the browser's.
		return null;
	}
}

function ofSearchBar(query: string): string[] {
	const sources: string[] = [];
	let negated = 0;
	let field = '';
	const tokens = tokenize(query).filter((token) => token.kind !== 'blank');
	for (const [index, token] of tokens.entries()) {
		if (token.kind === 'open') {
			const before = tokens[index - 1];
			if (negated > 0 || before?.kind === 'not' || isNot(before)) negated += 1;
		} else if (token.kind === 'close') {
			negated = Math.max(0, negated - 1);
		}
		if (token.kind === 'field') field = fieldName(token);
		else if (!['operator', 'open', 'string', 'regex', 'word', 'number'].includes(token.kind)) field = '';
		if (negated > 0 || !isText(token)) continue;
		const before = tokens[index - 1];
		const opposite = before?.kind === 'field' ? tokens[index - 2] : before;
		const skip = opposite?.kind === 'not' || isNot(opposite) || (field !== '' && !isMessage(field));
		field = '';
		const source = skip ? '' : sourceOf(token);
		if (source !== '') sources.push(source);
	}
	return sources;
}

function isNot(token: Token | undefined): boolean {
	return token?.kind === 'keyword' && token.text === 'NOT';
}

function isText(token: Token): boolean {
	return token.kind === 'word' || token.kind === 'string' || token.kind === 'regex' || token.kind === 'number';
}

function isMessage(field: string): boolean {
	return ['message', 'msg', 'event', 'body', 'log'].includes(field);
}

function sourceOf(token: Token): string {
	if (token.kind === 'regex') return harmless(token.text.slice(1, -1));
	if (token.kind === 'string') {
		const text = token.text.replace(/^"|"$/g, '').replace(/\\(["\\])/g, '$1');
		// Words in a row, whatever stands between them.
		const words = text.split(/[^\p{L}\p{N}_]+/u).filter(Boolean);
		return whole(words.map(escaped).join('[^\\p{L}\\p{N}_]+'));
	}
	const text = token.text.replace(/\\(.)/g, '$1');
	if (/^[*?]*$/.test(text)) return '';
	return whole(escaped(text).replaceAll('\\*', '[\\p{L}\\p{N}_]*').replaceAll('\\?', '[\\p{L}\\p{N}_]'));
}

/** Letters of scripts that are written without spaces: each is a word. */
const UNSPACED =
	'\\p{sc=Han}\\p{sc=Hira}\\p{sc=Kana}\\p{sc=Hang}\\p{sc=Thai}\\p{sc=Laoo}\\p{sc=Khmr}\\p{sc=Mymr}\\u30fc\\uff70';
const BEFORE = `(?<!(?![${UNSPACED}])[\\p{L}\\p{N}_])`;
const BEHIND = `(?!(?![${UNSPACED}])[\\p{L}\\p{N}_])`;
const BEGINS_UNSPACED = new RegExp(`^[${UNSPACED}]`, 'u');
const ENDS_UNSPACED = new RegExp(`[${UNSPACED}]$`, 'u');

/** The server finds words, not parts of them. */
function whole(source: string): string {
	if (source === '') return '';
	return (BEGINS_UNSPACED.test(source) ? '' : BEFORE) + source + (ENDS_UNSPACED.test(source) ? '' : BEHIND);
}

function ofLogql(query: string): string[] {
	const tokens = tokenize(query).filter((token) => token.kind !== 'blank');
	const sources: string[] = [];
	for (const [index, token] of tokens.entries()) {
		const operator = tokens[index - 1]?.text;
		if (token.kind !== 'string' || (operator !== '|=' && operator !== '|~')) continue;
		const text = token.text.startsWith('`')
			? token.text.replaceAll('`', '')
			: token.text.replace(/^"|"$/g, '').replace(/\\(["\\])/g, '$1');
		if (text !== '') sources.push(operator === '|~' ? harmless(text) : escaped(text));
	}
	return sources.filter(Boolean);
}

/** The browser's expressions backtrack, the server's do not: one that repeats a group could stop the page. */
function harmless(source: string): string {
	return /\)[*+{]/.test(source) ? '' : source;
}

function escaped(text: string): string {
	return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

/** A text cut where the marks stand. */
export function pieces(text: string, marks: RegExp | null): Piece[] {
	if (!marks || text === '') return [{ text, hit: false }];
	const found: Piece[] = [];
	let end = 0;
	for (const match of text.matchAll(marks)) {
		if (match[0] === '') continue;
		if (match.index > end) found.push({ text: text.slice(end, match.index), hit: false });
		found.push({ text: match[0], hit: true });
		end = match.index + match[0].length;
	}
	if (end < text.length) found.push({ text: text.slice(end), hit: false });
	return found;
}
