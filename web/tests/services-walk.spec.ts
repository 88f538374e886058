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

test('the map is moved by its boxes too, and a click opens one still', async ({ page }) => {
	await page.goto(`${facts.url}/services?tab=map`);
	const node = page.getByRole('group', { name: 'Service map' }).getByRole('link', { name: /^planner/ });
	const before = await node.boundingBox();
	if (!before) throw new Error('the box has no place');
	const middle = { x: before.x + before.width / 2, y: before.y + before.height / 2 };
	await page.mouse.move(middle.x, middle.y);
	await page.mouse.down();
	await page.mouse.move(middle.x + 40, middle.y + 30, { steps: 4 });
	await page.mouse.up();
	const after = await node.boundingBox();
	expect((after?.x ?? 0) - before.x).toBeCloseTo(40, 0);
	await expect(page).toHaveURL(/\/services\?tab=map/);
	// After a drag the keyboard and the next click open as ever.
	await node.click();
	await expect(page).toHaveURL(/\/services\/planner/);
});
