import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test as base, expect } from '@playwright/test';

/** What the server under test holds. */
export interface Facts {
	url: string;
	/** A server that asks who one is: `ada` may read, `amy` everything; `open sesame`. */
	guardedUrl: string;
	/** A server with the tenants `team-a` and `team-b`, a log line in each. */
	tenantsUrl: string;
	/** Stands in one log line alone, which names the trace. */
	correlationId: string;
	taskId: string;
	/** A trace of 8 spans that broke. */
	traceId: string;
}

export const facts: Facts = JSON.parse(process.env.CLEW_FACTS ?? '{}');

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * Every test fails on an error in the console, an uncaught exception, or a request that leaves the machine. A test that
 * provokes a refusal says so: `expectRefusal(/400/)`.
 */
export const test = base.extend<{ expectRefusal: (pattern: RegExp) => void }>({
	// biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of what a fixture takes
	expectRefusal: async ({}, use) => {
		await use((pattern) => refusals.push(pattern));
		refusals.length = 0;
	},
	page: async ({ page }, use) => {
		const complaints: string[] = [];
		page.on('console', (message) => {
			if (message.type() !== 'error' && message.type() !== 'warning') return;
			const text = `${message.text()} (${message.location().url})`;
			if (!refusals.some((pattern) => pattern.test(text))) complaints.push(text);
		});
		page.on('pageerror', (error) => complaints.push(error.stack ?? error.message));
		page.on('request', (request) => {
			const url = new URL(request.url());
			if (url.protocol.startsWith('http') && url.hostname !== '127.0.0.1') complaints.push(`left the machine: ${url}`);
		});
		await use(page);
		expect(complaints).toEqual([]);
	}
});

const refusals: RegExp[] = [];

export { expect };

/** Runs axe on the page as it stands and expects nothing wrong. */
export async function expectAccessible(page: import('@playwright/test').Page, what: string) {
	await page.evaluate(axeSource);
	const violations = await page.evaluate(async () => {
		const { axe } = window as unknown as { axe: typeof import('axe-core') };
		const result = await axe.run(document, {
			runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
		});
		return result.violations.map(
			(one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html.slice(0, 200)).join(' | ')}`
		);
	});
	expect(violations, what).toEqual([]);
}

/** Chooses the theme before the page starts. */
export async function useTheme(page: import('@playwright/test').Page, theme: 'dark' | 'light') {
	await page.addInitScript((chosen) => localStorage.setItem('clew.theme', chosen), theme);
}
