import { expect, expectAccessible, facts, test, useTheme } from './fixtures';

for (const theme of ['dark', 'light'] as const) {
	test(`a reader who may use several tenants chooses one and sees it alone, in the ${theme} theme`, async ({
		page
	}) => {
		await useTheme(page, theme);
		await page.goto(`${facts.tenantsUrl}/settings?tab=tenant`);
		await expect(page.getByText('This page shows the tenant default.')).toBeVisible();
		await expectAccessible(page, `the choice of a tenant in ${theme}`);
		for (const [own, other] of [
			['team-a', 'team-b'],
			['team-b', 'team-a']
		]) {
			await page.goto(`${facts.tenantsUrl}/settings?tab=tenant`);
			await page.getByRole('radio', { name: own }).check();
			await expect(page.getByText(`This page shows the tenant ${own}.`)).toBeVisible();
			await page.goto(`${facts.tenantsUrl}/logs`);
			await expect(page.getByText(`a line of ${own}`).first()).toBeVisible();
			await expect(page.getByText(`a line of ${other}`)).toHaveCount(0);
		}
		await page.goto(`${facts.tenantsUrl}/settings?tab=tenant`);
		await page.getByLabel('Show a tenant by its name').fill('team-c');
		await page.getByRole('button', { name: 'Show', exact: true }).click();
		await expect(page.getByText('This page shows the tenant team-c.')).toBeVisible();
	});
}

test('where no tenants are told apart there is none to choose', async ({ page }) => {
	await page.goto(`${facts.url}/settings?tab=tenant`);
	await expect(page.getByRole('link', { name: 'Targets' })).toBeVisible();
	await expect(page.getByRole('link', { name: 'Tenant', exact: true })).toHaveCount(0);
});
