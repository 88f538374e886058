import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import adapter from '@sveltejs/adapter-static';

/**
 * A name of the build that says what it was built from: the default is the time, and two builds of one source would
 * differ. An open page that meets another name after an upgrade loads itself anew.
 */
function sourceHash() {
	const hash = createHash('sha256');
	for (const folder of ['src', 'static']) {
		const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
		for (const path of files.map((entry) => `${entry.parentPath}/${entry.name}`).sort()) {
			hash.update(path).update(readFileSync(path));
		}
	}
	return hash.update(readFileSync('package-lock.json')).digest('hex').slice(0, 12);
}

/** @type {import('@sveltejs/kit').Config} */
export default {
	kit: {
		// One page for every path; the server answers it wherever a browser asks for a page.
		adapter: adapter({ pages: 'dist', assets: 'dist', fallback: 'index.html' }),
		version: { name: sourceHash(), pollInterval: 0 },
		alias: { $ui: 'src/lib/ui' },
		output: { preloadStrategy: 'modulepreload' }
	},
	compilerOptions: { runes: true }
};
