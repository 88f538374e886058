const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_ubs75r = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.BV3plrke.js"), import("./app.Ckvc2FUV.js")]);
kit.start(app, document.getElementById('app'));
