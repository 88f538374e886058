const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_hqq21m = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.CFklSQuy.js"), import("./app.DcFuSJpl.js")]);
kit.start(app, document.getElementById('app'));
