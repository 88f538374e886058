/**
 * The search-bar language and LogQL's log selection, cut into tokens: for colours, for completion and for the words to
 * mark. It takes any text, finished or not; whether a query is right, the server says.
 */

export type TokenKind =
	| 'keyword'
	| 'not'
	| 'field'
	| 'operator'
	| 'string'
	| 'regex'
	| 'number'
	| 'word'
	| 'open'
	| 'close'
	| 'blank';

export interface Token {
	kind: TokenKind;
	/** Offsets in UTF-16 units. */
	from: number;
	to: number;
	text: string;
}

type Rule = [TokenKind, RegExp];

/** A name, in quotes where it is not plain, and a colon; `error: no such file` and `C:\temp` are text. */
const FIELD =
	/(?:(?:[\p{L}_@]|\\.)(?:[\p{L}\p{N}_.\-@/]|\\.)*:(?!:|\/\/|\s+\S)|"(?:\\.|[^"\\])*":(?=[^\s)]|$))(?<!(?<![^\s(-])\p{L}:(?=\\))/uy;

/** A term of the search bar begins here: after a blank, a bracket, or a minus. */
const TERM: Rule[] = [
	['blank', /\s+/uy],
	['keyword', /(?:AND|OR|NOT)(?=[\s()]|$)/uy],
	['not', /-(?=[\p{L}\p{N}"(/_@*?.\\[{#$%&+'])/uy],
	['open', /\(/uy],
	['close', /\)/uy],
	['field', FIELD],
	['string', /"(?:\\.|[^"\\])*"?/uy],
	['regex', /\/(?:\\.|[^/\\])+\/(?=[\s)]|$)/uy],
	['word', /(?:\\.|[^\s")\\])+|./suy]
];

/** After `field:`. */
const VALUE: Rule[] = [
	['operator', /:?(?:>=|<=|>|<|=)/uy],
	['string', /"(?:\\.|[^"\\])*"?/uy],
	['regex', /\/(?:\\.|[^/\\])+\/(?=[\s)]|$)/uy],
	['open', /\(/uy],
	['operator', /[[{]/uy],
	['number', /[+-]?\d+(?:\.\d+)?(?=[\s)]|$)/uy],
	['word', /(?:\\.|[^\s")\\])+/uy]
];

/** Between the brackets of `field:[a TO b]`. */
const BETWEEN: Rule[] = [
	['blank', /\s+/uy],
	['operator', /[\]}]/uy],
	['keyword', /TO(?=\s|$)/uy],
	['string', /"(?:\\.|[^"\\])*"?/uy],
	['number', /[+-]?\d+(?:\.\d+)?(?=[\s\]}]|$)/uy],
	['word', /[^\s\]}"]+|./suy]
];

const LOGQL: Rule[] = [
	['blank', /\s+/uy],
	['string', /"(?:\\.|[^"\\])*"?|`[^`]*`?/uy],
	['operator', /\|=|\|~|\|>|!=|!~|!>|=~|==|>=|<=|>|<|=|\||,/uy],
	['open', /[{(]/uy],
	['close', /[})]/uy],
	['keyword', /(?:and|or|json|logfmt|unpack|pattern|regexp|line_format|label_format|by|without|unless)\b/uy],
	['number', /[+-]?\d+(?:\.\d+)?(?:ns|us|µs|ms|[smhdwKMGTB]+)?\b/uy],
	['field', /[\p{L}_][\p{L}\p{N}_.]*/uy],
	['word', /./suy]
];

/** The name that a token of kind `field` says. */
export function fieldName(token: Token): string {
	const name = token.text.slice(0, -1);
	return (name.startsWith('"') ? name.slice(1, -1) : name).replace(/\\(.)/gsu, '$1');
}

export function isLogql(text: string): boolean {
	return text.trimStart().startsWith('{');
}

export function tokenize(text: string): Token[] {
	const logql = isLogql(text);
	const tokens: Token[] = [];
	let rules = logql ? LOGQL : TERM;
	for (let at = 0; at < text.length; ) {
		const token = next(text, at, rules) ?? next(text, at, logql ? LOGQL : TERM);
		// Every list of rules ends with one that takes anything, so there is always a token.
		if (!token) break;
		tokens.push(token);
		at = token.to;
		if (!logql) rules = following(token, rules);
	}
	return tokens;
}

function next(text: string, at: number, rules: Rule[]): Token | undefined {
	for (const [kind, pattern] of rules) {
		pattern.lastIndex = at;
		const found = pattern.exec(text);
		if (found && found[0].length > 0) return { kind, from: at, to: at + found[0].length, text: found[0] };
	}
	return undefined;
}

function following(token: Token, rules: Rule[]): Rule[] {
	if (token.kind === 'field') return VALUE;
	if (token.kind !== 'operator') return rules === BETWEEN ? BETWEEN : TERM;
	if (token.text === '[' || token.text === '{') return BETWEEN;
	return rules === BETWEEN ? TERM : VALUE;
}
