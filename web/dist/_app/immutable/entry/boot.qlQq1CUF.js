const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_17ock4s = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.Abncm47r.js"), import("./app.Bd7AqHsv.js")]);
kit.start(app, document.getElementById('app'));
