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
