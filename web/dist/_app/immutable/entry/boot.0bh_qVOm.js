const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_133722f = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.CrQ745gM.js"), import("./app.BsJ22CJF.js")]);
kit.start(app, document.getElementById('app'));
