import { request as ask, createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, facts, test } from './fixtures';

/** The page behind a proxy that serves it below a prefix and strips that, as nginx' `proxy_pass http://clew/;` does. */

const PREFIX = '/tools/clew';
let proxy: Server;
let url: string;

test.beforeAll(async () => {
	const target = new URL(facts.url);
	proxy = createServer((incoming, outgoing) => {
		if (!incoming.url?.startsWith(`${PREFIX}/`)) {
			outgoing.writeHead(404).end('not below the prefix');
			return;
		}
		const path = incoming.url.slice(PREFIX.length);
		const options = {
			host: target.hostname,
			port: target.port,
			path,
			method: incoming.method,
			headers: incoming.headers
		};
		const forwarded = ask(options, (answer) => {
			outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
			answer.pipe(outgoing);
		});
		forwarded.on('error', () => outgoing.destroy());
		incoming.pipe(forwarded);
	});
	await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
	url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${PREFIX}`;
});

test.afterAll(() => {
	proxy.closeAllConnections();
	proxy.close();
});

test('the page works below a prefix that a proxy strips', async ({ page }) => {
	await page.goto(`${url}/traces/${facts.traceId}`);
	await expect(
		page
			.getByRole('treegrid')
			.getByRole('row', { name: /chat completion/ })
			.first()
	).toBeVisible();
	await page.getByRole('link', { name: 'Correlate' }).click();
	await expect(page).toHaveURL(new RegExp(`${PREFIX}/id/${facts.traceId}`));
	await expect(page.getByRole('region', { name: 'Timeline' })).toBeVisible();
	for (const [name, path] of [
		['Logs', 'logs'],
		['Metrics', 'explore'],
		['Services', 'services'],
		['Home', '']
	] as const) {
		await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();
		await expect(page).toHaveURL((at) => at.pathname === `${PREFIX}/${path}`);
	}
	await page.reload();
	await expect(page.locator('#main').getByText('worker-coder').first()).toBeVisible();
});
