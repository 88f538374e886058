import { defineConfig } from '@playwright/test';

/** The page in a real browser, against a real server filled by real clients (`tests/serve.py`). */
export default defineConfig({
	testDir: 'tests',
	testMatch: '*.spec.ts',
	globalSetup: './tests/setup.ts',
	// One server holds what all tests ask for; on two cores two browsers only slow each other.
	workers: 1,
	retries: 0,
	timeout: 60_000,
	expect: { timeout: 15_000 },
	reporter: [['list']],
	use: {
		viewport: { width: 1440, height: 900 },
		launchOptions: {
			executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
			args: [
				'--no-sandbox',
				'--disable-gpu',
				'--disable-quic',
				'--no-first-run',
				'--disable-background-networking',
				'--disable-component-update',
				'--disable-sync'
			]
		}
	}
});
