const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_1dzsfv5 = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.Cfv8Juxd.js"), import("./app.COZJ1G5m.js")]);
kit.start(app, document.getElementById('app'));
