const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_lqiouo = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.DuqvJ-ym.js"), import("./app.Db19D35J.js")]);
kit.start(app, document.getElementById('app'));
