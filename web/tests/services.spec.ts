import type { Page } from '@playwright/test';
import { expect, facts, test } from './fixtures';

/** The services: list, map, one of them. */

const open = (page: Page, path: string) => page.goto(facts.url + path);
const list = (page: Page) => page.getByRole('table', { name: 'Services' });
const names = (page: Page) => list(page).locator('tbody td:first-child');

test('the list is sorted, searched and comes back as it was', async ({ page }) => {
	await open(page, '/services');
	await expect(names(page).first()).toBeVisible();
	await page.getByRole('button', { name: 'Errors', exact: true }).click();
	await expect(page).toHaveURL(/sort=errorShare/);
	// One of 41 requests broke: the root, one of three tasks of it, one of three calls.
	await expect(names(page).first()).toHaveText('orchestrator');
	await page.getByRole('searchbox', { name: /Find a service/ }).fill('worker');
	await expect(names(page)).toHaveText(['worker-coder']);
	await page.getByRole('link', { name: 'worker-coder' }).click();
	await expect(page).toHaveURL(/\/services\/worker-coder/);
	await page.goBack();
	await expect(names(page)).toHaveText(['worker-coder']);
});

test('a service shows its charts on one cursor, its operations, neighbours, version and errors', async ({ page }) => {
	await open(page, '/services/worker-coder');
	const chart = (name: RegExp) => page.getByRole('slider', { name });
	await expect(chart(/^Spans per second/)).toBeVisible();
	await chart(/^Durations/).focus();
	await page.keyboard.press('ArrowLeft');
	await expect(page.locator('.readout')).toHaveCount(3);
	await expect(page.getByRole('link', { name: 'version 1.4.2' })).toBeVisible();
	await expect(page.getByRole('region', { name: 'Called by' })).toContainText('orchestrator');
	await expect(page.getByRole('region', { name: 'Calls', exact: true })).toContainText('llm-gateway');
	await expect(page.getByRole('region', { name: 'Errors in its logs' })).toContainText(
		'task failed: the language model'
	);
	await page.getByRole('table', { name: 'Operations' }).getByRole('link', { name: 'run task' }).click();
	await expect(page).toHaveURL(/\/traces\?.*operation=run/);
});

test('a span of time drawn in one chart zooms all of them, once', async ({ page }) => {
	await open(page, '/services/worker-coder');
	const box = await page.locator('.u-over').first().boundingBox();
	if (!box) throw new Error('the chart has no place');
	await page.mouse.move(box.x + box.width * 0.3, box.y + 50);
	await page.mouse.down();
	await page.mouse.move(box.x + box.width * 0.6, box.y + 60, { steps: 5 });
	await page.mouse.up();
	await expect(page).toHaveURL(/from=\d{4}-/);
	await page.goBack();
	await expect(page).not.toHaveURL(/from=/);
});

test('the map is walked with the arrow keys, and says the same as a table', async ({ page }) => {
	await open(page, '/services?tab=map');
	const map = page.getByRole('group', { name: 'Service map' });
	const box = (name: string) => map.getByRole('link', { name: new RegExp(`^${name}`) });
	await box('orchestrator').focus();
	await page.keyboard.press('ArrowRight');
	const active = page.locator('a.node:focus');
	await expect(active).toContainText(/planner|worker-coder/);
	await page.getByText('The same as a list').click();
	const calls = page.getByRole('table', { name: 'Calls between services' });
	await expect(calls.getByRole('row', { name: /worker-coder llm-gateway/ })).toBeVisible();
	await box('worker-coder').press('Enter');
	await expect(page).toHaveURL(/\/services\/worker-coder/);
});

test('a service that sent nothing in the range says so', async ({ page }) => {
	await open(page, '/services/nobody');
	await expect(page.getByRole('heading', { name: 'nobody sent no spans' })).toBeVisible();
	await expect(page.getByText('No error in its logs in this range.')).toBeVisible();
});
