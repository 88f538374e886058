import type { Params } from '$lib/url/link';

/**
 * Which lines of the graph are hidden, as the URL says it: `only` names those that are shown, `hide` those that are not,
 * whichever are fewer. Names are separated by line breaks, which no series has in it.
 */

function keysOf(text: string | null): string[] {
	return (text ?? '').split('\n').filter((key) => key !== '');
}

/** The hidden ones among the lines that there are; what the URL names and is not there hides nothing. */
export function hiddenOf(params: URLSearchParams, keys: readonly string[]): ReadonlySet<string> {
	const only = new Set(keysOf(params.get('only')));
	if (only.size > 0 && keys.some((key) => only.has(key))) return new Set(keys.filter((key) => !only.has(key)));
	const hide = new Set(keysOf(params.get('hide')));
	const hidden = keys.filter((key) => hide.has(key));
	return new Set(hidden.length === keys.length ? [] : hidden);
}

export function hiddenParams(keys: readonly string[], hidden: ReadonlySet<string>): Params {
	const shown = keys.filter((key) => !hidden.has(key));
	const gone = keys.filter((key) => hidden.has(key));
	if (gone.length === 0) return { only: '', hide: '' };
	return shown.length <= gone.length ? { only: shown.join('\n'), hide: '' } : { only: '', hide: gone.join('\n') };
}
