import { tick, untrack } from 'svelte';
import { density } from '$lib/state/density.svelte';
import type { LogSearch } from './search.svelte';

/** Pages that Back loads again at most. */
const BACK_PAGES = 20;

/** What reading needs of the list that shows the rows. */
export interface RowList {
	/** Scrolls to an offset in pixels. */
	scrollTo(offset: number): void;
	reveal(index: number, align?: 'auto' | 'center' | 'start'): void;
	/** The first row in view, wholly or in part. */
	firstInView(): number;
	focus(): void;
}

/** Where somebody was when a page was left: the record that stood first, and the pixels of it that were out of view. */
export interface Place {
	query: string;
	anchor: string;
	below: number;
}

/**
 * Where somebody reads in the rows of a search: a refresh leaves them where they are, and Back brings them back there. To
 * be made while a component is set up.
 */
export class Reading {
	/** The list, while there is one. */
	list = $state<RowList>();
	private readonly search: LogSearch;
	/** Pixels scrolled. */
	private offset = 0;
	/** Where one was when the page was left, until it is found again. */
	private place: Place | null = null;

	constructor(search: LogSearch) {
		this.search = search;
		$effect(() => {
			const { first } = search;
			const page = first.isPlaceholderData ? undefined : first.data;
			if (page) untrack(() => this.take(page));
		});
	}

	focus() {
		this.list?.focus();
	}

	/** Shows a row, and leaves the keys to the list. */
	reveal(index: number, align: 'auto' | 'center' = 'auto') {
		this.list?.reveal(index, align);
		this.list?.focus();
	}

	/** Shows the newest records, which waited while somebody read further down. */
	showNewer() {
		this.offset = 0;
		this.search.results.showNewer();
		this.top();
	}

	/** Follows the tail again. */
	resume() {
		this.search.tail.resume();
		this.top();
	}

	/** A tail waits for who scrolls away from its newest records. */
	scrolled(to: number) {
		const { live, tail } = this.search;
		this.offset = to;
		if (live && to > density.row && !tail.paused) tail.pause();
		if (live && to === 0 && tail.paused && tail.waiting === 0) tail.resume();
	}

	capture(): Place {
		const anchor = this.offset > 0 ? (this.search.rows[this.list?.firstInView() ?? 0]?.id ?? '') : '';
		return { query: this.search.query, anchor, below: this.offset % density.row };
	}

	restore(left: Place) {
		const { search } = this;
		if (left.query !== search.query || left.anchor === '' || search.live) return;
		this.place = left;
		if (search.results.isOf(search.question)) tick().then(() => this.comeBack());
	}

	private top() {
		this.list?.scrollTo(0);
		this.list?.focus();
	}

	private async take(page: NonNullable<LogSearch['first']['data']>) {
		const { results, question, view } = this.search;
		const reading = this.offset > 0 && this.place === null;
		const before = results.take(question, view.bounds, page, reading);
		if (before < 0 && this.place === null) this.offset = 0;
		await tick();
		if (this.place) await this.comeBack();
		else if (before < 0) this.list?.scrollTo(0);
		else if (before > 0 && this.offset > 0) this.list?.scrollTo(this.offset + before * density.row);
	}

	/** Scrolls to the record that stood first when the page was left; after a reload it is loaded again first. */
	private async comeBack() {
		const wanted = this.place;
		for (let pages = 0; wanted !== null && wanted === this.place; pages += 1) {
			const at = this.search.results.rows.findIndex((one) => one.id === wanted.anchor);
			if (at >= 0) {
				await tick();
				if (this.search.wrap) this.list?.reveal(at, 'start');
				else this.list?.scrollTo(at * density.row + wanted.below);
			}
			if (at >= 0 || pages >= BACK_PAGES || !(await this.search.results.next())) this.place = null;
		}
	}
}
