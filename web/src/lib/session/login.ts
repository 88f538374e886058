import { RETURN, type SessionInfo, session } from './session.svelte';

/** What somebody logs in with. */
export type Login = { name: string; password: string } | { token: string };

/** Logs in; answers what to tell the person where it failed. */
export async function logIn(login: Login): Promise<string | null> {
	const response = await fetch(session.url, {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify(login)
	}).catch(() => null);
	if (response === null) return 'Clew does not answer. Is it running? Try again in a moment.';
	const body = await response.json().catch(() => undefined);
	if (!response.ok) return refusal(response, body);
	session.entered(body as SessionInfo);
	return null;
}

/** Where a provider of identities is asked. */
export const provider = () => `${session.url}/oidc`;

/** The page is left for a provider: where one was is remembered. */
export function leave() {
	sessionStorage.setItem(RETURN, `${location.pathname}${location.search}`);
}

/** Why a login was refused, for the person at the form. */
function refusal(response: Response, body: unknown): string {
	if (response.status === 401) return 'That is nobody here. Look for typing errors and Caps Lock, and try again.';
	if (response.status === 429) {
		const seconds = response.headers.get('retry-after') ?? 'some';
		return `Too many attempts failed. Try again in ${seconds} s.`;
	}
	const message = (body as { error?: { message?: string } } | undefined)?.error?.message;
	return message ?? `The server answered ${response.status}.`;
}
