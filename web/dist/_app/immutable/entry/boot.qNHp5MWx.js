const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_188m1vj = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.BHjGXNMs.js"), import("./app.BkrhDeIA.js")]);
kit.start(app, document.getElementById('app'));
