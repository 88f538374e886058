import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vitest/config';

/** The server behind `npm run dev`. */
const server = process.env.CLEW_URL ?? 'http://127.0.0.1:4300';

export default defineConfig({
	plugins: [sveltekit()],
	server: { proxy: Object.fromEntries(['/api', '/prometheus', '/-', '/v1'].map((path) => [path, server])) },
	build: { target: 'es2022' },
	test: { include: ['src/**/*.test.ts'] }
});
