import { goto } from '$app/navigation';
import { page } from '$app/state';
import { type Params, searchOf } from '$lib/url/link';

/** Where a view keeps what it shows, written as the parameters of a URL. */
export interface Address {
	/** What is shown; reading it is reactive. */
	readonly params: URLSearchParams;
	/** Shows something else; `push` where a person would want to come back from it. */
	go(params: URLSearchParams, options: { push?: boolean }): Promise<void>;
}

/** The URL of the page: every link can be shared, and Back goes back. */
export class PageAddress implements Address {
	get params(): URLSearchParams {
		return page.url.searchParams;
	}

	async go(params: URLSearchParams, { push = false }: { push?: boolean }) {
		const url = new URL(page.url);
		url.search = params.toString();
		await goto(url, { replaceState: !push, keepFocus: true, noScroll: true });
	}
}

/** An address of its own, in memory: that of a panel which stands beside others on one page. */
export class OwnAddress implements Address {
	private shown = $state.raw(new URLSearchParams());

	constructor(params: Params = {}) {
		this.shown = new URLSearchParams(searchOf(params));
	}

	get params(): URLSearchParams {
		return this.shown;
	}

	async go(params: URLSearchParams) {
		this.shown = params;
	}
}
