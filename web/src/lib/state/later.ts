import { onDestroy } from 'svelte';
import { beforeNavigate } from '$app/navigation';
import type { Params } from '$lib/url/link';
import { getView } from './view.svelte';

/** Milliseconds after which a change that comes many times a second goes into the URL. */
const SETTLE = 200;

interface Options {
	/** Writes what has settled. */
	write: (changes: Params) => unknown;
	/** What waited is never written. */
	dropped?: () => void;
}

/** What changes with each key or turn of a wheel, kept until it has settled and then written once. */
export class Later {
	private readonly options: Options;
	private pending: Params | null = null;
	private timer: ReturnType<typeof setTimeout> | undefined;

	constructor(options: Options) {
		this.options = options;
	}

	/** Whether something waits to be written. */
	get waiting(): boolean {
		return this.pending !== null;
	}

	set(changes: Params) {
		this.pending = { ...this.pending, ...changes };
		clearTimeout(this.timer);
		this.timer = setTimeout(() => this.now(), SETTLE);
	}

	/** Writes what waits without waiting longer; resolves once it is written. */
	async now() {
		const settled = this.take();
		if (settled) await this.options.write(settled);
	}

	/** Drops what waits. */
	cancel() {
		if (this.take()) this.options.dropped?.();
	}

	private take(): Params | null {
		clearTimeout(this.timer);
		const taken = this.pending;
		this.pending = null;
		return taken;
	}
}

/**
 * A `Later` of a page: who leaves the page, or goes back, is not held up by what still waits, since writing it would
 * take the place of the navigation under way. Unless told, it writes into the component's view. To be called while a
 * component is set up.
 */
export function later(options: Partial<Options> = {}): Later {
	const view = getView();
	const own = new Later({ write: (changes) => view.set(changes), ...options });
	beforeNavigate(({ type, from, to }) => {
		const stays = type === 'goto' && from?.url.pathname === to?.url.pathname;
		if (!stays) own.cancel();
	});
	onDestroy(() => own.cancel());
	return own;
}
