import type { PrometheusClient } from '@prometheus-io/codemirror-promql';
import { prometheus } from '$lib/api/prometheus';
import type { Metadata } from './metadata';
import { metadataOf } from './metadata';

/** Milliseconds for which an answer is used again. */
const FRESH = 30_000;
/** How many answers are kept. */
const MAX_KEPT = 200;

/**
 * What the editor's completion asks: names, labels, values, as this server knows them. Answers are kept for a while, since
 * completion asks on every key. What cannot be had is empty: completion then offers less.
 */
export function completionClient(): PrometheusClient {
	const kept = new Map<string, { at: number; answer: Promise<unknown> }>();
	const stop = new AbortController();

	function ask<T>(path: string, params: Record<string, string | undefined>, none: T): Promise<T> {
		const key = `${path} ${JSON.stringify(params)}`;
		const before = kept.get(key);
		if (before && Date.now() - before.at < FRESH) return before.answer as Promise<T>;
		if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value ?? '');
		const answer = prometheus<T>(path, params, stop.signal).then(
			({ data }) => data,
			() => {
				kept.delete(key);
				return none;
			}
		);
		kept.set(key, { at: Date.now(), answer });
		return answer;
	}

	const selector = (metric?: string, matchers: { name: string; value: string; type: unknown }[] = []) => {
		const known = matchers.filter((one) => one.value !== '').map((one) => `${one.name}=${JSON.stringify(one.value)}`);
		return metric || known.length > 0 ? `${metric ?? ''}{${known.join(',')}}` : undefined;
	};
	const metricNames = () => ask<string[]>('label/__name__/values', {}, []);

	return {
		metricNames,
		labelNames: (metric) => ask<string[]>('labels', { 'match[]': selector(metric) }, []),
		labelValues: (label, metric) =>
			ask<string[]>(`label/${encodeURIComponent(label)}/values`, { 'match[]': selector(metric) }, []),
		async metricMetadata() {
			const [names, all] = await Promise.all([metricNames(), ask<Record<string, Metadata[]>>('metadata', {}, {})]);
			const entries = names.map((name) => [name, metadataOf(name, all)] as const);
			return Object.fromEntries(entries.flatMap(([name, about]) => (about ? [[name, [about]]] : [])));
		},
		async series(metric) {
			const found = await ask<Record<string, string>[]>('series', { 'match[]': selector(metric), limit: '1000' }, []);
			return found.map((labels) => new Map(Object.entries(labels)));
		},
		flags: () => Promise.resolve({}),
		destroy: () => stop.abort()
	};
}
