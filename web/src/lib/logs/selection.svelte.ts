import { type CreateQueryResult, createQuery } from '@tanstack/svelte-query';
import { isError } from '$lib/format/severity';
import { later } from '$lib/state/later';
import { logContext } from './context';
import type { Log } from './record';
import type { LogSearch } from './search.svelte';

/** Pages that "next error" loads at most before it gives up. */
const ERROR_PAGES = 5;

/** The selected record of a search, and the panel that shows it whole. To be made while a component is set up. */
export class LogSelection {
	private readonly search: LogSearch;

	/** The selected record: at once here, a moment later in the URL, so that a held key does not write a hundred of them. */
	id = $state('');
	/** Where it stands among the rows; -1 where it is not among them. */
	index = $derived.by(() => (this.id === '' ? -1 : this.search.rows.findIndex((log) => log.id === this.id)));
	/** A record that a link leads to need not be among those loaded. */
	private readonly lone: CreateQueryResult<Log>;
	log = $derived.by(
		() => this.search.rows[this.index] ?? (this.lone.data?.id === this.id ? this.lone.data : undefined)
	);

	private readonly settling = later();

	constructor(search: LogSearch) {
		this.search = search;
		this.id = search.view.param('sel');
		this.lone = createQuery(() => ({
			queryKey: ['log', this.id],
			enabled: this.id !== '' && search.tab !== null && this.index < 0,
			queryFn: async ({ signal }) => (await logContext(this.id, { before: 0, after: 0 }, signal)).log,
			staleTime: Number.POSITIVE_INFINITY
		}));
		$effect(() => {
			const own = search.view.param('sel');
			this.settling.cancel();
			this.id = own;
		});
	}

	select(index: number) {
		const id = this.search.rows[index]?.id;
		if (id === undefined) return;
		this.id = id;
		this.settling.set({ sel: id });
	}

	/** Shows the record whole; whether there is one. */
	open(index: number): boolean {
		const id = this.search.rows[index]?.id;
		if (id === undefined) return false;
		this.settling.cancel();
		this.id = id;
		this.search.view.set({ sel: id, panel: this.search.tab ?? 'fields' }, { push: this.search.tab === null });
		return true;
	}

	/** Writes the selection into the URL at once, since the page is about to be left: Back leads to this record. */
	async settle(id: string) {
		this.settling.cancel();
		await this.search.view.set({ sel: id });
	}

	/** The row that is so many further, or -1 where there are no rows. */
	beside(by: number): number {
		return Math.min(this.search.rows.length - 1, Math.max(0, this.index + by));
	}

	/** The next row with an error, which pages may have to be loaded for; -1 where none is found. */
	async nextError(): Promise<number> {
		let from = this.index + 1;
		for (let pages = 0; ; pages += 1) {
			const found = this.search.rows.findIndex((one, place) => place >= from && isError(one.severity));
			if (found >= 0) return found;
			from = this.search.rows.length;
			if (pages >= ERROR_PAGES || !(await this.search.next())) return -1;
		}
	}
}
