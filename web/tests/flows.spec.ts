import type { Page } from '@playwright/test';
import { expect, facts, test } from './fixtures';

/** The flows of a night on call, by mouse. `keyboard.spec.ts` goes the same ways without one. */

const open = (page: Page, path: string) => page.goto(facts.url + path);
const records = (page: Page) => page.getByRole('grid', { name: 'Log records' });

async function search(page: Page, query: string) {
	const box = page.getByRole('search', { name: 'Logs' }).getByRole('textbox');
	await box.click();
	await page.keyboard.press('ControlOrMeta+a');
	await page.keyboard.type(query);
	await page.getByRole('button', { name: 'Run' }).click();
}

test('a word leads to its log, its trace, the logs of the span, the service, and back', async ({ page }) => {
	await open(page, '/logs');
	await search(page, 'language model');
	const row = records(page).getByRole('row', { name: /task failed: the language model/ });
	await expect(row).toHaveCount(1);
	await row.click();
	const panel = page.getByRole('complementary', { name: 'Log record' });
	await expect(panel.getByText('attempt')).toBeVisible();
	await panel.getByRole('link', { name: 'Trace', exact: true }).click();

	await expect(page).toHaveURL(new RegExp(`/traces/${facts.traceId}`));
	const spans = page.getByRole('treegrid', { name: 'Spans of the trace' });
	await expect(spans.getByRole('row')).not.toHaveCount(0);
	await spans.getByRole('row', { name: /worker-coder run task .*error/ }).click();
	const span = page.getByRole('complementary').filter({ has: page.getByRole('link', { name: 'worker-coder' }) });
	await expect(span.getByText('task failed: the language model did not answer in 4 s').first()).toBeVisible();
	await span.getByRole('link', { name: 'worker-coder' }).first().click();

	await expect(page).toHaveURL(/\/services\/worker-coder/);
	await expect(page.getByRole('heading', { level: 1, name: /worker-coder/ })).toBeVisible();
	await page.goBack();
	await expect(spans.getByRole('row', { name: /worker-coder run task .*error/ })).toHaveAttribute(
		'aria-selected',
		'true'
	);
	await page.goBack();
	await expect(page).toHaveURL(/\/logs/);
	await expect(records(page).getByRole('row', { name: /task failed/ })).toHaveAttribute('aria-selected', 'true');
});

test('Back restores how far a list was scrolled', async ({ page }) => {
	await open(page, '/logs?q=service:billing');
	const list = records(page);
	await expect(list.getByRole('row').first()).toBeVisible();
	await list.hover();
	await page.mouse.wheel(0, 4_000);
	await expect.poll(() => list.evaluate((node) => node.scrollTop)).toBeGreaterThan(3_000);
	await page.waitForTimeout(400);
	const before = await list.evaluate((node) => node.scrollTop);
	await page.getByRole('link', { name: 'Services' }).click();
	await expect(page).toHaveURL(/\/services/);
	await page.goBack();
	await expect(list.getByRole('row').first()).toBeVisible();
	await expect.poll(() => list.evaluate((node) => node.scrollTop)).toBeGreaterThan(before - 50);
	expect(await list.evaluate((node) => node.scrollTop)).toBeLessThan(before + 50);
});

test('a correlation ID that stands in one log line alone leads to the trace and the metrics', async ({ page }) => {
	await open(page, '/');
	const box = page.getByRole('combobox', { name: /Any ID/ });
	await box.fill(facts.correlationId);
	await expect(page.getByRole('option', { name: /Everything that carries/ })).toContainText('1 log');
	await page.keyboard.press('Enter');

	await expect(page).toHaveURL(new RegExp(`/id/${facts.correlationId}`));
	const timeline = page.getByRole('region', { name: 'Timeline' });
	for (const service of ['orchestrator', 'planner', 'worker-coder', 'llm-gateway', 'supervisor']) {
		await expect(timeline.getByRole('button', { name: new RegExp(`^${service}`) })).toBeVisible();
	}
	const related = page.getByRole('complementary', { name: 'What it leads to' });
	await expect(related.getByRole('link', { name: /agent_tasks_total/ })).toBeVisible();
	const trace = related.getByRole('link', { name: /POST \/requests/ });
	await trace.click();
	await expect(page).toHaveURL(new RegExp(`/traces/${facts.traceId}`));
	await page.goBack();
	await related.getByRole('link', { name: /agent_tasks_total/ }).click();
	await expect(page).toHaveURL(/\/explore/);
	await expect(page.getByText('agent_tasks_total').first()).toBeVisible();
});

test('dragging over the histogram zooms in, and Back zooms out', async ({ page }) => {
	await open(page, '/logs');
	const bars = page.getByRole('slider', { name: 'Records over time' });
	await expect(bars).toBeVisible();
	const total = page.getByText(/^[\d,]+ records?$/);
	const whole = await total.textContent();
	const box = await bars.boundingBox();
	if (!box) throw new Error('the histogram has no place');
	await page.mouse.move(box.x + box.width * 0.5, box.y + box.height / 2);
	await page.mouse.down();
	await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2, { steps: 5 });
	await page.mouse.up();
	await expect(page).toHaveURL(/from=\d{4}-/);
	await expect(total).not.toHaveText(whole ?? '');
	await page.goBack();
	await expect(page).not.toHaveURL(/from=\d{4}-/);
});

