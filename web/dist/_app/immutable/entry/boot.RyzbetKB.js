const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_1f9ibqm = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.C9HJl1qV.js"), import("./app.C7xFmz4C.js")]);
kit.start(app, document.getElementById('app'));
