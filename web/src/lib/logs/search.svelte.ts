import { createQuery, keepPreviousData } from '@tanstack/svelte-query';
import { untrack } from 'svelte';
import { ApiFailure, answer, api } from '$lib/api/client';
import { latest } from '$lib/api/latest.svelte';
import { getView } from '$lib/state/view.svelte';
import { isRelative } from '$lib/time/range';
import { bucketsOf, totals } from './bars';
import { withFilter } from './filters';
import { marksOf } from './marks';
import { columnsOf, columnsParam, panelTab, staleNote, toggled } from './page';
import { FIRST_PAGE, LogResults, type Question } from './results.svelte';
import { LiveTail } from './tail.svelte';
import { stepParam } from './timeTicks';

/** Buckets of the histogram at most. */
const BUCKETS = 120;
/** How often the counts follow a live tail, milliseconds. */
const LIVE_COUNTS = 10_000;

/**
 * The logs that the component's view asks for: its query and range, the records found so far or as they come, counts over time, fields,
 * and what went wrong. Each view has its own, so that several can stand on one page. To be made while a component is set
 * up; it asks until that component goes.
 */
export class LogSearch {
	readonly view = getView();
	readonly results = this.view.kept(LogResults);
	readonly tail = new LiveTail();

	query = $derived.by(() => this.view.param('q'));
	question: Question = $derived.by(() => ({ query: this.query, ...this.view.range }));
	live = $derived.by(() => this.view.param('live') === '1');
	wrap = $derived.by(() => this.view.param('wrap') === '1');
	columns = $derived.by(() => columnsOf(this.view.param('cols')));
	tab = $derived.by(() => panelTab(this.view.param('panel')));
	marks = $derived.by(() => marksOf(this.query));
	/** What the REST API is asked for. */
	asked = $derived.by(() => ({ query: this.query || undefined, ...this.view.bounds }));

	readonly first = createQuery(() => ({
		queryKey: ['logs', this.query, this.view.bounds],
		enabled: !this.live,
		queryFn: ({ signal }) =>
			answer(api.GET('/api/v1/logs', { params: { query: { ...this.asked, limit: FIRST_PAGE } }, signal })),
		placeholderData: keepPreviousData
	}));
	readonly histogram = createQuery(() => ({
		queryKey: ['logs-histogram', this.query, this.view.bounds],
		queryFn: async ({ signal }) => {
			const range = this.view.resolved;
			const params = { query: { ...this.asked, step: stepParam(range.end - range.start, BUCKETS) } };
			return { range, data: await answer(api.GET('/api/v1/logs/histogram', { params, signal })) };
		},
		placeholderData: keepPreviousData
	}));
	readonly fields = createQuery(() => ({
		queryKey: ['logs-fields', this.query, this.view.bounds],
		queryFn: ({ signal }) => answer(api.GET('/api/v1/logs/fields', { params: { query: this.asked }, signal })),
		placeholderData: keepPreviousData
	}));

	/** The newest counts and fields there are of this query. */
	readonly counted = latest(this.histogram, () => this.query);
	readonly listed = latest(this.fields, () => this.query);

	rows = $derived.by(() => (this.live ? this.tail.rows : this.results.rows));
	/** Whether the rows are those of the question that is asked now. */
	current = $derived.by(() => this.live || this.results.isOf(this.question));
	counts = $derived.by(() => (this.counted.data ? totals(bucketsOf(this.counted.data.data)) : null));
	total = $derived.by(() => this.counted.data?.data.total ?? null);
	/** Nothing can be shown of this question: not the records, and so not the counts either. */
	refused = $derived.by(() =>
		this.live ? this.tail.status === 'refused' : this.first.isError && !(this.current && this.results.rows.length > 0)
	);
	refusal = $derived.by(() => (this.live ? this.tail.failure : this.first.error));
	/** Where in the query the fault is. */
	fault = $derived.by(() => (this.refusal instanceof ApiFailure ? (this.refusal.position ?? null) : null));
	empty = $derived.by(() => !this.live && this.current && !this.first.isError && this.results.rows.length === 0);
	warnings = $derived.by(() => [
		...new Set([
			...this.results.warnings,
			...(this.counted.data?.data.warnings ?? []),
			...(this.listed.data?.warnings ?? [])
		])
	]);
	stale = $derived.by(() =>
		this.refused
			? null
			: staleNote({
					records: this.live ? null : this.first.error,
					'counts over time': this.counted.data ? this.histogram.error : null,
					fields: this.listed.data ? this.fields.error : null
				})
	);

	constructor() {
		$effect(() => this.follow());
		$effect(() => () => this.results.stop());
	}

	/** Asks another query; the same one is asked again, up to now. */
	run(query: string) {
		if (query === this.query) return this.view.again();
		this.view.now = Date.now();
		this.view.set({ q: query, sel: null, panel: null }, { push: true });
	}

	filter(field: string, value: string, exclude: boolean) {
		this.view.set({ q: withFilter(this.query, field, value, exclude) }, { push: true });
	}

	toggleColumn(field: string) {
		this.view.set({ cols: columnsParam(toggled(this.columns, field)) });
	}

	toggleWrap() {
		this.view.set({ wrap: this.wrap ? null : '1' });
	}

	/** Follows what comes, or stops; what comes is of now, so that a range of the past is left. */
	toggleLive() {
		const leavesRange = !this.live && !isRelative(this.view.range);
		this.view.set({ live: this.live ? null : '1', ...(leavesRange ? { from: 'now-15m', to: 'now' } : {}) });
	}

	/** The page after those that are loaded; whether anything came. */
	async next(): Promise<boolean> {
		return !this.live && (await this.results.next());
	}

	retry() {
		if (this.live) this.tail.again();
		else this.first.refetch();
	}

	/** Live, the tail begins with the records that are shown, and the counts follow. */
	private follow() {
		if (!this.live) return;
		const query = this.query;
		untrack(() => {
			const shown = this.results.isOf(this.question) ? this.results.rows.slice(0, FIRST_PAGE) : null;
			this.tail.start(query, shown);
		});
		const timer = setInterval(() => this.view.again(), LIVE_COUNTS);
		return () => {
			clearInterval(timer);
			this.tail.stop();
		};
	}
}
