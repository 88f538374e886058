const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_1o6xzli = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.D2Wurnf7.js"), import("./app.BLj90sjQ.js")]);
kit.start(app, document.getElementById('app'));
