import { base } from '$app/paths';

/** Parameters of a page's URL; what is absent or empty is left out. */
export type Params = Record<string, string | number | undefined | null>;

/**
 * A link to a page of Clew below whatever path it is served under. `path` starts with a slash; its segments are the
 * caller's to encode.
 */
export function linkTo(path: string, params: Params = {}): string {
	const query = searchOf(params);
	return `${base}${path}${query}`;
}

/** The path of the page without what it is served under: `/logs`. */
export function pathWithin(pathname: string): string {
	const path = base !== '' && pathname.startsWith(base) ? pathname.slice(base.length) : pathname;
	return path === '' ? '/' : path;
}

export function searchOf(params: Params): string {
	const search = new URLSearchParams();
	for (const [name, value] of Object.entries(params)) {
		if (value !== undefined && value !== null && value !== '') search.set(name, String(value));
	}
	const text = search.toString();
	return text === '' ? '' : `?${text}`;
}
