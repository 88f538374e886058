const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_1os96ct = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.BFCDlrzl.js"), import("./app.yVC8gVR6.js")]);
kit.start(app, document.getElementById('app'));
