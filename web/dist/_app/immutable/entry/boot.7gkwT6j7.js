const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_14pf4la = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.Bqm0EPNu.js"), import("./app.VniJAE55.js")]);
kit.start(app, document.getElementById('app'));
