const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_pta8kn = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.Dwm-9ctb.js"), import("./app.Ce37a-i2.js")]);
kit.start(app, document.getElementById('app'));
