import { ApiFailure, answer, api, failureOf, type Schema, unreachable } from '$lib/api/client';

/** A user or token. */
export type Member = Schema['MemberDto'];

/** What was done, by whom. */
export type Deed = Schema['AuditEntryDto'];

/** The tenants in a text: names with commas or spaces between them; none where it is empty. */
export function tenantsIn(text: string): string[] | undefined {
	const names = text.split(/[\s,]+/).filter((name) => name !== '');
	return names.length > 0 ? names : undefined;
}

/** What one may do, and what that means. */
export const SCOPES = [
	['ingest', 'send records'],
	['read', 'ask what is kept'],
	['admin', 'see and change how the server runs']
] as const;

export const fetchUsers = (signal: AbortSignal) =>
	answer(api.GET('/api/v1/users', { signal })).then(({ users }) => users);

export const fetchTokens = (signal: AbortSignal) =>
	answer(api.GET('/api/v1/tokens', { signal })).then(({ tokens }) => tokens);

/** A page of the audit log, the newest first; `before` is `next` of the page before. */
export const fetchDeeds = (before: number | undefined, signal: AbortSignal) =>
	answer(api.GET('/api/v1/audit', { params: { query: { limit: 50, before } }, signal }));

export const addUser = (name: string, password: string, scopes: string[], tenants?: string[]) =>
	done(api.POST('/api/v1/users', { body: { name, password, scopes, tenants } }));

/** Gives a user another password: their sessions end. */
export const changePassword = (name: string, password: string) =>
	done(api.PUT('/api/v1/users/{name}', { params: { path: { name } }, body: { password } }));

export const changeScopes = (name: string, scopes: string[]) =>
	done(api.PUT('/api/v1/users/{name}', { params: { path: { name } }, body: { scopes } }));

export const removeUser = (name: string) => done(api.DELETE('/api/v1/users/{name}', { params: { path: { name } } }));

/** The token's text: the answer alone holds it. */
export const addToken = (name: string, scopes: string[], tenants?: string[]) =>
	answer(api.POST('/api/v1/tokens', { body: { name, scopes, tenants } })).then(({ token }) => token);

export const removeToken = (name: string) => done(api.DELETE('/api/v1/tokens/{name}', { params: { path: { name } } }));

/** What to tell a person of something that failed. */
export function told(error: unknown): string {
	if (error instanceof ApiFailure) return error.hint ? `${error.message} ${error.hint}` : error.message;
	return String(error);
}

/** A call that answers nothing but that it was done. */
async function done(call: Promise<{ error?: unknown; response: Response }>): Promise<void> {
	const { error, response } = await call.catch((cause) => {
		throw unreachable(cause);
	});
	if (!response.ok) throw failureOf(error, response.status);
}

/** Deeds in words; others are shown as the server names them. */
const DEEDS: Record<string, string> = {
	start: 'started Clew',
	stop: 'stopped Clew',
	login: 'logged in',
	login_failed: 'failed to log in',
	logout: 'logged out',
	reload: 'read the configuration anew',
	trust_clock: 'said that the clock is right',
	user_added: 'added the user',
	user_changed: 'changed the user',
	user_removed: 'removed the user',
	token_added: 'made the token',
	token_removed: 'removed the token',
	catalog_exported: 'wrote out the catalog',
	catalog_imported: 'brought in a catalog'
};

export const deedInWords = (what: string): string => DEEDS[what] ?? what.replaceAll('_', ' ');
