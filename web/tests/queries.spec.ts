import type { Page } from '@playwright/test';
import { expect, facts, test } from './fixtures';

/** Several queries of the metrics page beside one another, and what is typed while the page moves on. */

const open = (page: Page, params: Record<string, string> = {}) =>
	page.goto(`${facts.url}/explore?${new URLSearchParams(params)}`);
const legend = (page: Page) => page.locator('tr:has(button.name)');

test('two queries over one metric share its exemplars', async ({ page }) => {
	await open(page, { q: 'agent_tasks_total', q2: 'sum(agent_tasks_total)' });
	await expect(legend(page)).toHaveCount(3);
	await page.getByText('Exemplars', { exact: false }).click();
	await expect(page.getByRole('link', { name: facts.traceId }).first()).toBeVisible();
});

test('a line shown alone stays alone when the graph is zoomed', async ({ page }) => {
	await open(page, { q: 'sum by (outcome) (agent_tasks_total)' });
	const shown = page.locator('.results button.name[aria-pressed=true]');
	await page.getByRole('button', { name: 'ok', exact: true }).click();
	await expect(shown).toHaveText('ok');
	await page.getByRole('slider', { name: /^Graph of/ }).focus();
	for (let step = 0; step < 20; step += 1) await page.keyboard.press('Shift+ArrowLeft');
	await page.keyboard.press('Enter');
	await expect(page).toHaveURL(/from=\d{4}-/);
	await expect(shown).toHaveText('ok');
	// The link can be shared, and Back shows all.
	await page.reload();
	await expect(shown).toHaveText('ok');
});

test('a query that is typed but not run stays when the range or the view changes', async ({ page }) => {
	await open(page, { q: 'queue_depth' });
	await expect(page.locator('.cm-content').first()).toBeVisible();
	await page.keyboard.press('e');
	await page.keyboard.press('ControlOrMeta+a');
	await page.keyboard.type('sum(up)');
	await page.keyboard.press('Escape');
	await page.getByRole('button', { name: 'Table', exact: true }).click();
	await expect(page).toHaveURL(/tab=table/);
	await expect(page.locator('.cm-content').first()).toHaveText('sum(up)');
	await page.getByRole('button', { name: 'Run', exact: true }).click();
	await expect(page).toHaveURL(/q=sum/);
});
