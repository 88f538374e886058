// Makes the built page independent of the path it is served under, and free of inline scripts.
//
// SvelteKit writes a script into the page that starts the program from `/_app/…`. Here it becomes a file of its own,
// which finds the program beside itself; and the page's own links begin with a placeholder that the server replaces by
// the way up to the root from the path asked (`.` or `../..`). So one build serves under any prefix, with
// `Content-Security-Policy: default-src 'self'`.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const dist = new URL('../dist/', import.meta.url);
const page = new URL('index.html', dist);
let html = readFileSync(page, 'utf8');

const inline = [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)];
if (inline.length !== 1) throw new Error(`index.html has ${inline.length} inline scripts, 1 was expected`);
const [element, source] = inline[0];
const name = /(__sveltekit_\w+)\s*=/.exec(source)?.[1];
const entries = [...source.matchAll(/import\("\/(_app\/immutable\/entry\/[^"]+)"\)/g)].map((found) => found[1]);
if (!name || entries.length !== 2)
	throw new Error(`the starting script of index.html is not the one expected: ${source}`);

const beside = (entry) => JSON.stringify(`./${entry.split('/').at(-1)}`);
const boot = `const root = new URL('../../..', import.meta.url).pathname.replace(/\\/$/, '');
globalThis.${name} = { base: root, assets: root };
const [kit, app] = await Promise.all([import(${beside(entries[0])}), import(${beside(entries[1])})]);
kit.start(app, document.getElementById('app'));
`;
const hash = createHash('sha256').update(boot).digest('base64url').slice(0, 8);
const path = `_app/immutable/entry/boot.${hash}.js`;
writeFileSync(new URL(path, dist), boot);

html = html.replace(element, `<script type="module" src="/${path}"></script>`);
html = html.replaceAll(/(href|src)="\//g, '$1="%clew.root%/');
html = html.replace(/[ \t]*\n\s*\n/g, '\n');
if (/<script>|style="/.test(html)) throw new Error('index.html still holds inline code or styles');
writeFileSync(page, html);
