import { goto } from '$app/navigation';
import { page } from '$app/state';
import { DEFAULT_RANGE, isRelative, type ResolvedRange, resolveRange, type TimeRange } from '$lib/time/range';
import { linkTo, type Params } from '$lib/url/link';

/**
 * What the URL says: time range, query, selection. The URL is the state: reading it here is reactive, and changing it
 * here changes the address, so that every link can be shared and Back goes back.
 */

/** How often a page asks again. */
export const REFRESH_CHOICES = ['off', '5s', '10s', '30s', '1m', 'auto'] as const;
export type Refresh = (typeof REFRESH_CHOICES)[number];

const INTERVALS: Record<Exclude<Refresh, 'off' | 'auto'>, number> = { '5s': 5e3, '10s': 10e3, '30s': 30e3, '1m': 60e3 };

class View {
	/** The instant that relative times count from; moves on refresh. */
	now = $state(Date.now());

	range: TimeRange = $derived({
		from: page.url.searchParams.get('from') ?? DEFAULT_RANGE.from,
		to: page.url.searchParams.get('to') ?? DEFAULT_RANGE.to
	});

	/** The range in Unix milliseconds. */
	resolved: ResolvedRange = $derived(resolveRange(this.range, this.now));

	/** The range as the REST API takes it. */
	bounds = $derived({
		start: new Date(this.resolved.start).toISOString(),
		end: new Date(this.resolved.end).toISOString()
	});

	refresh: Refresh = $derived.by(() => {
		const value = page.url.searchParams.get('refresh') as Refresh | null;
		return value !== null && REFRESH_CHOICES.includes(value) ? value : 'off';
	});

	/** Milliseconds between two refreshes, or `null`. */
	interval: number | null = $derived.by(() => {
		if (this.refresh === 'off') return null;
		if (this.refresh !== 'auto') return INTERVALS[this.refresh];
		const width = this.resolved.end - this.resolved.start;
		return width <= 900e3 ? 5e3 : width <= 3600e3 ? 10e3 : width <= 6 * 3600e3 ? 30e3 : 60e3;
	});

	/** A parameter of the URL, `''` when absent. */
	param(name: string): string {
		return page.url.searchParams.get(name) ?? '';
	}

	/**
	 * Changes parameters of the URL; an empty value removes one. A step that a person would want to come back from is
	 * pushed (`push`), the rest replaces the present entry.
	 */
	async set(changes: Params, options: { push?: boolean } = {}) {
		const url = new URL(page.url);
		for (const [name, value] of Object.entries(changes)) {
			if (value === undefined || value === null || value === '') url.searchParams.delete(name);
			else url.searchParams.set(name, String(value));
		}
		if (url.search === page.url.search) return;
		await goto(url, { replaceState: !options.push, keepFocus: true, noScroll: true });
	}

	async setRange(range: TimeRange) {
		this.now = Date.now();
		await this.set({ from: range.from, to: range.to }, { push: true });
	}

	/**
	 * Asks everything again, up to now. A relative range moves, which asks anew by itself; an absolute one stays the same
	 * question, so that its answers are declared old.
	 */
	again() {
		this.now = Date.now();
		if (!isRelative(this.range)) this.invalidate();
	}

	/** Declares every answer that is shown old; set by the layout, which has the query client. */
	invalidate: () => void = () => {};

	/** A link that keeps the time range (and the refresh). */
	link(path: string, params: Params = {}): string {
		return linkTo(path, { ...this.carried(), ...params });
	}

	private carried(): Params {
		const search = page.url.searchParams;
		return { from: search.get('from'), to: search.get('to'), refresh: search.get('refresh') };
	}
}

export const view = new View();
