import { expect, facts, test } from './fixtures';

/** The trace search beyond one page: what fails, in which order it comes, what the plot shows. */

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
	await page.goto(`${facts.url}/traces`);
	await page.getByRole('grid', { name: 'Traces' }).focus();
	await page.keyboard.press('End');
	await expect(page.getByText('the disk is gone')).toBeVisible();
	await page.waitForTimeout(500);
	expect(older).toBe(1);
	await page.getByRole('button', { name: 'Load more' }).click();
	await expect.poll(() => older).toBe(2);
	await page.waitForTimeout(500);
	expect(older).toBe(2);
});

test('the list is sorted by the server, and the plot counts what is not loaded', async ({ page }) => {
	const asked: URLSearchParams[] = [];
	await page.route('**/api/v1/traces?*', async (route) => {
		const url = new URL(route.request().url());
		asked.push(url.searchParams);
		// Pages of thirty, so that the traces under test do not fit into one, and the list does not fit the window.
		url.searchParams.set('limit', '30');
		return route.fulfill({ response: await route.fetch({ url: url.toString() }) });
	});
	await page.setViewportSize({ width: 1200, height: 640 });
	await page.goto(`${facts.url}/traces?sort=duration`);
	const rows = page.getByRole('grid', { name: 'Traces' }).getByRole('row');
	await expect(page.getByRole('heading', { name: /^\d+ traces$/ })).toBeVisible();
	expect(asked[0]?.get('sort')).toBe('duration');
	expect(asked[0]?.get('order')).toBe('desc');
	await expect(page.getByText(/The list holds the longest 30 of \d+/)).toBeVisible();
	await expect(page.getByRole('listbox', { name: /^Traces by time and duration: 41, 1 with errors/ })).toBeVisible();
	// The one that failed is the oldest but one page away; asked for alone it is there.
	await page.getByRole('button', { name: '1 with errors' }).click();
	await expect(page).toHaveURL(/failed=true/);
	await expect(rows).toHaveCount(1);
	await expect(rows.first()).toContainText('1.45 s');
});

test('an area of the plot opens as many traces as the plot says', async ({ page }) => {
	await page.goto(`${facts.url}/traces`);
	const plot = page.getByRole('listbox', { name: /^Traces by time/ });
	const box = await plot.boundingBox();
	if (!box) throw new Error('the plot has no place');
	await page.mouse.move(box.x + box.width * 0.5, box.y + 10);
	await page.mouse.down();
	await page.mouse.move(box.x + box.width * 0.7, box.y + 110, { steps: 4 });
	const said = await plot.getByText(/^\d+ traces?/).textContent();
	const count = Number(/^\s*(\d+)/.exec(said ?? '')?.[1]);
	expect(count).toBeGreaterThan(0);
	await page.mouse.up();
	await expect(page).toHaveURL(/begun=1/);
	await expect(page.getByRole('heading', { level: 1 })).toHaveText(`${count} ${count === 1 ? 'trace' : 'traces'}`);
	await page.goBack();
	await expect(page.getByRole('heading', { level: 1 })).toHaveText('41 traces');
});
