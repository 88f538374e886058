const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_1yhn8vz = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.Dmx_TXqE.js"), import("./app.CjWSc-BX.js")]);
kit.start(app, document.getElementById('app'));
