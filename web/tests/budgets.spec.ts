import { gzipSync } from 'node:zlib';
import { expect, facts, test } from './fixtures';
import { PAGES } from './pages';

/** Bytes of a page with gzip, as a browser loads it anew: the program, its styles, and what it loads lazily. */
const SHELL_BUDGET = 90_000;
const PAGE_BUDGET = 280_000;

const sizes: Record<string, number> = {};

for (const { name, path, ready } of PAGES) {
	test(`${name} stays within its budget`, async ({ page }) => {
		const files = new Map<string, Promise<number>>();
		page.on('response', (response) => {
			const url = new URL(response.url());
			if (!/^\/(?:_app\/.*|theme\.js|favicon\.svg)$/.test(url.pathname)) return;
			files.set(
				url.pathname,
				response.body().then((body) => gzipSync(body, { level: 9 }).length)
			);
		});
		await page.goto(facts.url + path);
		await expect(page.locator('#main').getByText(ready).first()).toBeVisible();
		// Editors come after the page stands.
		await page.waitForLoadState('networkidle');
		const all = await Promise.all(files.values());
		sizes[name] = all.reduce((sum, size) => sum + size, 0);
		expect(all.length).toBeGreaterThan(3);
		expect(sizes[name], `${name}: ${sizes[name]} bytes`).toBeLessThanOrEqual(PAGE_BUDGET);
	});
}

test('the shell stays within its budget', async ({ page }) => {
	// The page to send data is the shell and little else.
	const files = new Map<string, Promise<number>>();
	page.on('response', (response) => {
		const url = new URL(response.url());
		if (url.pathname.startsWith('/_app/')) {
			files.set(
				url.pathname,
				response.body().then((body) => gzipSync(body, { level: 9 }).length)
			);
		}
	});
	await page.goto(`${facts.url}/send`);
	await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
	await page.waitForLoadState('networkidle');
	const shell = (await Promise.all(files.values())).reduce((sum, size) => sum + size, 0);
	console.log(`sizes with gzip: ${JSON.stringify({ shell, ...sizes })}`);
	expect(shell).toBeLessThanOrEqual(SHELL_BUDGET);
});
