// Puts the compressed variants of the built page's files beside them: `start.js.br`, `start.js.gz`. They are committed with
// the page, so that no build of the server compresses anything.
//
// The compressors are WebAssembly and JavaScript of the versions in package-lock.json: those inside Node.js give other
// bytes in another version, and CI asks that the committed files are what the sources build.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzip } from 'pako';

// What an `import` of it finds is for browsers.
const brotli = createRequire(import.meta.url)('brotli-wasm');

/** Files that get smaller by compression. */
const TEXT = /\.(?:css|js|json|map|mjs|svg|txt|wasm|webmanifest)$/;
/** Bytes below which a variant saves nothing worth a file. */
const LEAST = 512;
/** The best that each of them can do. */
const BROTLI_QUALITY = 11;
const GZIP_LEVEL = 9;

const dist = new URL('../dist/', import.meta.url);
for (const name of readdirSync(dist, { recursive: true })) {
	const file = new URL(name, dist);
	// The page itself is written anew for each path that it is asked at.
	if (!TEXT.test(name) || statSync(file).size < LEAST) continue;
	const plain = readFileSync(file);
	const variants = {
		br: brotli.compress(plain, { quality: BROTLI_QUALITY }),
		gz: gzip(plain, { level: GZIP_LEVEL })
	};
	for (const [extension, bytes] of Object.entries(variants)) {
		if (bytes.length < plain.length) writeFileSync(new URL(`${name}.${extension}`, dist), bytes);
	}
}
