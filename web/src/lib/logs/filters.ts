import { isLogql, type Token, tokenize } from './tokens';

/** Writing filters into a query as a person would. */

const FIELD_NAME = /^[\p{L}_@][\p{L}\p{N}_.\-@]*$/u;
const LABEL_NAME = /^[\p{L}_][\p{L}\p{N}_.]*$/u;

/** Whether a filter on a field can be written in the language of the query: the search bar takes any name in quotes. */
export function canFilter(query: string, field: string): boolean {
	return !isLogql(query) || LABEL_NAME.test(field);
}

/** The name of a field as the search bar takes it: quoted unless it is plain. */
export function nameOf(field: string): string {
	return FIELD_NAME.test(field) ? field : inQuotes(field);
}

/** A value as the search bar takes it literally: quoted unless it is plain. */
export function literal(value: string): string {
	return /^[\p{L}\p{N}_.\-@/][\p{L}\p{N}_.\-:@/]*$/u.test(value) && !/^(?:AND|OR|NOT|TO)$/.test(value)
		? value
		: inQuotes(value);
}

function inQuotes(text: string): string {
	return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** Severities are asked for however the sender spelt them; anything else exactly. */
function termOf(field: string, value: string): string {
	if (field === 'level' || field === 'severity') return `level:${literal(value.toLowerCase())}`;
	return `${nameOf(field)}:=${literal(value)}`;
}

/**
 * The query with a filter added. The same filter there already is taken out again; its opposite is replaced. A filter
 * that cannot be written (`canFilter`) changes nothing.
 */
export function withFilter(query: string, field: string, value: string, exclude: boolean): string {
	if (isLogql(query)) return withStage(query, field, value, exclude);
	return withTerm(query, termOf(field, value), exclude);
}

/** Whether the query holds this filter: `1` kept to it, `-1` left out, `0` not at all. */
export function filterState(query: string, field: string, value: string): 1 | 0 | -1 {
	if (isLogql(query)) {
		if (query.endsWith(stage(field, value, false))) return 1;
		return query.endsWith(stage(field, value, true)) ? -1 : 0;
	}
	const found = find(query, termOf(field, value));
	return found === null ? 0 : found.negated ? -1 : 1;
}

function withTerm(query: string, term: string, exclude: boolean): string {
	const found = find(query, term);
	const kept = found === null ? query.trim() : cut(query, found.from, found.to);
	if (found !== null && found.negated === exclude) return kept;
	const wanted = `${exclude ? '-' : ''}${term}`;
	if (kept === '') return wanted;
	return `${hasOr(kept) ? `(${kept})` : kept} ${wanted}`;
}

/** Where a term stands at the top level, with its minus. */
function find(query: string, term: string): { from: number; to: number; negated: boolean } | null {
	const wanted = tokenize(term);
	const tokens = tokenize(query);
	let depth = 0;
	for (const [index, token] of tokens.entries()) {
		if (token.kind === 'open') depth += 1;
		else if (token.kind === 'close') depth -= 1;
		if (depth !== 0 || !sameTokens(tokens.slice(index, index + wanted.length), wanted)) continue;
		// Part of an OR: taking it out would change what the rest means.
		if (hasOr(query)) return null;
		const negation = negationBefore(tokens, index);
		const from = negation?.from ?? token.from;
		const negated = negation !== undefined;
		return { from, to: tokens[index + wanted.length - 1]?.to ?? token.to, negated };
	}
	return null;
}

function sameTokens(found: Token[], wanted: Token[]): boolean {
	return found.length === wanted.length && wanted.every((token, index) => token.text === found[index]?.text);
}

function hasOr(query: string): boolean {
	let depth = 0;
	for (const token of tokenize(query)) {
		if (token.kind === 'open') depth += 1;
		else if (token.kind === 'close') depth -= 1;
		else if (depth === 0 && token.kind === 'keyword' && token.text === 'OR') return true;
	}
	return false;
}

function negationBefore(tokens: Token[], index: number): Token | undefined {
	const before = tokens[index - 1];
	if (before?.kind === 'not') return before;
	const keyword = before?.kind === 'blank' ? tokens[index - 2] : undefined;
	return keyword?.kind === 'keyword' && keyword.text === 'NOT' ? keyword : undefined;
}

/** Takes a term out, with the AND that bound it. */
function cut(query: string, from: number, to: number): string {
	let left = query.slice(0, from).trimEnd();
	let right = query.slice(to).trimStart();
	if (/(?:^|\s)AND$/.test(left)) left = left.slice(0, -3).trimEnd();
	else right = right.replace(/^AND(?:\s+|$)/, '');
	return `${left} ${right}`.trim();
}

function stage(field: string, value: string, exclude: boolean): string {
	return ` | ${field.replaceAll('.', '_')} ${exclude ? '!=' : '='} ${JSON.stringify(value)}`;
}

function withStage(query: string, field: string, value: string, exclude: boolean): string {
	const [same, opposite] = [stage(field, value, exclude), stage(field, value, !exclude)];
	const plain = query.trimEnd();
	if (plain.endsWith(same)) return plain.slice(0, -same.length);
	return (plain.endsWith(opposite) ? plain.slice(0, -opposite.length) : plain) + same;
}
