import { createQuery, keepPreviousData } from '@tanstack/svelte-query';
import { untrack } from 'svelte';
import { ApiFailure, answer, api, type Schema } from '$lib/api/client';
import { Continued } from '$lib/api/fresh';
import { latest } from '$lib/api/latest.svelte';
import { getView } from '$lib/state/view.svelte';
import { isRelative } from '$lib/time/range';
import { bucketsOf, endsOf, joined, totals, withArrivals } from './bars';
import { withFilter } from './filters';
import { marksOf } from './marks';
import { columnsOf, columnsParam, panelTab, staleNote, toggled } from './page';
import { millisOf } from './record';
import { FIRST_PAGE, LogResults, type Page, type Question } from './results.svelte';
import { LiveTail } from './tail.svelte';
import { stepParam } from './timeTicks';

/** Buckets of the histogram at most. */
const BUCKETS = 120;
/** How old the list of fields may be after a refresh that came by itself, milliseconds. */
const FIELDS_AGE = 60_000;
/** Records that a refresh by itself may ask for again, for what came late. */
const OVERLAP = 100;
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

	private readonly lastPage = new Continued<true>();
	private readonly lastCounts = new Continued<Schema['HistogramDto']>();
	private readonly lastFields = new Continued<Schema['FieldsDto']>();

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
		queryFn: ({ signal }) => this.newest(signal),
		placeholderData: keepPreviousData
	}));
	readonly histogram = createQuery(() => ({
		queryKey: ['logs-histogram', this.query, this.view.bounds],
		queryFn: async ({ signal }) => {
			const range = this.view.resolved;
			return { range, data: await this.count(range, signal) };
		},
		placeholderData: keepPreviousData
	}));
	readonly fields = createQuery(() => ({
		queryKey: ['logs-fields', this.query, this.view.bounds],
		queryFn: async ({ signal }) => {
			const { query, asked, view } = this;
			// Which fields there are takes longest to count, and changes least.
			const recent = this.lastFields.recent(query, view.resolved, view.automatic, FIELDS_AGE);
			if (recent) return recent;
			const { resolved } = view;
			const data = await answer(api.GET('/api/v1/logs/fields', { params: { query: asked }, signal }));
			return this.lastFields.keep(query, resolved, data, false);
		},
		placeholderData: keepPreviousData
	}));

	/** The newest counts and fields there are of this query. */
	readonly counted = latest(this.histogram, () => this.query);
	readonly listed = latest(this.fields, () => this.query);

	rows = $derived.by(() => (this.live ? this.tail.rows : this.results.rows));
	/** Whether the rows are those of the question that is asked now. */
	current = $derived.by(() => this.live || this.results.isOf(this.question));
	/** The counts over time; live, what came since they were made is counted in. */
	shown = $derived.by(() => {
		const made = this.counted.data;
		if (!made || !this.live) return made;
		const data = withArrivals(made.data, this.tail.arrivals, made.range.end);
		const newest = data.buckets.at(-1);
		const end = newest ? Number(newest.start_unix_nano) / 1e6 + Number(data.step_nanos) / 1e6 : made.range.end;
		return { range: { ...made.range, end: data === made.data ? made.range.end : Math.max(made.range.end, end) }, data };
	});
	counts = $derived.by(() => (this.shown ? totals(bucketsOf(this.shown.data)) : null));
	total = $derived.by(() => this.shown?.data.total ?? null);
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

	/** The newest records; a refresh by itself asks for what is new alone, where they are loaded. */
	private async newest(signal: AbortSignal): Promise<Page> {
		const { asked, results, view } = this;
		const { resolved } = view;
		const subject = JSON.stringify(this.question);
		const before =
			results.isOf(this.question) && !results.newer ? this.lastPage.before(subject, resolved, view.automatic) : null;
		const ask = (start: string) =>
			answer(api.GET('/api/v1/logs', { params: { query: { ...asked, start, limit: FIRST_PAGE } }, signal }));
		if (before) {
			// Where very many came, no more than some of them are asked for again.
			const overlap = results.rows[OVERLAP];
			const from = Math.max(before.from, overlap ? millisOf(overlap) : 0);
			const page = await ask(new Date(from).toISOString());
			this.lastPage.keep(subject, resolved, true, true);
			// More new ones than a page holds: it is the first page of all.
			return page.next_cursor ? page : { ...page, since: from };
		}
		const page = await ask(asked.start);
		this.lastPage.keep(subject, resolved, true, false);
		return page;
	}

	/** The counts over time; a refresh by itself counts the ends of the range anew, where the rest is known. */
	private async count(range: { start: number; end: number }, signal: AbortSignal): Promise<Schema['HistogramDto']> {
		const { query, asked, view } = this;
		const step = stepParam(range.end - range.start, BUCKETS);
		const subject = JSON.stringify([query, step]);
		const before = this.lastCounts.before(subject, range, view.automatic);
		const ask = (start: string, end: string) =>
			answer(api.GET('/api/v1/logs/histogram', { params: { query: { ...asked, start, end, step } }, signal }));
		const pieces = before ? endsOf(before.data, range, before.from) : null;
		if (before && pieces) {
			const iso = (millis: number) => new Date(millis).toISOString();
			const [head, tail] = await Promise.all([
				ask(asked.start, iso(pieces.headEnd)),
				ask(iso(pieces.tailStart), asked.end)
			]);
			return this.lastCounts.keep(subject, range, joined(head, before.data, tail), true);
		}
		return this.lastCounts.keep(subject, range, await ask(asked.start, asked.end), false);
	}

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
		const timer = setInterval(() => this.view.again(true), LIVE_COUNTS);
		return () => {
			clearInterval(timer);
			this.tail.stop();
		};
	}
}
