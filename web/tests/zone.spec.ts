import { expect, facts, test } from './fixtures';

/** One time zone on every page: said, and chosen. */

test.use({ timezoneId: 'Asia/Kolkata' });

test('times are in the zone that the page says, which can be chosen', async ({ page, request }) => {
	const answer = await request.get(`${facts.url}/api/v1/logs?query=%22language%20model%22&limit=1`);
	const { logs } = await answer.json();
	const utc = String(logs[0].time).slice(11, 19);
	const local = new Date(Date.parse(logs[0].time) + 5.5 * 3600e3).toISOString().slice(11, 19);
	await page.goto(`${facts.url}/logs?q=%22language%20model%22`);
	const row = page.getByRole('grid', { name: 'Log records' }).getByRole('row').first();
	await expect(row).toContainText(local);
	const picker = page.getByRole('button', { name: /^Time range/ });
	await expect(picker).toContainText('UTC+5:30');
	await picker.click();
	await page.getByLabel('Time zone').selectOption('UTC');
	await page.keyboard.press('Escape');
	await expect(row).toContainText(utc);
	await expect(picker).not.toContainText('UTC+5:30');
	await expect(picker).toContainText('UTC');
	// Kept, and the same on other pages.
	await page.goto(`${facts.url}/traces/${facts.traceId}`);
	await expect(picker).toContainText('UTC');
	await picker.click();
	await page.getByLabel('Time zone').selectOption('other');
	await page.getByLabel('Name of the time zone').fill('Asia/Tokyo');
	await page.keyboard.press('Enter');
	await expect(picker).toContainText('UTC+9');
	await page.getByLabel('Name of the time zone').fill('Mars/Olympus');
	await page.keyboard.press('Tab');
	await expect(page.getByText('No zone has this name')).toBeVisible();
	await expect(picker).toContainText('UTC+9');
});
