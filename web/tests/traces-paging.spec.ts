import { expect, facts, test } from './fixtures';

/** The trace search reads older pages until it has seen something of a selected area. */

test('a page of traces that fails is not asked for again by itself', async ({ page, expectRefusal }) => {
	expectRefusal(/500/);
	let older = 0;
	await page.route('**/api/v1/traces?*', async (route) => {
		if (new URL(route.request().url()).searchParams.has('cursor')) {
			older += 1;
			return route.fulfill({ status: 500, json: { error: { code: 'internal', message: 'the disk is gone' } } });
		}
		// The server under test holds too few traces for a second page.
		const response = await route.fetch();
		return route.fulfill({ response, json: { ...(await response.json()), next_cursor: 'older' } });
	});
	// No trace took that long.
	await page.goto(`${facts.url}/traces?tmin=100s`);
	await expect(page.getByText('the disk is gone')).toBeVisible();
	await page.waitForTimeout(500);
	expect(older).toBe(1);
	await page.getByRole('button', { name: 'Load older ones' }).click();
	await expect.poll(() => older).toBe(2);
	await page.waitForTimeout(500);
	expect(older).toBe(2);
});
