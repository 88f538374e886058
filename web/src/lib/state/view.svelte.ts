import { createContext } from 'svelte';
import { DEFAULT_RANGE, isRelative, type ResolvedRange, resolveRange, type TimeRange } from '$lib/time/range';
import { linkTo, type Params } from '$lib/url/link';
import type { Address } from './address.svelte';

/** How often a page asks again. */
export const REFRESH_CHOICES = ['off', '5s', '10s', '30s', '1m', 'auto'] as const;
export type Refresh = (typeof REFRESH_CHOICES)[number];

const INTERVALS: Record<Exclude<Refresh, 'off' | 'auto'>, number> = { '5s': 5e3, '10s': 10e3, '30s': 30e3, '1m': 60e3 };

/**
 * What is shown: time range, query, selection. The address is the state: reading it here is reactive, and changing it
 * here changes the address. The page's view has the page's URL; a panel among others has a view with an address of its
 * own. What stands inside takes the nearest one with `getView`.
 */
export class View {
	/** The instant that relative times count from; moves on refresh. */
	now = $state(Date.now());

	/**
	 * Whether the last refresh came by itself: what is asked then may be what is new alone, and what takes long to count
	 * need not be counted each time. Not reactive: it says how to ask, not what.
	 */
	automatic = false;

	range: TimeRange = $derived.by(() => {
		const { params } = this.address;
		return { from: params.get('from') ?? DEFAULT_RANGE.from, to: params.get('to') ?? DEFAULT_RANGE.to };
	});

	/** The range in Unix milliseconds. */
	resolved: ResolvedRange = $derived(resolveRange(this.range, this.now));

	/** The range as the REST API takes it. */
	bounds = $derived({
		start: new Date(this.resolved.start).toISOString(),
		end: new Date(this.resolved.end).toISOString()
	});

	refresh: Refresh = $derived.by(() => {
		const value = this.address.params.get('refresh') as Refresh | null;
		return value !== null && REFRESH_CHOICES.includes(value) ? value : 'off';
	});

	/** Milliseconds between two refreshes, or `null`. */
	interval: number | null = $derived.by(() => {
		if (this.refresh === 'off') return null;
		if (this.refresh !== 'auto') return INTERVALS[this.refresh];
		const width = this.resolved.end - this.resolved.start;
		return width <= 900e3 ? 5e3 : width <= 3600e3 ? 10e3 : width <= 6 * 3600e3 ? 30e3 : 60e3;
	});

	private readonly address: Address;
	private readonly invalidate: () => void;
	private readonly belongings = new Map<new () => object, object>();

	/** `invalidate` declares every answer that is shown old. */
	constructor(address: Address, invalidate: () => void) {
		this.address = address;
		this.invalidate = invalidate;
	}

	/** The parameters of the address. */
	get params(): URLSearchParams {
		return this.address.params;
	}

	/** A parameter of the address, `''` when absent. */
	param(name: string): string {
		return this.params.get(name) ?? '';
	}

	/**
	 * Changes parameters of the address; an empty value removes one. A step that a person would want to come back from is
	 * pushed (`push`), the rest replaces the present entry.
	 */
	async set(changes: Params, options: { push?: boolean } = {}) {
		const next = new URLSearchParams(this.params);
		for (const [name, value] of Object.entries(changes)) {
			if (value === undefined || value === null || value === '') next.delete(name);
			else next.set(name, String(value));
		}
		if (next.toString() !== this.params.toString()) await this.address.go(next, options);
	}

	async setRange(range: TimeRange) {
		this.automatic = false;
		this.now = Date.now();
		await this.set({ from: range.from, to: range.to }, { push: true });
	}

	/**
	 * Asks everything again, up to now. A relative range moves, which asks anew by itself; an absolute one stays the same
	 * question, so that its answers are declared old.
	 */
	again(automatic = false) {
		this.automatic = automatic;
		this.now = Date.now();
		if (!isRelative(this.range)) this.invalidate();
	}

	/** A link that keeps the time range (and the refresh). */
	link(path: string, params: Params = {}): string {
		return linkTo(path, { ...this.carried(), ...params });
	}

	/**
	 * A link to what an answer counted: to the range as it was asked for, not as it has moved since, so that the number
	 * there is the number here.
	 */
	counted(path: string, asked: { start: string; end: string }, params: Params = {}): string {
		return linkTo(path, { from: asked.start, to: asked.end, ...params });
	}

	/**
	 * What belongs to this view but outlives the component that asks for it, so that Back finds it as it was left: one of
	 * each class, made when it is first asked for.
	 */
	kept<Kept extends object>(type: new () => Kept): Kept {
		const found = this.belongings.get(type);
		if (found) return found as Kept;
		const made = new type();
		this.belongings.set(type, made);
		return made;
	}

	private carried(): Params {
		return { from: this.param('from'), to: this.param('to'), refresh: this.param('refresh') };
	}
}

/** The view that a component stands in. To be called while the component is set up. */
export const [getView, setView] = createContext<View>();
