import type { Schema } from '$lib/api/client';
import { compact } from '$lib/format/number';
import type { Params } from '$lib/url/link';
import { PAGES } from './pages';

/** What the box makes of a text, before the server is asked: the pages it could be meant for, best first. */
export type Guess =
	| { kind: 'command'; label: string; run: 'theme' | 'help' | 'refresh' | { path: string } }
	| { kind: 'id'; id: string; looksLike: 'trace' | 'span' | 'other' }
	| { kind: 'logs'; query: string }
	| { kind: 'promql'; query: string };

/** A suggestion with what Enter does. */
export interface Suggestion {
	key: string;
	title: string;
	detail: string;
	path?: string;
	params?: Params;
	run?: 'theme' | 'help' | 'refresh';
}

const PROMQL_CALL =
	/^(?:sum|avg|min|max|count|stddev|stdvar|topk|bottomk|quantile|group|count_values|rate|irate|increase|delta|idelta|histogram_quantile|histogram_avg|abs|absent|ceil|floor|clamp\w*|\w+_over_time|label_replace|label_join|sort\w*|vector|scalar|time|deriv|predict_linear|changes|resets)\b\s*(?:\(|by\b|without\b)/;
const PROMQL_SELECTOR = /^[a-zA-Z_:][\w:]*\s*(?:\{[^}]*\}|\[\d+(?:ms|[smhdwy])\])/;
const METRIC_NAME = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*_(?:total|bucket|count|sum|seconds|bytes|ratio|info)$/;

/** Whether a text is more likely PromQL than a log filter. */
export function looksLikePromql(text: string): boolean {
	return PROMQL_CALL.test(text) || PROMQL_SELECTOR.test(text) || METRIC_NAME.test(text);
}

/** What an ID looks like; `null` for what can hardly be one. */
export function looksLikeId(text: string): 'trace' | 'span' | 'other' | null {
	if (/^[0-9a-f]{32}$/i.test(text) || /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/i.test(text)) return 'trace';
	if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return 'trace';
	if (/^\d{30,39}$/.test(text)) return 'trace';
	if (/^[0-9a-f]{16}$/i.test(text)) return 'span';
	if (text.length > 512 || /\s/.test(text) || text.startsWith('{') || text.startsWith('/')) return null;
	// A digit somewhere, or a dash: words alone are searched in logs first.
	return /\d/.test(text) || /^[\w.]+[-:][\w.:-]+$/.test(text) ? 'other' : null;
}

/** The guesses for a text, best first. */
export function guesses(text: string): Guess[] {
	const trimmed = text.trim();
	if (trimmed === '') return [];
	if (trimmed.startsWith('>')) return commands(trimmed.slice(1).trim());
	if (trimmed.startsWith('{'))
		return [
			{ kind: 'logs', query: trimmed },
			{ kind: 'promql', query: trimmed }
		];
	if (looksLikePromql(trimmed))
		return [
			{ kind: 'promql', query: trimmed },
			{ kind: 'logs', query: trimmed }
		];
	const like = looksLikeId(trimmed);
	if (like !== null && !/^[\w.]+:[^:]+$/.test(trimmed.replace(/^\w+:\d+$/, ''))) {
		return [
			{ kind: 'id', id: trimmed, looksLike: like },
			{ kind: 'logs', query: quoted(trimmed) }
		];
	}
	const rest: Guess[] = like === null ? [] : [{ kind: 'id', id: trimmed, looksLike: like }];
	return [{ kind: 'logs', query: trimmed }, ...rest];
}

/** Longest text that the server is asked about, in characters: what an address may hold. */
const LONGEST_ASKED = 8_000;

