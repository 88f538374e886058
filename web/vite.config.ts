import { sveltekit } from '@sveltejs/kit/vite';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** The server behind `npm run dev`. */
const server = process.env.CLEW_URL ?? 'http://127.0.0.1:4300';

/**
 * SvelteKit hides the element in which it announces a page's title by an inline style, which the server's
 * Content-Security-Policy forbids; `base.css` does it instead.
 */
function announcerWithoutInlineStyle(): Plugin {
	return {
		name: 'announcer-without-inline-style',
		enforce: 'pre',
		transform(code, id) {
			if (!id.endsWith('/generated/root.svelte')) return;
			const without = code.replace(/(id="svelte-announcer"[^>]*?) style="[^"]*"/, '$1');
			if (without === code) throw new Error("SvelteKit's announcer is not the one expected");
			return { code: without, map: null };
		}
	};
}

export default defineConfig({
	plugins: [announcerWithoutInlineStyle(), sveltekit()],
	server: { proxy: Object.fromEntries(['/api', '/prometheus', '/-', '/v1'].map((path) => [path, server])) },
	build: { target: 'es2022' },
	test: { include: ['src/**/*.test.ts'] },
	// Tests that mount components take Svelte as browsers do.
	resolve: process.env.VITEST ? { conditions: ['browser'] } : undefined
});