test('the live tail shows lines as they come, and pauses where one reads', async ({ page }) => {
	await open(page, '/logs?q=service:ticker');
	await page.getByRole('button', { name: 'Live' }).click();
	const newest = async () => {
		const text = await records(page).getByRole('row').first().textContent();
		return Number(/heartbeat (\d+)/.exec(text ?? '')?.[1] ?? 0);
	};
	await expect.poll(newest).toBeGreaterThan(0);
	const first = await newest();
	await expect.poll(newest, { timeout: 20_000 }).toBeGreaterThan(first + 2);
	// Whoever scrolls away reads: nothing moves until they come back.
	await page.setViewportSize({ width: 1440, height: 420 });
	await expect
		.poll(() => records(page).evaluate((node) => node.scrollHeight - node.clientHeight), { timeout: 30_000 })
		.toBeGreaterThan(60);
	await records(page).hover();
	await page.mouse.wheel(0, 60);
	await expect(page.getByRole('button', { name: /new|resume/i }).first()).toBeVisible();
	const held = await newest();
	await page.waitForTimeout(1_200);
	expect(await newest()).toBe(held);
	await page
		.getByRole('button', { name: /new|resume/i })
		.first()
		.click();
	await expect.poll(newest).toBeGreaterThan(held);
});

test('the theme is switched and remembered', async ({ page }) => {
	await open(page, '/');
	const html = page.locator('html');
	const before = await html.getAttribute('data-theme');
	const after = before === 'dark' ? 'light' : 'dark';
	await page.getByRole('button', { name: before === 'dark' ? 'Light theme' : 'Dark theme' }).click();
	await expect(html).toHaveAttribute('data-theme', after);
	await page.reload();
	await expect(html).toHaveAttribute('data-theme', after);
});

test('a query that cannot be read says where and what to write instead', async ({ page, expectRefusal }) => {
	expectRefusal(/400/);
	await open(page, `/logs?q=${encodeURIComponent('level:error AND (')}`);
	await expect(page.getByRole('alert').first()).toBeVisible();
	await expect(page.getByRole('alert').getByText('^')).toBeVisible();
});

test('metrics are graphed and read as a table', async ({ page }) => {
	await open(page, `/explore?q=${encodeURIComponent('queue_depth')}`);
	await expect(page.locator('.uplot canvas').first()).toBeVisible();
	await page
		.getByRole('radio', { name: 'Table' })
		.or(page.getByRole('button', { name: 'Table' }))
		.or(page.getByRole('tab', { name: 'Table' }))
		.first()
		.click();
	await expect(page.getByRole('row', { name: /tasks.*\b7$/ })).toBeVisible();
	await expect(page.locator('.uplot')).toHaveCount(0);
});

test('a target that is down is shown with its reason', async ({ page }) => {
	await open(page, '/settings');
	await page.getByRole('link', { name: 'Storage' }).click();
	await expect(page.getByText(/connection refused/i)).toHaveCount(0);
	await page.getByRole('link', { name: 'Targets' }).click();
	await expect(page.getByText(/connection refused/i).first()).toBeVisible();
});

test('the page to send data turns to what has come by itself', async ({ page, request }) => {
	await open(page, '/send');
	await expect(page.getByText(/http:\/\/127\.0\.0\.1:\d+/).first()).toBeVisible();
	// Nobody sends logs over OTLP/HTTP yet.
	await expect(page.getByText('Waiting for the first log').first()).toBeVisible();
	const record = { timeUnixNano: `${Date.now()}000000`, severityText: 'INFO', body: { stringValue: 'hello' } };
	const sent = await request.post(`${facts.url}/v1/logs`, {
		data: { resourceLogs: [{ resource: {}, scopeLogs: [{ logRecords: [record] }] }] }
	});
	expect(sent.ok()).toBe(true);
	await expect(page.getByText(/First log received \d/).first()).toBeVisible();
});

test('a relative range counts from when a page is opened, and refresh asks anew on an absolute one', async ({
	page
}) => {
	const asked: URL[] = [];
	page.on('request', (request) => {
		const url = new URL(request.url());
		if (url.pathname === '/api/v1/services') asked.push(url);
	});
	await page.clock.install();
	await open(page, '/send');
	await page.clock.fastForward('02:00:00');
	const opened = Date.now() + 2 * 3600e3;
	await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Services' }).click();
	await expect.poll(() => asked.length).toBeGreaterThan(0);
	const end = Date.parse(asked[0]?.searchParams.get('end') ?? '');
	expect(Math.abs(end - opened)).toBeLessThan(120e3);

	await open(page, '/services?from=2026-01-01T00:00:00.000Z&to=2026-01-02T00:00:00.000Z');
	await expect(page.getByRole('heading', { name: 'Services' })).toBeVisible();
	await expect.poll(() => asked.length).toBeGreaterThan(1);
	const before = asked.length;
	await page.getByRole('button', { name: 'Refresh now' }).click();
	await expect.poll(() => asked.length).toBeGreaterThan(before);
});