/** The text that the server is asked about; `null` for commands and queries, which name nothing that is stored. */
export function asked(text: string): string | null {
	const trimmed = text.trim();
	if (trimmed.length < 2 || trimmed.startsWith('>')) return null;
	if (trimmed.startsWith('{') && !/^\{[\s"]/.test(trimmed) && looksLikeSelector(trimmed)) return null;
	return trimmed.slice(0, LONGEST_ASKED);
}

function looksLikeSelector(text: string): boolean {
	return /^\{\s*[a-zA-Z_]\w*\s*(?:=|!=|=~|!~)\s*["`]/.test(text);
}

/**
 * What the box offers, best first: what exists of all that the text names, with how much of it there is, then the pages
 * that the text itself could be meant for. An ID that nothing carries comes after the search for its text.
 */
export function suggestions(
	text: string,
	resolved: Schema['ResolutionDto'] | undefined,
	asking: boolean
): Suggestion[] {
	const found = (resolved?.candidates ?? []).filter((one) => total(one) > 0).flatMap(ofNamed);
	const rest = guesses(text).flatMap((guess) => ofGuess(guess, resolved, asking));
	const taken = new Set(found.map((one) => one.key));
	const all = [...found, ...rest.filter((one) => !taken.has(one.key))];
	// Nothing carries it: its text may still stand in a message.
	return resolved && found.length === 0 ? [...all.filter(notStory), ...all.filter((one) => !notStory(one))] : all;
}

const notStory = (one: Suggestion) => !one.key.startsWith('story ');

function ofNamed(named: Schema['NamedDto']): Suggestion[] {
	const detail = counts(named);
	const story = storyOf(named.id, detail);
	switch (named.kind) {
		case 'trace':
			return named.spans > 0
				? [{ key: `trace ${named.id}`, title: `Trace ${named.id}`, detail, path: `/traces/${named.id}` }, story]
				: [story];
		case 'service':
			return [
				{
					key: `service ${named.id}`,
					title: `Service ${named.id}`,
					detail,
					path: `/services/${encodeURIComponent(named.id)}`
				}
			];
		case 'metric':
			return [
				{
					key: `metric ${named.id}`,
					title: `Metric ${named.id}`,
					detail: `${compact(named.exemplars)} series`,
					path: '/explore',
					params: { q: named.id }
				}
			];
		default:
			return [story];
	}
}

function storyOf(id: string, detail: string): Suggestion {
	return { key: `story ${id}`, title: `Everything that carries ${id}`, detail, path: `/id/${encodeURIComponent(id)}` };
}

function ofGuess(guess: Guess, resolved: Schema['ResolutionDto'] | undefined, asking: boolean): Suggestion[] {
	switch (guess.kind) {
		case 'command':
			return typeof guess.run === 'string'
				? [{ key: guess.label, title: guess.label, detail: '', run: guess.run }]
				: [{ key: guess.label, title: guess.label, detail: guess.run.path, path: guess.run.path }];
		case 'logs':
			return [
				{
					key: 'logs',
					title: `Search logs for ${guess.query}`,
					detail: 'Logs',
					path: '/logs',
					params: { q: guess.query }
				}
			];
		case 'promql':
			return [
				{
					key: 'promql',
					title: `Graph ${guess.query}`,
					detail: 'Metrics',
					path: '/explore',
					params: { q: guess.query }
				}
			];
		case 'id': {
			if (!resolved) return [storyOf(guess.id, asking ? 'asking …' : 'Correlate')];
			return total(resolved) > 0 ? [] : [storyOf(resolved.id, 'nothing carries it')];
		}
	}
}

function total(named: Schema['NamedDto']): number {
	return named.logs + named.spans + named.exemplars;
}

function counts(named: Schema['NamedDto']): string {
	const more = named.truncated ? '+' : '';
	const parts: [number, string, string][] = [
		[named.logs, 'log', 'logs'],
		[named.spans, 'span', 'spans'],
		[named.exemplars, 'exemplar', 'exemplars']
	];
	return parts
		.filter(([count]) => count !== 0)
		.map(([count, one, many]) => `${compact(count)}${more} ${count === 1 && !more ? one : many}`)
		.join(', ');
}

/** An ID as a phrase of the search bar, so that its dashes and colons are no operators. */
export function quoted(text: string): string {
	return /^[\w.]+$/.test(text) ? text : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function commands(text: string): Guess[] {
	const all: Guess[] = [
		...PAGES.map((page): Guess => ({ kind: 'command', label: `Go to ${page.label}`, run: { path: page.path } })),
		{ kind: 'command', label: 'Switch between dark and light', run: 'theme' },
		{ kind: 'command', label: 'Refresh now', run: 'refresh' },
		{ kind: 'command', label: 'Keyboard and help', run: 'help' }
	];
	const words = text.toLowerCase().split(/\s+/).filter(Boolean);
	return all.filter((one) => one.kind === 'command' && words.every((word) => one.label.toLowerCase().includes(word)));
}
