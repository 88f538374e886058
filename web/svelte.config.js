import adapter from '@sveltejs/adapter-static';

/** @type {import('@sveltejs/kit').Config} */
export default {
	kit: {
		// One page for every path; the server answers it wherever a browser asks for a page.
		adapter: adapter({ pages: 'dist', assets: 'dist', fallback: 'index.html' }),
		// A name of our own: the default is the time of the build, and two builds of one source would differ.
		version: { name: 'clew', pollInterval: 0 },
		// Without it every folder of src/lib would need a relative path.
		alias: { $ui: 'src/lib/ui' },
		output: { preloadStrategy: 'modulepreload' }
	},
	compilerOptions: { runes: true }
};
