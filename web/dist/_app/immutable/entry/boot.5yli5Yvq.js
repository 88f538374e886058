const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_879s4d = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.uk5nniWA.js"), import("./app.CrTsJYDs.js")]);
kit.start(app, document.getElementById('app'));
