const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_gxwvht = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.CEh2_Pax.js"), import("./app.Rqq34EOR.js")]);
kit.start(app, document.getElementById('app'));
