import type { Page } from '@playwright/test';
import { expect, facts, test } from './fixtures';

/** The flows of `flows.spec.ts` without a mouse. */

const records = (page: Page) => page.getByRole('grid', { name: 'Log records' });

test.beforeEach(async ({ page }) => {
	await page.goto(`${facts.url}/`);
	await expect(page.getByRole('combobox', { name: /Any ID/ })).toBeVisible();
});

test('from a word to its log, trace, span logs, service, and back', async ({ page }) => {
	await page.keyboard.press('/');
	await page.keyboard.type('language model did not answer');
	await page.keyboard.press('Enter');
	await expect(page).toHaveURL(/\/logs\?/);
	await expect(records(page).getByRole('row')).toHaveCount(1);
	await records(page).focus();
	await page.keyboard.press('ArrowDown');
	await page.keyboard.press('Enter');
	await expect(page.getByRole('tab', { name: 'Fields' })).toBeVisible();
	await page.keyboard.press('t');

	await expect(page).toHaveURL(new RegExp(`/traces/${facts.traceId}.*span=`));
	const spans = page.getByRole('treegrid', { name: 'Spans of the trace' });
	await expect(spans.getByRole('row', { selected: true })).toContainText('run task');
	await spans.focus();
	await page.keyboard.press('Enter');
	const service = page.getByRole('complementary').getByRole('link', { name: 'worker-coder' }).first();
	await expect(service).toBeVisible();
	await expect(page.getByText('task failed: the language model did not answer in 4 s').first()).toBeVisible();
	await service.focus();
	await page.keyboard.press('Enter');
	await expect(page).toHaveURL(/\/services\/worker-coder/);
	await page.keyboard.press('Alt+ArrowLeft');
	await expect(page).toHaveURL(/\/traces\//);
});

test('an ID pasted into the box opens its story; e goes to the first error', async ({ page }) => {
	await page.keyboard.press('ControlOrMeta+k');
	await page.keyboard.type(facts.correlationId);
	await page.keyboard.press('Enter');
	await expect(page).toHaveURL(new RegExp(`/id/${facts.correlationId}`));
	await expect(page.getByRole('region', { name: 'Timeline' })).toBeVisible();
	await page.keyboard.press('e');
	await expect(
		page.getByRole('grid', { name: 'Records in order of time' }).getByRole('row', { selected: true })
	).toContainText('first error');
});

test('a trace ID opens the trace', async ({ page }) => {
	await page.keyboard.press('/');
	await page.keyboard.type(facts.traceId.toUpperCase());
	await page.keyboard.press('Enter');
	await expect(page).toHaveURL(new RegExp(`/traces/${facts.traceId}`));
	await page.keyboard.press('e');
	await expect(page.getByRole('treegrid').getByRole('row', { selected: true })).toContainText('error');
});

test('the histogram is zoomed from the keyboard', async ({ page }) => {
	await page.keyboard.press('g');
	await page.keyboard.press('l');
	const bars = page.getByRole('slider', { name: 'Records over time' });
	await expect(bars).toBeVisible();
	await bars.focus();
	await page.keyboard.press('ArrowLeft');
	await page.keyboard.press('Shift+ArrowLeft');
	await page.keyboard.press('Enter');
	await expect(page).toHaveURL(/from=\d{4}-/);
});

test('the live tail is switched by a key', async ({ page }) => {
	await page.keyboard.press('g');
	await page.keyboard.press('l');
	await expect(records(page)).toBeVisible();
	await page.keyboard.press('l');
	await expect(page).toHaveURL(/live=1/);
	await expect(page.getByText(/heartbeat \d+/).first()).toBeVisible();
});

test('every page is one pair of keys away, the theme and the help too', async ({ page }) => {
	for (const [key, path] of [
		['l', '/logs'],
		['t', '/traces'],
		['m', '/explore'],
		['s', '/services'],
		['d', '/send'],
		[',', '/settings'],
		['h', '/']
	] as const) {
		await page.keyboard.press('g');
		await page.keyboard.press(key);
		await expect(page).toHaveURL((url) => url.pathname === path);
		await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
	}
	const before = await page.locator('html').getAttribute('data-theme');
	await page.keyboard.press('Alt+t');
	await expect(page.locator('html')).not.toHaveAttribute('data-theme', before ?? '');
	await page.keyboard.press('?');
	await expect(page.getByRole('dialog', { name: 'Keyboard and help' })).toBeVisible();
	await page.keyboard.press('Escape');
	await expect(page.getByRole('dialog', { name: 'Keyboard and help' })).toBeHidden();
});

test('single keys can be switched off', async ({ page }) => {
	await page.keyboard.press('?');
	await page.getByRole('checkbox', { name: /single key/ }).press('Space');
	await page.keyboard.press('Escape');
	await page.keyboard.press('g');
	await page.keyboard.press('l');
	await page.waitForTimeout(300);
	await expect(page).toHaveURL((url) => url.pathname === '/');
	await page.keyboard.press('ControlOrMeta+k');
	await expect(page.getByRole('combobox', { name: /Any ID/ })).toBeFocused();
});
