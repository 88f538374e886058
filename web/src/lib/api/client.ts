import createClient from 'openapi-fetch';
import { base } from '$app/paths';
import { session } from '$lib/session/session.svelte';
import { parseJson } from './json';
import type { components, paths } from './schema';

/** Shapes of Clew's own API, generated from its description. */
export type Schema = components['schemas'];

/** What the server or the network said no to. */
export class ApiFailure extends Error {
	constructor(
		message: string,
		/** A word for programs: `bad_query`, `limit_exceeded`, `unreachable` … */
		readonly code: string,
		/** HTTP status; 0 when no answer came. */
		readonly status: number,
		/** Where in the query, in UTF-8 bytes. */
		readonly position?: number,
		/** What to write instead. */
		readonly hint?: string
	) {
		super(message);
		this.name = 'ApiFailure';
	}
}

/** Clew's own API: `api.GET('/api/v1/logs', { params: { query: … }, signal })`, unwrapped by `answer`. */
export const api = createClient<paths>({ baseUrl: base });

/** An answer whose JSON keeps the text of the sender's numbers. */
class ExactResponse extends Response {
	override async json(): Promise<unknown> {
		return parseJson(await this.text());
	}
}

api.use({
	onResponse({ response }) {
		// Browsers give an answer without content (204) an empty body, with which none can be made again.
		if (!response.ok || response.status === 204 || response.body === null) return response;
		const headers = new Headers(response.headers);
		// The client parses an answer of unknown length by itself; any length makes it ask the answer for its JSON.
		headers.set('content-length', headers.get('content-length') ?? '1');
		return new ExactResponse(response.body, { status: response.status, statusText: response.statusText, headers });
	}
});

/** The data of an answer; what failed is thrown as `ApiFailure`. */
export async function answer<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
	const { data, error, response } = await call.catch((cause) => {
		throw unreachable(cause);
	});
	if (error !== undefined || data === undefined) throw failureOf(error, response.status);
	return data;
}

/** An abort stays an abort: the query layer knows it. Anything else means that the server did not answer. */
export function unreachable(cause: unknown): unknown {
	if (cause instanceof DOMException && cause.name === 'AbortError') return cause;
	return new ApiFailure(
		'Clew does not answer.',
		'unreachable',
		0,
		undefined,
		'Is it running, and is this page still served by it? It is asked again when you press Retry.'
	);
}

export function failureOf(body: unknown, status: number): ApiFailure {
	if (status === 401) session.lost();
	const detail = (body as { error?: { code?: string; message?: string; position?: number; hint?: string } } | undefined)
		?.error;
	if (detail && typeof detail === 'object' && detail.message) {
		return new ApiFailure(detail.message, detail.code ?? 'error', status, detail.position, detail.hint);
	}
	return new ApiFailure(`The server answered ${status}.`, 'error', status);
}
