import type { APIRequestContext, Page } from '@playwright/test';
import { expect, expectAccessible, facts, test } from './fixtures';

/** What the page shows is what was sent, and moves with it. */

const E = '\u001b';
const records = (page: Page) => page.getByRole('grid', { name: 'Log records' });

/** Sends records as text, so that numbers go as they are written. */
async function send(request: APIRequestContext, text: string) {
	const answer = await request.post(`${facts.url}/api/v1/logs`, {
		data: text,
		headers: { 'content-type': 'application/json' }
	});
	expect((await answer.json()).accepted).toBeGreaterThan(0);
}

test('a number keeps its text in fields, JSON and links', async ({ page, request }) => {
	const id = '31799283746019283746019283746019283746';
	await send(
		request,
		`{"level":"INFO","service":"ledger","message":"a decimal trace","dd":{"trace_id":${id}},"price":0.10,"big":18446744073709551615}`
	);
	await page.goto(`${facts.url}/logs?q=%22a%20decimal%20trace%22`);
	await records(page).getByRole('row').first().click();
	const panel = page.getByRole('complementary', { name: 'Log record' });
	for (const text of [id, '0.10', '18446744073709551615'])
		await expect(panel.getByText(text, { exact: true })).toBeVisible();
	const link = panel.getByRole('link', { name: `Everything that carries ${id}` });
	await expect(link).toHaveAttribute('href', new RegExp(`/id/${id}`));
	await panel.getByRole('tab', { name: 'JSON' }).click();
	await expect(panel.locator('pre')).toContainText(`"trace_id": ${id}`);
	await expect(panel.locator('pre')).toContainText('"price": 0.10');
});

test('the colours of a terminal are shown, and the words are words', async ({ page, request }) => {
	await send(
		request,
		JSON.stringify({ level: 'INFO', service: 'ledger', message: `${E}[31mfrobnicate${E}[0m failed today` })
	);
	await page.goto(`${facts.url}/logs?q=service:ledger`);
	const row = records(page).getByRole('row', { name: /frobnicate failed today/ });
	await expect(row).toBeVisible();
	const red = row.locator('span', { hasText: /^frobnicate$/ }).last();
	const [color, other] = await row.evaluate((node) => {
		const found = [...node.querySelectorAll('span')].filter((one) => one.textContent === 'frobnicate').at(-1);
		return [found ? getComputedStyle(found).color : '', getComputedStyle(node).color];
	});
	expect(color).not.toBe(other);
	await expect(red).toBeVisible();
});

test('a refresh by itself asks for what is new, and shows it once, newest first', async ({ page, request }) => {
	const asked: { start: number; end: number }[] = [];
	page.on('request', (one) => {
		const url = new URL(one.url());
		if (url.pathname !== '/api/v1/logs' || one.method() !== 'GET') return;
		const at = (name: string) => Date.parse(url.searchParams.get(name) ?? '');
		asked.push({ start: at('start'), end: at('end') });
	});
	await page.goto(`${facts.url}/logs?q=service:refreshed&refresh=5s`);
	await send(request, '{"level":"INFO","service":"refreshed","message":"one"}');
	await expect(records(page).getByRole('row', { name: /one$/ })).toHaveCount(1, { timeout: 20_000 });
	await send(request, '{"level":"WARN","service":"refreshed","message":"two"}');
	await expect(records(page).getByRole('row', { name: /two$/ })).toHaveCount(1, { timeout: 20_000 });
	await expect(records(page).getByRole('row')).toHaveCount(2);
	await expect(records(page).getByRole('row').first()).toContainText('two');
	await expect(page.getByText(/^2 records$/)).toBeVisible();
	const last = asked.at(-1);
	expect(last && last.end - last.start).toBeLessThan(60_000);
	// A person who asks gets all anew.
	await page.keyboard.press('r');
	await expect.poll(() => (asked.at(-1)?.end ?? 0) - (asked.at(-1)?.start ?? 0)).toBeGreaterThan(3_000_000);
});

