import type { Page } from '@playwright/test';
import { expect, facts, test } from './fixtures';

/** The metrics page: queries, graph, table, the list of metrics, by mouse and by keyboard. */

const open = (page: Page, params: Record<string, string> = {}) =>
	page.goto(`${facts.url}/explore?${new URLSearchParams(params)}`);
const graph = (page: Page) => page.getByRole('slider', { name: /^Graph of/ });
const legend = (page: Page) => page.locator('tr:has(button.name)');
/** The values of the counter by outcome: two lines, `failed` and `ok`. */
const BY_OUTCOME = 'sum by (outcome) (agent_tasks_total)';

test('an empty page offers queries whose metrics exist, and one click shows an answer', async ({ page }) => {
	await open(page);
	await page
		.locator('.starters')
		.getByRole('button', { name: /queue_depth/ })
		.click();
	await expect(page).toHaveURL(/q=queue_depth/);
	await expect(graph(page)).toBeVisible();
});

test('Enter runs what is typed, with completion of the names that exist', async ({ page }) => {
	await open(page);
	// Until the editor is loaded the field is a plain one, which completes nothing.
	await expect(page.locator('.cm-content').first()).toBeVisible();
	await page.keyboard.press('e');
	await page.keyboard.type('queue_dep');
	const option = page.getByRole('option', { name: /queue_depth/ });
	await expect(option).toBeVisible();
	// Completion takes no Enter in the moment after it opens, lest it swallow one that was meant to run.
	await page.waitForTimeout(200);
	await page.keyboard.press('Enter');
	await expect(option).toBeHidden();
	await page.keyboard.press('Enter');
	await expect(page).toHaveURL(/q=queue_depth/);
	await expect(legend(page)).toHaveCount(1);
	await expect(legend(page).first()).toContainText('7');
});

test('a click in the legend shows one line alone, Ctrl adds another, and heads sort', async ({ page }) => {
	await open(page, { q: BY_OUTCOME });
	await expect(legend(page)).toHaveCount(2);
	const shown = page.locator('.results button.name[aria-pressed=true]');
	await page.getByRole('button', { name: 'ok', exact: true }).click();
	await expect(shown).toHaveText('ok');
	await page.getByRole('button', { name: 'failed', exact: true }).click({ modifiers: ['ControlOrMeta'] });
	await expect(shown).toHaveCount(2);
	await expect(legend(page).first()).toContainText('failed');
	await page.getByRole('button', { name: 'Last', exact: true }).click();
	await expect(legend(page).first()).toContainText('ok');
	await expect(page.locator('th').filter({ hasText: 'Last ↓' })).toHaveAttribute('aria-sort', 'descending');
});

test('the graph is zoomed by drag and by keyboard, and Back zooms out', async ({ page }) => {
	await open(page, { q: 'queue_depth' });
	const plot = page.locator('.u-over');
	const box = await plot.boundingBox();
	if (!box) throw new Error('the graph has no place');
	await page.mouse.move(box.x + box.width * 0.3, box.y + 50);
	await page.mouse.down();
	await page.mouse.move(box.x + box.width * 0.6, box.y + 60, { steps: 5 });
	await page.mouse.up();
	await expect(page).toHaveURL(/from=\d{4}-/);
	await page.goBack();
	await expect(page).not.toHaveURL(/from=/);

	await graph(page).focus();
	for (let step = 0; step < 5; step += 1) await page.keyboard.press('ArrowLeft');
	await expect(graph(page)).toHaveAttribute('aria-valuetext', /^\d\d:\d\d:\d\d: /);
	for (let step = 0; step < 20; step += 1) await page.keyboard.press('Shift+ArrowLeft');
	await page.keyboard.press('Enter');
	await expect(page).toHaveURL(/from=\d{4}-/);
});

test('several queries stand beside one another, as graph and as tables, and are removed again', async ({ page }) => {
	await open(page, { q: 'queue_depth' });
	await expect(graph(page)).toBeVisible();
	await page.getByRole('button', { name: 'Query', exact: true }).click();
	await page.keyboard.type('up');
	await page.keyboard.press('Escape');
	await page.keyboard.press('ControlOrMeta+Enter');
	await expect(page).toHaveURL(/q2=up/);
	await expect(legend(page)).toHaveCount(3);
	await page.getByRole('button', { name: 'Table', exact: true }).click();
	await expect(page.getByRole('table', { name: 'Values of up' }).getByRole('row')).toHaveCount(3);
	await page.getByRole('button', { name: 'Remove query B' }).click();
	await expect(page).not.toHaveURL(/q2=/);
	await page.getByRole('button', { name: 'History for query A' }).click();
	await page.getByRole('button', { name: 'up', exact: true }).click();
	await expect(page).toHaveURL(/q=up/);
});

test('the list of metrics is searched and opened without a mouse', async ({ page }) => {
	await open(page);
	await page.getByRole('searchbox', { name: /Find a metric/ }).fill('task duration');
	await page.keyboard.press('ArrowDown');
	const metrics = page.getByRole('grid', { name: 'Metrics' });
	await expect(metrics.getByRole('row', { selected: true })).toContainText('agent_task_duration_seconds');
	await page.keyboard.press('Enter');
	await expect(page).toHaveURL(/histogram_quantile/);
	await expect(graph(page)).toBeVisible();
});

test('exemplars lead to their traces', async ({ page }) => {
	await open(page, { q: 'agent_tasks_total' });
	await page.getByText('Exemplars', { exact: false }).click();
	await page.getByRole('link', { name: facts.traceId }).first().click();
	await expect(page).toHaveURL(new RegExp(`/traces/${facts.traceId}`));
});

test('a query that cannot be parsed is marked where it breaks', async ({ page, expectRefusal }) => {
	expectRefusal(/400/);
	await open(page, { q: 'sum(rate(up[5m])' });
	const alert = page.getByRole('alert');
	await expect(alert).toContainText('expected ")"');
	await expect(alert.getByText('^')).toBeVisible();
});

test('what an answer lacks is said: no data, too many lines', async ({ page }) => {
	await open(page, { q: 'no_such_metric' });
	await expect(page.getByRole('heading', { name: 'No data points' })).toBeVisible();
	// The server under test holds too few series: an answer of 1,234 is made up.
	await page.route('**/prometheus/api/v1/query_range', (route) => {
		const time = Math.floor(Date.now() / 60_000) * 60 - 600;
		const series = (index: number) => ({ metric: { shard: String(index) }, values: [[time, String(index)]] });
		const result = Array.from({ length: 1_234 }, (_, index) => series(index));
		return route.fulfill({ json: { status: 'success', data: { resultType: 'matrix', result } } });
	});
	await open(page, { q: 'queue_depth' });
	await expect(page.getByText(/^100 of 1,234 series are drawn/)).toBeVisible();
	await expect(legend(page)).toHaveCount(100);
	await expect(legend(page).last()).toContainText('1233');
});
