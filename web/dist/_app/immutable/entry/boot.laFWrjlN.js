const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_1d0nwuc = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.BrB8TGIg.js"), import("./app.Bg-LSvO3.js")]);
kit.start(app, document.getElementById('app'));
