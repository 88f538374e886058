const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_qpq7zl = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.BOzOjiT3.js"), import("./app.DGNSTune.js")]);
kit.start(app, document.getElementById('app'));
