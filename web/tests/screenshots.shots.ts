import { fileURLToPath } from 'node:url';
import type { Page, Route } from '@playwright/test';
import { test as base, facts, useTheme } from './fixtures';
import { PAGES } from './pages';

const OUT = fileURLToPath(new URL('../../target/screenshots', import.meta.url));

const test = base.extend({
	page: async ({ browser }, use) => use(await browser.newPage({ viewport: { width: 1440, height: 900 } }))
});

/** What the data calls of a page answer instead, by the name of the state that it shows. */
const STATES: Record<string, (route: Route) => Promise<void>> = {
	loading: () => new Promise(() => {}),
	empty: (route) => route.fulfill({ json: emptyOf(new URL(route.request().url()).pathname) }),
	error: (route) =>
		route.fulfill({
			status: 422,
			json: route.request().url().includes('/prometheus/')
				? { status: 'error', errorType: 'execution', error: 'the query needs more than 64 MiB (limits.query_memory)' }
				: {
						error: {
							code: 'limit_exceeded',
							message: 'the query needs more than 64 MiB (limits.query_memory)',
							hint: 'narrow the time range, or raise limits.query_memory'
						}
					}
		}),
	gone: (route) => route.abort('connectionrefused'),
	partial: async (route) => {
		const response = await route.fetch();
		const body = await response.json();
		const warnings = ['logs: part 000017 is damaged at byte 40960 and was skipped'];
		return route.fulfill({ response, json: { ...body, warnings } });
	},
	truncated: async (route) => {
		const response = await route.fetch();
		const body = await response.json();
		const cut = { any: true, logs: true, spans: true, exemplars: false, ids: false, depth: true };
		const truncated = typeof body.truncated === 'object' ? cut : true;
		return route.fulfill({ response, json: { ...body, truncated } });
	}
};

function emptyOf(path: string): unknown {
	if (path.includes('/prometheus/')) {
		if (path.includes('query')) return { status: 'success', data: { resultType: 'matrix', result: [] } };
		return {
			status: 'success',
			data: path.endsWith('targets') ? { activeTargets: [], droppedTargets: [] } : path.endsWith('metadata') ? {} : []
		};
	}
	if (path.endsWith('/histogram')) return { step_nanos: '60000000000', buckets: [], total: 0 };
	if (path.endsWith('/fields')) return { fields: [] };
	if (path.endsWith('/logs')) return { logs: [] };
	if (path.endsWith('/traces')) return { traces: [] };
	if (path.endsWith('/services')) return { services: [], truncated: false };
	return {};
}

const DATA = /\/(?:api\/v1\/(?!status|resolve|openapi)|prometheus\/api\/)/;

async function shoot(page: Page, name: string) {
	await page.waitForTimeout(2_000);
	await page.screenshot({ path: `${OUT}/${name}.png` });
}

for (const theme of ['dark', 'light'] as const) {
	for (const { name, path } of PAGES) {
		test(`${name} ${theme}`, async ({ page }) => {
			await useTheme(page, theme);
			await page.goto(facts.url + path);
			await shoot(page, `${name}-${theme}`);
		});
	}
}

for (const [state, answer] of Object.entries(STATES)) {
	// What the page of one thing shows when there is none is a page of its own (id-unknown).
	const single = state === 'empty' ? ['trace', 'service', 'id'] : [];
	const left = ['send', 'id-unknown', 'logs-panel', ...single];
	for (const { name, path } of PAGES.filter((one) => !left.includes(one.name))) {
		test(`${name} ${state}`, async ({ page }) => {
			await useTheme(page, state === 'error' || state === 'partial' ? 'light' : 'dark');
			await page.route(DATA, answer);
			await page.goto(facts.url + path);
			await shoot(page, `${name}-${state}`);
		});
	}
}

test('stale: a refresh fails while old data is shown', async ({ page }) => {
	for (const { name, path } of PAGES.filter((one) =>
		['home', 'logs', 'traces', 'trace', 'services', 'service', 'id', 'explore'].includes(one.name)
	)) {
		await page.goto(facts.url + path);
		await page.waitForTimeout(1_500);
		await page.route(DATA, (route) => route.abort('connectionrefused'));
		await page.getByRole('button', { name: 'Refresh now' }).click();
		await shoot(page, `${name}-stale`);
		await page.unroute(DATA);
	}
});

test('narrow windows', async ({ page }) => {
	await page.setViewportSize({ width: 420, height: 860 });
	for (const { name, path } of PAGES) {
		await page.goto(facts.url + path);
		await shoot(page, `${name}-narrow`);
	}
});

test('a log, a span and an event in their panels', async ({ page }) => {
	await page.goto(`${facts.url}/logs?q=%22language%20model%22`);
	await page.getByRole('grid', { name: 'Log records' }).getByRole('row').first().click();
	await shoot(page, 'logs-record');
	await page.goto(`${facts.url}/traces/${facts.traceId}`);
	await page
		.getByRole('treegrid')
		.getByRole('row', { name: /chat completion .*error/ })
		.click();
	await shoot(page, 'trace-span');
	await page.goto(`${facts.url}/id/${facts.correlationId}`);
	await page.getByRole('grid', { name: 'Records in order of time' }).getByRole('row').first().click();
	await shoot(page, 'id-event');
});
