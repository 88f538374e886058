import { base } from '$app/paths';

/** Who is logged in, and how one can: `GET /api/v1/session`. */
export interface SessionInfo {
	/** What the server asks of callers. */
	mode: string;
	ways: Way[];
	/** Absent where nobody is logged in. */
	principal?: string;
	scopes: string[];
}

/** By what one logs in. */
export type Way = 'password' | 'token' | 'oidc';

export type Login = { name: string; password: string } | { token: string };

/** Where it is remembered where one was. */
const RETURN = 'clew.return';

class Session {
	info = $state.raw<SessionInfo | null>(null);
	/** Whether the page can show nothing before somebody logs in. */
	closed = $state(false);

	/** Asks who is logged in. A server that does not answer is told by what the page asks. */
	async ask() {
		const response = await fetch(this.url).catch(() => null);
		if (!response?.ok) return;
		this.info = (await response.json()) as SessionInfo;
		if (!this.info.principal) this.closed = true;
	}

	/** The server asked who this is: the login has ended, or there was none. */
	lost() {
		this.closed = true;
		if (this.info === null || this.info.principal) void this.ask();
	}

	/** Logs in; answers what to tell the person where it failed. */
	async logIn(login: Login): Promise<string | null> {
		const response = await fetch(this.url, {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify(login)
		}).catch(() => null);
		if (response === null) return 'Clew does not answer. Is it running? Try again in a moment.';
		const body = await response.json().catch(() => undefined);
		if (!response.ok) return refusal(response, body);
		this.info = body as SessionInfo;
		this.closed = false;
		return null;
	}

	async logOut() {
		await fetch(this.url, { method: 'DELETE' }).catch(() => null);
		this.info = this.info && { ...this.info, principal: undefined, scopes: [] };
		this.closed = true;
	}

	/** Where a provider of identities is asked; the page is left, and where one was is remembered. */
	get provider(): string {
		return `${this.url}/oidc`;
	}

	leave() {
		sessionStorage.setItem(RETURN, `${location.pathname}${location.search}`);
	}

	/** Where one was before a provider was asked, once. */
	takeReturn(): string | null {
		const where = sessionStorage.getItem(RETURN);
		sessionStorage.removeItem(RETURN);
		return this.info?.principal ? where : null;
	}

	private get url(): string {
		return `${base}/api/v1/session`;
	}
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

export const session = new Session();
