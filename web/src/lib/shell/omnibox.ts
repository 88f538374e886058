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
