const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_1pxf90t = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.Dhsy8-OX.js"), import("./app.BVNZ2xYR.js")]);
kit.start(app, document.getElementById('app'));