test('a query that is wrong while it is typed breaks no rule of the page', async ({ page, expectRefusal }) => {
	// Only the refusals of what is run; a style that the policy refuses would be a complaint.
	expectRefusal(/status of 400/);
	await page.goto(`${facts.url}/explore`);
	const editor = page.locator('.cm-content').first();
	for (const text of ['sum(rate(up[5m]) by (', 'up{job="x', '1 +', 'rate(up)']) {
		await editor.click();
		await page.keyboard.press('ControlOrMeta+a');
		await page.keyboard.type(text, { delay: 20 });
		await page.waitForTimeout(900);
		await page.keyboard.press('Escape');
		const box = await editor.boundingBox();
		for (let x = 10; box && x < 160; x += 15) await page.mouse.move(box.x + x, box.y + 14);
		await page.waitForTimeout(400);
	}
	await page.goto(`${facts.url}/logs`);
	const bar = page.getByRole('search', { name: 'Logs' }).getByRole('textbox');
	for (const text of ['level:error AND (', 'a:[1 TO', '"open', 'a:/(/ x']) {
		await bar.click();
		await page.keyboard.press('ControlOrMeta+a');
		await page.keyboard.type(text, { delay: 20 });
		await page.keyboard.press('Escape');
		await page.keyboard.press('Enter');
		await page.waitForTimeout(500);
	}
});

test('counts move while a tail runs', async ({ page }) => {
	await page.goto(`${facts.url}/logs?q=service:ticker&live=1`);
	const total = page.getByText(/^[\d,]+ records?$/);
	const count = async () => Number((await total.textContent())?.replaceAll(/\D/g, ''));
	await expect(total).toBeVisible();
	const first = await count();
	// Sooner than the server is asked again.
	await expect.poll(count, { timeout: 6_000 }).toBeGreaterThan(first + 3);
});

test('the logs of a span that no record names are those of its trace at that time', async ({ page }) => {
	await page.goto(`${facts.url}/traces/${facts.traceId}`);
	const spans = page.getByRole('treegrid', { name: 'Spans of the trace' });
	await spans
		.getByRole('row', { name: /orchestrator POST/ })
		.first()
		.click();
	const panel = page.getByRole('complementary').first();
	const link = panel.getByRole('link', { name: 'Logs' });
	await expect(link).toHaveAttribute('title', /those of its trace/);
	await link.click();
	await expect(records(page).getByRole('row').first()).toBeVisible();
});

test('slow traces are set against the rest, and what they share narrows the search', async ({ page }) => {
	await page.goto(`${facts.url}/traces`);
	await page.getByRole('button', { name: '1 with errors' }).click();
	await page.getByRole('button', { name: 'What sets these apart?' }).click();
	const panel = page.getByRole('region', { name: 'What sets these traces apart' });
	await expect(panel.getByText('1 trace against 40 others')).toBeVisible();
	const row = panel.getByRole('row', { name: /worker-coder.*task_id =.*task:0042/ });
	await expect(row).toContainText('100 %');
	await expectAccessible(page, 'traces set against each other');
	await row.getByRole('button').click();
	await expect(page).toHaveURL(/attrs=task_id%3D/);
	await expect(page.getByRole('grid', { name: 'Traces' }).getByRole('row')).toHaveCount(1);
});

test('Enter opens the selected trace, and heads stand over their cells with a panel open', async ({ page }) => {
	await page.goto(`${facts.url}/logs?q=%22language%20model%22`);
	await records(page).getByRole('row').first().click();
	await expect(page.getByRole('complementary', { name: 'Log record' })).toBeVisible();
	const [head, cell] = await page.evaluate(() => {
		const left = (of: Element | null | undefined) => of?.getBoundingClientRect().left ?? -1;
		const heads = [...document.querySelectorAll('.list-head > span')];
		const cells = [...document.querySelectorAll('[aria-label="Log records"] [role=row] .line > span')];
		return [heads.at(-1), cells.at(-1)].map(left);
	});
	expect(Math.abs((head ?? 0) - (cell ?? 99))).toBeLessThanOrEqual(1);
	await page.goto(`${facts.url}/traces`);
	await expect(page.getByRole('grid', { name: 'Traces' }).getByRole('row').first()).toBeVisible();
	await page.keyboard.press('j');
	await page.keyboard.press('Enter');
	await expect(page).toHaveURL(/\/traces\/[0-9a-f]{32}/);
});

test('lanes that do not fit are told', async ({ page }) => {
	await page.setViewportSize({ width: 1200, height: 420 });
	await page.goto(`${facts.url}/id/${facts.correlationId}`);
	const more = page.getByRole('button', { name: /^\d+ more lanes? below$/ });
	await expect(more).toBeVisible();
	const before = Number(/^\d+/.exec((await more.textContent()) ?? '')?.[0]);
	expect(before).toBeGreaterThan(0);
	// The last click takes the button away.
	for (let turn = 0; turn < 10 && (await more.isVisible()); turn += 1) {
		await more.click({ timeout: 1_000 }).catch(() => undefined);
	}
	await expect(more).toHaveCount(0);
});
