const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_1wl93b3 = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.DlsGXVQt.js"), import("./app.BDb42TNF.js")]);
kit.start(app, document.getElementById('app'));
