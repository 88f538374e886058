import { base } from '$app/paths';

/** Who is logged in, and how one can: `GET /api/v1/session`. */
export interface SessionInfo {
	/** What the server asks of callers. */
	mode: string;
	ways: Way[];
	/** Absent where nobody is logged in. */
	principal?: string;
	scopes: string[];
	/** Absent where the server keeps none apart. */
	tenants?: { current?: string; names: string[]; any: boolean };
}

/** By what one logs in. */
export type Way = 'password' | 'token' | 'oidc';

/** Where it is remembered where one was. */
export const RETURN = 'clew.return';

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

	/** Somebody has logged in. */
	entered(info: SessionInfo) {
		this.info = info;
		this.closed = false;
	}

	async logOut() {
		await fetch(this.url, { method: 'DELETE' }).catch(() => null);
		this.info = this.info && { ...this.info, principal: undefined, scopes: [] };
		this.closed = true;
	}

	/** Where one was before a provider was asked, once. */
	takeReturn(): string | null {
		const where = sessionStorage.getItem(RETURN);
		sessionStorage.removeItem(RETURN);
		return this.info?.principal ? where : null;
	}

	/** Where it is asked for, begun and ended. */
	get url(): string {
		return `${base}/api/v1/session`;
	}
}

export const session = new Session();
