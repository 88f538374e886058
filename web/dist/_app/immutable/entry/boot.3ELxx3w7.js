const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_16n0i98 = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.D78Qq75v.js"), import("./app.BkQcAEq2.js")]);
kit.start(app, document.getElementById('app'));
