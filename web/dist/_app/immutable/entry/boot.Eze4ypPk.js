const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_zh94pn = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.BIu7bT75.js"), import("./app.Dt5dzos1.js")]);
kit.start(app, document.getElementById('app'));
