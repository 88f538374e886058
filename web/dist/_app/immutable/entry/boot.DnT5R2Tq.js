const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_17k30j3 = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.BphhyMeS.js"), import("./app.u3jZPb2T.js")]);
kit.start(app, document.getElementById('app'));
