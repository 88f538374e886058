import { recall, remember } from '$lib/state/theme.svelte';
import type { View } from '$lib/state/view.svelte';
import { MAX_QUERIES, parseHistory, readQueries, remembered, writeQueries } from './queries';

const HISTORY_KEY = 'clew.promql-history';

export interface Draft {
	id: number;
	text: string;
}

/** Queries as one text, to tell whether two lists of them are the same. */
function textOf(queries: readonly string[]): string {
	return queries.join('\u0000');
}

/** What is typed into the query fields. Running puts it into the URL; a change of the URL puts it back here. */
export class Drafts {
	list = $state<Draft[]>([]);
	/** The field that was used last; the metric browser writes into it. */
	active = $state(0);
	history = $state.raw<string[]>(parseHistory(recall(HISTORY_KEY)));
	private readonly view: View;
	private next = 0;
	/** What the URL said when it was taken over last. */
	private followed: string | null = null;

	/** The queries that are run. */
	running: string[] = $derived.by(() => readQueries(this.view.params));
	/** The same as one text: a change of the URL that leaves the queries alone, such as a zoom, leaves this alone. */
	asked: string = $derived(textOf(this.running));

	constructor(view: View) {
		this.view = view;
	}

	/**
	 * Takes over the queries that the URL says, when it says others than before. What is typed but was not run yet stays
	 * through every other change of the URL.
	 */
	follow() {
		if (this.asked === this.followed) return;
		this.followed = this.asked;
		if (this.list.length > 0 && textOf(this.typed()) === this.asked) return;
		const queries = this.running.length > 0 ? this.running : [''];
		this.list = queries.map((text) => this.draft(text));
		this.active = Math.min(this.active, this.list.length - 1);
	}

	/** Runs what is typed; the same queries again ask the server again. */
	async run() {
		const queries = this.typed();
		for (const query of queries) this.history = remembered(this.history, query);
		remember(HISTORY_KEY, JSON.stringify(this.history));
		if (textOf(queries) === this.asked) {
			this.view.again();
			return;
		}
		// A new question is asked up to now, not up to when the page was opened.
		this.view.now = Date.now();
		// What was hidden belongs to the lines before.
		await this.view.set({ ...writeQueries(queries), only: '', hide: '' }, { push: true });
	}

	add() {
		if (this.list.length >= MAX_QUERIES) return;
		this.list.push(this.draft(''));
		this.active = this.list.length - 1;
	}

	async remove(index: number) {
		this.list.splice(index, 1);
		if (this.list.length === 0) this.list.push(this.draft(''));
		this.active = Math.max(0, Math.min(this.active, this.list.length - 1));
		await this.run();
	}

	/** Writes a query into the active field and runs it. */
	async show(query: string) {
		const draft = this.list[this.active];
		if (draft) draft.text = query;
		await this.run();
	}

	private typed(): string[] {
		return this.list.map((one) => one.text.trim()).filter((text) => text !== '');
	}

	private draft(text: string): Draft {
		this.next += 1;
		return { id: this.next, text };
	}
}
