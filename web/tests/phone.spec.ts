import type { Page } from '@playwright/test';
import { expect, facts, test, useTheme } from './fixtures';
import { PAGES } from './pages';

/** A phone at night: no page is wider than the window, and no control is off its edge. */

test.use({ viewport: { width: 390, height: 844 }, hasTouch: true });

async function expectFits(page: Page, what: string) {
	const found = await page.evaluate(() => {
		const controls = 'a[href], button, input, select, textarea, [role=tab], [role=slider]';
		const off = [...document.querySelectorAll<HTMLElement>(controls)].filter((one) => {
			if (one.closest('.visually-hidden, .skip, [role=treegrid]')) return false;
			const box = one.getBoundingClientRect();
			if (box.width === 0 || box.height === 0 || getComputedStyle(one).visibility === 'hidden') return false;
			return box.left < -1 || box.right > window.innerWidth + 1;
		});
		return {
			width: document.documentElement.scrollWidth,
			off: off.map((one) => `${one.tagName} ${one.getAttribute('aria-label') ?? one.textContent?.trim()}`.slice(0, 60))
		};
	});
	expect(found.width, `${what} is as wide as the window`).toBeLessThanOrEqual(390);
	expect(found.off, `controls off the edge of ${what}`).toEqual([]);
}

for (const theme of ['dark', 'light'] as const) {
	test(`every page fits in ${theme}`, async ({ page }) => {
		await useTheme(page, theme);
		for (const { name, path, ready } of PAGES) {
			await page.goto(facts.url + path);
			await expect(page.locator('#main').getByText(ready).first()).toBeVisible();
			await expectFits(page, name);
		}
	});
}

test('an incident is followed from a pasted ID to the log and its trace', async ({ page }) => {
	await page.goto(`${facts.url}/`);
	await page.getByRole('combobox', { name: /Any ID/ }).fill(facts.correlationId);
	await page.keyboard.press('Enter');
	await expect(page).toHaveURL(new RegExp(`/id/${facts.correlationId}`));
	await expect(page.getByRole('region', { name: 'Timeline' })).toBeVisible();
	await expectFits(page, 'the story');
	await page
		.getByRole('grid')
		.getByRole('row', { name: /task failed/ })
		.first()
		.click();
	await expect(page.getByRole('complementary').first()).toBeVisible();
	await expectFits(page, 'the record');
	await page.goto(`${facts.url}/logs?q=%22language%20model%22`);
	await page.getByRole('grid', { name: 'Log records' }).getByRole('row').first().click();
	await expectFits(page, 'a log record');
	await page
		.getByRole('complementary', { name: 'Log record' })
		.getByRole('link', { name: 'Trace', exact: true })
		.click();
	await expect(page).toHaveURL(new RegExp(`/traces/${facts.traceId}`));
	await expect(page.getByRole('treegrid', { name: 'Spans of the trace' })).toBeVisible();
	await expectFits(page, 'the trace');
});
