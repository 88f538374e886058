// @vitest-environment happy-dom
import { QueryClient } from '@tanstack/svelte-query';
import { mount, unmount } from 'svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { OwnAddress, PageAddress } from '../address.svelte';
import { View } from '../view.svelte';

/** A question that a panel asked the server, and what cancels it. */
interface Asked {
	path: string;
	query: string;
	start: string;
	signal: AbortSignal | null | undefined;
}

const server = vi.hoisted(() => ({ asked: [] as Asked[], silent: false }));
const page = vi.hoisted(() => ({ url: new URL('http://h/?q=of-the-page&from=now-7d') }));
const goto = vi.hoisted(() => vi.fn());

vi.mock('$app/paths', () => ({ base: 'http://h' }));
vi.mock('$app/state', () => ({ page }));
vi.mock('$app/navigation', () => ({ goto, beforeNavigate: () => {} }));

/** What the server says to a question: the question, so that it is seen who shows what. */
function say({ path, query, start }: Asked): unknown {
	const time = { time: start, time_unix_nano: '1', observed_time: start };
	const log = {
		...time,
		id: '1-1',
		severity: 'INFO',
		severity_number: 9,
		severity_text: '',
		service: 's',
		attributes: {}
	};
	switch (path) {
		case '/api/v1/logs':
			return { logs: [{ ...log, message: `${query} since ${start}` }] };
		case '/api/v1/logs/histogram':
			return { total: query.length, buckets: [] };
		case '/api/v1/logs/fields':
			return { fields: [] };
		default: {
			const result = [{ metric: { asked: query }, value: [Number(start), '1'] }];
			return { status: 'success', data: { resultType: 'vector', result } };
		}
	}
}

/** Stands before the page's modules are loaded: the API's client takes what `fetch` is then. */
vi.hoisted(() => {
	const respond = async (input: RequestInfo | URL, init?: RequestInit) => {
		const request = input instanceof Request ? input : null;
		const url = new URL(request?.url ?? String(input));
		const params = init?.body instanceof URLSearchParams ? init.body : url.searchParams;
		const asked = {
			path: url.pathname,
			query: params.get('query') ?? '',
			start: params.get('start') ?? params.get('time') ?? '',
			signal: request?.signal ?? init?.signal
		};
		server.asked.push(asked);
		if (server.silent) return new Promise<Response>(() => {});
		return new Response(JSON.stringify(say(asked)), { headers: { 'content-type': 'application/json' } });
	};
	globalThis.fetch = respond as typeof fetch;
});

const { default: Panels } = await import('./Panels.svelte');

const invalidated = vi.fn();
const ownView = (params: Record<string, string>) => new View(new OwnAddress(params), invalidated);
const DAY = { from: '2026-03-01T00:00:00Z', to: '2026-03-02T00:00:00Z' };
const HOUR = { from: '2026-03-05T10:00:00Z', to: '2026-03-05T11:00:00Z' };

let stop = () => {};
let client: QueryClient;

function show(views: { kind: 'logs' | 'metrics'; view: View }[]): () => string[] {
	const target = document.body;
	const component = mount(Panels, { target, props: { client, views } });
	stop = () => void unmount(component);
	return () =>
		[...target.querySelectorAll('section[data-kind]')].map((one) => (one.textContent ?? '').replace(/\s+/g, ' '));
}

beforeEach(() => {
	client = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: Number.POSITIVE_INFINITY } } });
	server.asked.length = 0;
	server.silent = false;
	goto.mockClear();
	invalidated.mockClear();
});

afterEach(() => {
	stop();
	stop = () => {};
	client.clear();
	document.body.replaceChildren();
});

const questions = (path: string) =>
	server.asked.filter((one) => one.path === path).map(({ query, start }) => [query, start]);

