import { expect, expectAccessible, facts, test, useTheme } from './fixtures';
import { PAGES } from './pages';

for (const theme of ['dark', 'light'] as const) {
	for (const { name, path, ready } of PAGES) {
		test(`${name} is accessible in the ${theme} theme`, async ({ page }) => {
			await useTheme(page, theme);
			await page.goto(facts.url + path);
			await expect(page.locator('#main').getByText(ready).first()).toBeVisible();
			await expect(page.locator('.skeleton')).toHaveCount(0);
			await expectAccessible(page, `${name} in ${theme}`);
		});
	}
}

test('every page has one heading of the first level and a title of its own', async ({ page }) => {
	const titles = new Set<string>();
	for (const { path, ready } of PAGES) {
		await page.goto(facts.url + path);
		await expect(page.locator('#main').getByText(ready).first()).toBeVisible();
		await expect(page.locator('h1:not(dialog h1)'), path).toHaveCount(1);
		titles.add(await page.title());
	}
	// Logs with and without a query may share one.
	expect(titles.size).toBeGreaterThanOrEqual(PAGES.length - 2);
});
