const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_oemm2f = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.ZaFwUdey.js"), import("./app.BerknBTC.js")]);
kit.start(app, document.getElementById('app'));
