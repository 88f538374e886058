import { createQuery } from '@tanstack/svelte-query';
import { prometheus, type QueryData, type Series } from '$lib/api/prometheus';
import { entriesOf, type Metadata } from './metadata';

/** Milliseconds for which the list of metrics counts as fresh. */
const FRESH = 60_000;

/** The metrics that exist. The numbers of series come when they are counted, and stay away when they cannot be. */
export function createMetrics() {
	const names = createQuery(() => ({
		queryKey: ['metric-names'],
		queryFn: async ({ signal }) => (await prometheus<string[]>('label/__name__/values', {}, signal)).data,
		staleTime: FRESH
	}));
	const metadata = createQuery(() => ({
		queryKey: ['metric-metadata'],
		queryFn: async ({ signal }) => (await prometheus<Record<string, Metadata[]>>('metadata', {}, signal)).data,
		staleTime: FRESH
	}));
	const counts = createQuery(() => ({
		queryKey: ['metric-series'],
		queryFn: async ({ signal }) => {
			const { data } = await prometheus<QueryData>('query', { query: 'count by (__name__) ({__name__!=""})' }, signal);
			const result = data.result as Series[];
			return new Map(result.map((one) => [one.metric.__name__ ?? '', Number(one.value?.[1] ?? 0)]));
		},
		staleTime: FRESH,
		retry: false
	}));
	const entries = $derived(names.data ? entriesOf(names.data, metadata.data ?? {}, counts.data ?? null) : []);
	return {
		get entries() {
			return entries;
		},
		/** The names have not come yet. */
		get waiting() {
			return names.isPending;
		},
		get error() {
			return names.error;
		},
		/** Whether the types are known (or cannot be). */
		get described() {
			return !names.isPending && !metadata.isPending;
		},
		retry() {
			void names.refetch();
		}
	};
}