it('two panels of logs on one page have their own query, range, counts and records', async () => {
	const [left, right] = [ownView({ q: 'failed', ...DAY }), ownView({ q: 'slow', ...HOUR })];
	const shown = show([
		{ kind: 'logs', view: left },
		{ kind: 'logs', view: right }
	]);
	await vi.waitFor(() => {
		expect(shown()[0]).toContain('failed since 2026-03-01T00:00:00.000Z');
		expect(shown()[1]).toContain('slow since 2026-03-05T10:00:00.000Z');
		expect(shown()[0]).toContain('6 records');
		expect(shown()[1]).toContain('4 records');
	});
	expect(shown()[0]).not.toContain('slow');
	expect(shown()[1]).not.toContain('failed');

	// Another range of the one is another question of it alone.
	server.asked.length = 0;
	await left.setRange({ from: '2026-02-01T00:00:00Z', to: '2026-02-02T00:00:00Z' });
	await vi.waitFor(() => expect(shown()[0]).toContain('failed since 2026-02-01T00:00:00.000Z'));
	expect(shown()[1]).toContain('slow since 2026-03-05T10:00:00.000Z');
	expect(server.asked.filter((one) => one.query !== 'failed')).toEqual([]);
	expect(questions('/api/v1/logs')).toEqual([['failed', '2026-02-01T00:00:00.000Z']]);

	// So is another query.
	server.asked.length = 0;
	await right.set({ q: 'slower' });
	await vi.waitFor(() => expect(shown()[1]).toContain('slower since 2026-03-05T10:00:00.000Z'));
	expect(shown()[0]).toContain('failed since 2026-02-01T00:00:00.000Z');
	expect(questions('/api/v1/logs')).toEqual([['slower', '2026-03-05T10:00:00.000Z']]);

	// None of it is the page's.
	expect(goto).not.toHaveBeenCalled();
	expect(page.url.search).toBe('?q=of-the-page&from=now-7d');
});

it('a panel of metrics beside one of logs takes neither its query nor its range', async () => {
	const [logs, metrics] = [ownView({ q: 'failed', ...DAY }), ownView({ q: 'up', ...HOUR })];
	const shown = show([
		{ kind: 'logs', view: logs },
		{ kind: 'metrics', view: metrics }
	]);
	// An instant query asks for the values at the end of the range.
	const eleven = String(Date.parse('2026-03-05T11:00:00Z') / 1000);
	await vi.waitFor(() => {
		expect(shown()[0]).toContain('failed since 2026-03-01T00:00:00.000Z');
		expect(shown()[1]).toContain('1 value at');
	});
	expect(questions('/prometheus/api/v1/query')).toEqual([['up', eleven]]);

	server.asked.length = 0;
	await metrics.set({ q: 'down' });
	await vi.waitFor(() => expect(questions('/prometheus/api/v1/query')).toEqual([['down', eleven]]));
	expect(questions('/api/v1/logs')).toEqual([]);
});

it('only the view of the page changes its URL, and a panel beside it does not follow that URL', async () => {
	const [whole, panel] = [new View(new PageAddress(), invalidated), ownView({ q: 'failed', ...DAY })];
	const shown = show([
		{ kind: 'logs', view: whole },
		{ kind: 'logs', view: panel }
	]);
	await vi.waitFor(() => {
		expect(shown()[0]).toContain('of-the-page since');
		expect(shown()[1]).toContain('failed since');
	});
	// The page's view changes the URL; the panel's does not.
	await panel.set({ q: 'other' });
	expect(goto).not.toHaveBeenCalled();
	await whole.set({ q: 'another' }, { push: true });
	expect(goto.mock.calls.map(([url, options]) => [url.search, options.replaceState])).toEqual([
		['?q=another&from=now-7d', false]
	]);
});

it('a refresh of one panel with an absolute range declares answers old; a relative range asks by itself', async () => {
	const [fixed, moving] = [ownView({ q: 'a', ...DAY }), ownView({ q: 'b', from: 'now-5m', to: 'now' })];
	fixed.again();
	expect(invalidated).toHaveBeenCalledTimes(1);
	moving.now = 0;
	moving.again();
	expect(invalidated).toHaveBeenCalledTimes(1);
	expect(moving.resolved.end - moving.resolved.start).toBe(300_000);
	expect(moving.resolved.end).toBeGreaterThan(0);
});

it('what a panel still waits for is cancelled when it goes', async () => {
	server.silent = true;
	show([{ kind: 'logs', view: ownView({ q: 'failed', ...DAY }) }]);
	await vi.waitFor(() => expect(server.asked.length).toBe(3));
	expect(server.asked.map((one) => one.signal?.aborted)).toEqual([false, false, false]);
	stop();
	stop = () => {};
	await vi.waitFor(() => expect(server.asked.map((one) => one.signal?.aborted)).toEqual([true, true, true]));
});
