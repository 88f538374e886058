const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_arj27q = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.BtjzGbc9.js"), import("./app.Ca-fmcUj.js")]);
kit.start(app, document.getElementById('app'));
