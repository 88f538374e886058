import type { Page } from '@playwright/test';
import { expect, facts, test } from './fixtures';

/** What a number on a page counted is what its link opens, whatever came since. */

const number = (text: string | null) => Number((text ?? '').replaceAll(/[^\d]/g, ''));
const records = (page: Page) => page.getByText(/^[\d,]+ records?$/);

test('a group of errors on Home opens its records, and all groups are all errors of the range', async ({ page }) => {
	await page.goto(`${facts.url}/`);
	const card = page.getByRole('region', { name: 'Newest errors' });
	await expect(card.getByRole('listitem').first()).toBeVisible();
	const said = await card.getByRole('link', { name: /records? in \d+ kinds?/ }).textContent();
	const links = card.getByRole('link', { name: /^[\d,]+ records?$/ });
	const counts = (await links.evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')))).map(number);
	expect(counts.reduce((sum, one) => sum + one, 0)).toBe(number(said?.split(' in ')[0] ?? ''));
	for (const index of [0, counts.length - 1]) {
		await links.nth(index).click();
		await expect(page).toHaveURL(/\/logs\?/);
		await expect(records(page)).toHaveText(new RegExp(`^${counts[index]} records?$`));
		await page.goBack();
		await expect(links.first()).toBeVisible();
	}
});

test('an error group of a service, and the numbers of its table, open what they counted', async ({ page }) => {
	await page.goto(`${facts.url}/services/billing`);
	const card = page.getByRole('region', { name: 'Errors in its logs' });
	const count = card.getByRole('row').nth(1).getByRole('link').first();
	const said = number(await count.textContent());
	expect(said).toBeGreaterThan(0);
	await count.click();
	await expect(records(page)).toHaveText(new RegExp(`^${said} records?$`));

	await page.goto(`${facts.url}/services`);
	const row = page.getByRole('table', { name: 'Services' }).getByRole('row', { name: /^scheduler/ });
	const logs = row.getByRole('link').last();
	const title = number(await logs.getAttribute('title'));
	await logs.click();
	await expect(records(page)).toHaveText(new RegExp(`^${title.toLocaleString('en-US')} records?$`));
});
