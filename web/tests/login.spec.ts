import { expect, expectAccessible, facts, test, useTheme } from './fixtures';

const REFUSED = /401|Failed to load resource/;

for (const theme of ['dark', 'light'] as const) {
	test(`a login by keyboard leads where one was going, in the ${theme} theme`, async ({ page, expectRefusal }) => {
		expectRefusal(REFUSED);
		await useTheme(page, theme);
		await page.goto(`${facts.guardedUrl}/logs?q=hello`);
		await expect(page.getByLabel('Name')).toBeFocused();
		await expectAccessible(page, `the login in ${theme}`);
		await page.keyboard.type('ada');
		await page.keyboard.press('Tab');
		await page.keyboard.type('hunter2');
		await page.keyboard.press('Enter');
		await expect(page.getByRole('alert')).toContainText('nobody here');
		await expect(page.getByLabel('Password')).toBeFocused();
		await expectAccessible(page, `the refused login in ${theme}`);
		await page.keyboard.type('open sesame');
		await page.keyboard.press('Enter');
		await expect(page.getByRole('button', { name: 'Log out ada' })).toBeVisible();
		await expect(page).toHaveURL(/\/logs\?q=hello/);
		await page.reload();
		await expect(page.getByRole('button', { name: 'Log out ada' })).toBeVisible();
		const cookies = await page.context().cookies();
		expect(cookies.map(({ httpOnly, sameSite }) => ({ httpOnly, sameSite }))).toEqual([
			{ httpOnly: true, sameSite: 'Strict' }
		]);
		await page.getByRole('button', { name: 'Log out ada' }).click();
		await expect(page.getByRole('heading', { name: 'Log in to Clew' })).toBeVisible();
		await page.reload();
		await expect(page.getByRole('heading', { name: 'Log in to Clew' })).toBeVisible();
	});
}

test('a login that ended is asked for again, and a token is another way in', async ({ page, expectRefusal }) => {
	expectRefusal(REFUSED);
	await page.goto(facts.guardedUrl);
	await page.getByLabel('Name').fill('ada');
	await page.getByLabel('Password').fill('open sesame');
	await page.getByRole('button', { name: 'Log in' }).click();
	await expect(page.getByRole('button', { name: 'Log out ada' })).toBeVisible();
	await page.context().clearCookies();
	await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Logs' }).click();
	await page.getByRole('button', { name: 'Use a token instead' }).click();
	await expect(page.getByLabel('Token')).toBeFocused();
	await page.keyboard.type('clew_nobodys');
	await page.keyboard.press('Enter');
	await expect(page.getByRole('alert')).toContainText('nobody here');
});
