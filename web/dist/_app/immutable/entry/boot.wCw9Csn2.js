const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_uufop = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.B-3LCDiE.js"), import("./app.BAygfXW5.js")]);
kit.start(app, document.getElementById('app'));
