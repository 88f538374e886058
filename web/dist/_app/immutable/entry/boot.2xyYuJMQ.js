const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_bqxzjg = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.CdpugSMt.js"), import("./app.DmV9oRim.js")]);
kit.start(app, document.getElementById('app'));
