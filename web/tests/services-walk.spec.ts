import { expect, facts, test } from './fixtures';

/** From service to service: each page shows what is its own, and the map tells a drag from a click. */

test("a service's page never shows the errors and versions of the one before", async ({ page }) => {
	await page.goto(`${facts.url}/services/worker-coder`);
	const errors = page.getByRole('region', { name: 'Errors in its logs' });
	await expect(errors).toContainText('task failed: the language model');
	await expect(page.getByRole('link', { name: 'version 1.4.2' })).toBeVisible();

	let release = () => {};
	const released = new Promise<void>((resolve) => (release = resolve));
	await page.route(/\/api\/v1\/logs/, async (route) => {
		await released;
		await route.continue();
	});
	await page.getByRole('region', { name: 'Called by' }).getByRole('link', { name: 'orchestrator' }).click();
	await expect(page.getByRole('heading', { name: 'orchestrator' })).toBeVisible();
	await expect(errors).not.toContainText('task failed');
	await expect(page.getByRole('link', { name: 'version 1.4.2' })).toHaveCount(0);
	release();
	await expect(errors).toContainText('No error in its logs in this range.');
});
