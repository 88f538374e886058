import { expect, expectAccessible, facts, test, useTheme } from './fixtures';

const REFUSED = /401|409|Failed to load resource/;

async function logIn(page: import('@playwright/test').Page, name: string, password: string) {
	await page.goto(`${facts.guardedUrl}/settings?tab=access`);
	await page.getByLabel('Name').fill(name);
	await page.getByLabel('Password').fill(password);
	await page.getByRole('button', { name: 'Log in' }).click();
	await expect(page.getByRole('button', { name: `Log out ${name}` })).toBeVisible();
}

for (const theme of ['dark', 'light'] as const) {
	test(`a user is added, changed and removed in the page, in the ${theme} theme`, async ({ page, expectRefusal }) => {
		expectRefusal(REFUSED);
		await useTheme(page, theme);
		await logIn(page, 'amy', 'open sesame');
		const users = page.getByRole('region', { name: 'Users' });
		await expect(users.getByRole('row', { name: /amy .* stands in the configuration/ })).toBeVisible();
		await users.getByRole('button', { name: 'Add a user' }).click();
		await expect(users.getByLabel('Name')).toBeFocused();
		const name = `grace-${theme}`;
		await users.getByLabel('Name').fill('amy');
		await users.getByLabel('Password').fill('a long enough one');
		await users.getByRole('button', { name: 'Add', exact: true }).click();
		await expect(users.getByRole('alert').filter({ hasText: 'amy' })).toBeVisible();
		await expectAccessible(page, `the form of a user in ${theme}`);
		await users.getByLabel('Name').fill(name);
		await users.getByRole('button', { name: 'Add', exact: true }).click();
		const row = users.getByRole('row', { name: new RegExp(`${name} read .* by amy`) });
		await expect(row).toBeVisible();
		await row.getByRole('button', { name: `What ${name} may do` }).click();
		await users.getByRole('checkbox', { name: /ingest/ }).check();
		await users.getByRole('button', { name: 'Change' }).click();
		await expect(users.getByRole('button', { name: `What ${name} may do` })).toBeFocused();
		await expect(users.getByRole('row', { name: new RegExp(`${name} ingest, read`) })).toBeVisible();
		await expect(users.getByRole('status')).toHaveText(`${name} is changed`);

		// Whoever may read only sees that this is not theirs.
		await page.getByRole('button', { name: 'Log out amy' }).click();
		await logIn(page, name, 'a long enough one');
		await expect(page.getByRole('heading', { name: 'Somebody with the scope admin sees this' })).toBeVisible();
		await page.getByRole('button', { name: `Log out ${name}` }).click();
		await logIn(page, 'amy', 'open sesame');

		await users.getByRole('button', { name: `Remove ${name}` }).click();
		await users.getByRole('button', { name: `Remove ${name}` }).click();
		await expect(users.getByRole('row', { name: new RegExp(name) })).toHaveCount(0);
		await expect(users.getByRole('status')).toHaveText(`${name} is removed`);
		await expect(users.getByRole('button', { name: 'Add a user' })).toBeFocused();
		const deeds = page.getByRole('region', { name: 'Who did what' });
		await expect(deeds.getByRole('row', { name: new RegExp(`amy removed the user ${name}`) })).toBeVisible();
		await expectAccessible(page, `who may use the server, in ${theme}`);
	});
}

test('a token is shown once, lets a program in, and does not once it is removed', async ({
	page,
	request,
	expectRefusal
}) => {
	expectRefusal(REFUSED);
	await logIn(page, 'amy', 'open sesame');
	const tokens = page.getByRole('region', { name: 'Tokens' });
	await tokens.getByRole('button', { name: 'Make a token' }).click();
	await page.keyboard.type('shipper');
	await tokens.getByRole('checkbox', { name: /read/ }).check();
	await page.keyboard.press('Enter');
	const text = await tokens.getByRole('group', { name: 'The new token' }).locator('code').textContent();
	expect(text).toMatch(/^clew_/);
	const ask = () =>
		request.get(`${facts.guardedUrl}/api/v1/services`, { headers: { authorization: `Bearer ${text ?? ''}` } });
	expect((await ask()).status()).toBe(200);
	await expect(tokens.getByRole('group', { name: 'The new token' })).toBeFocused();
	await expect(tokens.getByRole('button', { name: 'Make a token' })).toBeDisabled();
	await tokens.getByRole('button', { name: 'I have it' }).click();
	await expect(tokens.getByRole('button', { name: 'Make a token' })).toBeFocused();
	await expect(page.getByText(text ?? '')).toHaveCount(0);
	const row = tokens.getByRole('row', { name: /shipper ingest, read .* by amy/ });
	await row.getByRole('button', { name: 'Remove shipper' }).click();
	await tokens.getByRole('button', { name: 'Remove shipper' }).click();
	await expect(tokens.getByRole('row', { name: /shipper/ })).toHaveCount(0);
	expect((await ask()).status()).toBe(401);
});
