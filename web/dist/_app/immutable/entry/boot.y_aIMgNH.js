const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_1ozk46l = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.D4MLu42M.js"), import("./app.BDdSFRTC.js")]);
kit.start(app, document.getElementById('app'));
